package verify

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/runtime"
)

// smokePrompts end in the same word, so that what follows can depend on the
// words before it only by way of attention.
var smokePrompts = [...]string{
	"The water of this sea is",
	"My youngest brother is",
	"What he said to them is",
}

// smokeTokens is how many tokens are generated after each prompt, and smokeRun
// how many equal ones at the end are taken for a loop.
const (
	smokeTokens = 16
	smokeRun    = 10
)

// probe is what the evaluation of the text and the prompts came to.
type probe struct {
	loadErr error // the model is broken
	sense   *sense
	better  *better  // the best other reading, if the model made little sense
	answers []answer // of the prompts that were evaluated
	cut     string   // what the time was up before; "" if all was done
}

// answer is what a model made of one prompt.
type answer struct {
	prompt    string
	logits    []float32 // after the last token; nil after notFinite
	notFinite *place    // element is the token of the vocabulary, offset the position
	greedy    []int32   // best tokens, up to one that ends the text
	text      string    // of greedy
	ended     bool
}

// evaluate loads the model and evaluates the prompts.
func (s *Subject) evaluate(ctx context.Context) *probe {
	if s.probe != nil || s.err != nil {
		return s.probe
	}
	e, err := newEngine(s.path, s.opts.runtime())
	switch {
	case errors.Is(err, runtime.ErrModel) || errors.Is(err, gguf.ErrFormat):
		s.probe = &probe{loadErr: err}
		return s.probe
	case err != nil:
		s.unable(err)
		return nil
	}
	defer e.close()
	limited, cancel := s.limited(ctx)
	defer cancel()
	p := &probe{}
	steps := int64(len(smokePrompts)) + 1
	task := s.opts.Progress.Start("verify smoke: text and prompts", steps)
	err = s.examine(limited, e, p, task)
	if timeUp(limited, err) && p.sense != nil {
		err = nil
	}
	task.Done(err)
	if err != nil {
		s.unable(cause(limited, err))
		return nil
	}
	s.covered = s.tensorBytes()
	s.probe = p
	return p
}

// examine does the work of evaluate, the most telling part first. p.cut says
// where it was when an error ended it.
func (s *Subject) examine(ctx context.Context, e *engine, p *probe, task progress.Task) (err error) {
	p.cut = "the text was read"
	if p.sense, err = e.sense(ctx); err != nil {
		p.sense = nil
		return err
	}
	task.Add(1)
	// No reading of random weights makes sense, and to try takes minutes.
	if (p.sense.doubtful() || p.sense.notFinite == nil && s.odd()) && !s.untrained() {
		p.cut = "other readings of the file were tried"
		if p.better, err = s.bestReading(ctx, e); err != nil {
			return err
		}
	}
	for i, prompt := range smokePrompts {
		p.cut = fmt.Sprintf("prompt %d of %d was answered", i+1, len(smokePrompts))
		a, err := e.answer(ctx, prompt)
		if err != nil {
			return err
		}
		p.answers = append(p.answers, a)
		task.Add(1)
	}
	p.cut = ""
	return nil
}

// cause names the time limit if that is why an evaluation ended.
func cause(ctx context.Context, err error) error {
	if timeUp(ctx, err) {
		return errTime
	}
	return err
}

// answer evaluates one prompt and continues it.
func (e *engine) answer(ctx context.Context, prompt string) (answer, error) {
	a := answer{prompt: prompt}
	tokens := e.encode(prompt)
	more := min(smokeTokens, max(e.model.Params().Context-len(tokens), 0))
	session, err := e.session(len(tokens) + more)
	if err != nil {
		return a, err
	}
	err = session.EvalAll(ctx, tokens, func(pos int, logits []float32) error {
		if p := firstNotFinite(logits); p != nil && a.notFinite == nil {
			p.offset = int64(pos)
			a.notFinite = p
		}
		if pos == len(tokens)-1 {
			a.logits = slices.Clone(logits)
		}
		return nil
	})
	if err != nil || a.notFinite != nil {
		a.logits = nil
		return a, err
	}
	for logits := a.logits; len(a.greedy) < more && !a.ended; {
		id, err := e.best.Sample(logits)
		if err != nil {
			return a, err
		}
		a.greedy = append(a.greedy, id)
		a.ended = e.text.IsEOG(id)
		if len(a.greedy) == more || a.ended {
			break
		}
		if logits, err = session.Eval(ctx, []int32{id}); err != nil {
			return a, err
		}
		if p := firstNotFinite(logits); p != nil {
			p.offset = int64(session.Pos() - 1)
			a.notFinite = p
			break
		}
	}
	a.text = e.text.Decode(a.greedy, false)
	return a, nil
}

func firstNotFinite(logits []float32) *place {
	for i, v := range logits {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return &place{element: int64(i), value: v}
		}
	}
	return nil
}

// surprise gives the negative log-probability of a token.
func surprise(logits []float32, id int32) float64 {
	_, top := extremes(logits)
	var sum float64
	for _, v := range logits {
		sum += math.Exp(float64(v) - top)
	}
	return math.Log(sum) + top - float64(logits[id])
}

// loops reports whether the answer ends in one token repeated.
func (a *answer) loops() bool {
	n := len(a.greedy)
	if n < smokeRun || a.ended {
		return false
	}
	for _, id := range a.greedy[n-smokeRun:] {
		if id != a.greedy[n-1] {
			return false
		}
	}
	return true
}
