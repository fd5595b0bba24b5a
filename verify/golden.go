package verify

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/runtime"
)

// golden is what the model answers to the questions of the baseline.
type golden struct {
	loadErr error
	cases   []goldenCase
	nll     float64 // NaN: the text is not known here
}

// goldenCase compares one answer with the baseline's.
type goldenCase struct {
	tokens    []int32 // that the prompt has now; nil if it was given as tokens
	notFinite *place  // offset counts the tokens before it
	diff      float64 // largest difference of a logit
	token     int     // whose logit that is
	greedy    []choice
}

// choice is a token of the greedy answer where the model would go another way
// than the baseline.
type choice struct {
	step int
	id   int32 // what it prefers
	gap  float64
}

// ask evaluates all questions, for a baseline that fits the model.
func (s *Subject) ask(ctx context.Context) *golden {
	if s.golden != nil || s.err != nil || s.params == nil || s.params.Vocab != s.opts.Baseline.Model.VocabSize {
		return s.golden
	}
	e, err := newEngine(s.path, s.opts.runtime())
	switch {
	case errors.Is(err, runtime.ErrModel) || errors.Is(err, gguf.ErrFormat):
		s.golden = &golden{loadErr: err, nll: math.NaN()}
		return s.golden
	case err != nil:
		s.unable(err)
		return nil
	}
	defer e.close()
	limited, cancel := s.limited(ctx)
	defer cancel()
	b := s.opts.Baseline
	task := s.opts.Progress.Start("verify golden: prompts and text", int64(len(b.Cases))+1)
	g := &golden{nll: math.NaN()}
	for i := range b.Cases {
		var c goldenCase
		if c, err = e.again(limited, &b.Cases[i]); err != nil {
			err = fmt.Errorf("case %d: %w", i+1, err)
			break
		}
		g.cases = append(g.cases, c)
		task.Add(1)
	}
	if text := b.Perplexity.text(); err == nil && text != "" {
		g.nll, err = e.nll(limited, e.encodeText(text), b.Perplexity.Context)
	}
	task.Done(err)
	if err != nil {
		s.unable(cause(limited, err))
		return nil
	}
	s.covered = s.tensorBytes()
	s.golden = g
	return g
}

// text gives the text of the baseline, "" if it is not known.
func (p *BaselinePerplexity) text() string {
	switch {
	case p == nil:
		return ""
	case p.Text == "" && p.TextSHA256 == digestOf(defaultText):
		return defaultText
	}
	return p.Text
}

// again evaluates a case. The greedy answer is followed along the baseline's
// tokens, so that one other choice does not make all later ones incomparable.
func (e *engine) again(ctx context.Context, c *Case) (goldenCase, error) {
	var g goldenCase
	if c.Prompt != "" {
		g.tokens = e.encode(c.Prompt)
	}
	s, err := e.session(len(c.Tokens) + max(len(c.Greedy)-1, 0))
	if err != nil {
		return g, err
	}
	logits, err := s.Eval(ctx, c.Tokens)
	if err != nil {
		return g, err
	}
	for i, v := range logits {
		if d := math.Abs(float64(v) - float64(c.Logits[i])); d > g.diff {
			g.diff, g.token = d, i
		}
	}
	for step, want := range c.Greedy {
		if g.notFinite = firstNotFinite(logits); g.notFinite != nil {
			break
		}
		if id, gap := bestTwo(logits); id != want {
			g.greedy = append(g.greedy, choice{step: step, id: id, gap: gap})
		}
		if step == len(c.Greedy)-1 {
			break
		}
		if logits, err = s.Eval(ctx, []int32{want}); err != nil {
			return g, err
		}
	}
	if g.notFinite == nil {
		g.notFinite = firstNotFinite(logits)
	}
	if g.notFinite != nil {
		g.notFinite.offset = int64(s.Pos())
	}
	return g, nil
}

// bestTwo gives the best token, the first of several, and by how much its logit
// is above the second best.
func bestTwo(logits []float32) (best int32, gap float64) {
	first, second := math.Inf(-1), math.Inf(-1)
	for i, v := range logits {
		switch x := float64(v); {
		case x > first:
			best, first, second = int32(i), x, first
		case x > second:
			second = x
		}
	}
	return best, first - second
}
