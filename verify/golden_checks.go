package verify

import (
	"context"
	"fmt"
	"math"
	"slices"
)

func checkModel(ctx context.Context, s *Subject) []Finding {
	if s.params == nil || s.vocab == nil {
		s.unable(errNoHeader)
		return nil
	}
	b := s.opts.Baseline.Model
	if b.VocabSize != s.params.Vocab {
		return []Finding{finding(Error, "the model has %d tokens, the baseline's had %d", s.params.Vocab, b.VocabSize)}
	}
	var fs []Finding
	if b.Architecture != s.params.Name {
		fs = append(fs, finding(Warning, "the architecture is %q, the baseline's was %q", s.params.Name, b.Architecture))
	}
	if g := s.ask(ctx); g != nil && g.loadErr != nil {
		fs = append(fs, finding(Error, "%v", g.loadErr))
	}
	return fs
}

func checkTokens(ctx context.Context, s *Subject) []Finding {
	var fs []Finding
	for i, g := range s.goldenCases(ctx) {
		c := s.opts.Baseline.Cases[i]
		if g.tokens != nil && !slices.Equal(g.tokens, c.Tokens) {
			fs = append(fs, finding(Error, "case %d: %.60q has the tokens %s, it had %s", i+1, c.Prompt, shortList(g.tokens), shortList(c.Tokens)))
		}
	}
	return fs
}

// shortList prints the first of many tokens.
func shortList(ids []int32) string {
	const most = 12
	if len(ids) > most {
		return fmt.Sprintf("%v… (%d)", ids[:most], len(ids))
	}
	return fmt.Sprint(ids)
}

func checkGoldenLogits(ctx context.Context, s *Subject) []Finding {
	cases, t := s.goldenCases(ctx), s.opts.Baseline.Tolerance
	var fs []Finding
	var diffs []float64
	for i, g := range cases {
		switch {
		case g.notFinite != nil:
			fs = append(fs, finding(Error, "case %d: logit of token %d is %v after %d tokens", i+1, g.notFinite.element, g.notFinite.value, g.notFinite.offset))
		case g.diff > t.LogitMax:
			fs = append(fs, finding(Error, "case %d: logit of token %d differs by %.4g, allowed are %v", i+1, g.token, g.diff, t.LogitMax))
		}
		diffs = append(diffs, g.diff)
	}
	if m := median(diffs); m > t.LogitMedian {
		fs = append(fs, finding(Error, "the largest differences of logits have a median of %.4g over %d cases, allowed are %v", m, len(diffs), t.LogitMedian))
	}
	return fs
}

// median gives the middle of x, 0 of nothing.
func median(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	y := slices.Sorted(slices.Values(x))
	return (y[(len(y)-1)/2] + y[len(y)/2]) / 2
}

func checkGreedy(ctx context.Context, s *Subject) []Finding {
	var fs []Finding
	for i, g := range s.goldenCases(ctx) {
		for _, c := range g.greedy {
			if c.gap > s.opts.Baseline.Tolerance.GreedyGap {
				want := s.opts.Baseline.Cases[i].Greedy[c.step]
				fs = append(fs, finding(Error, "case %d: best token %d is %d by %.3g, it was %d", i+1, c.step+1, c.id, c.gap, want))
				break
			}
		}
	}
	return fs
}

func checkPerplexity(ctx context.Context, s *Subject) []Finding {
	b := s.opts.Baseline
	g := s.ask(ctx)
	switch {
	case g == nil || g.loadErr != nil || b.Perplexity == nil:
		return nil
	case b.Perplexity.text() == "":
		return []Finding{finding(Warning, "not compared: the baseline does not hold its text")}
	}
	if d := g.nll - b.Perplexity.NLL; !(math.Abs(d) <= b.Tolerance.NLL) {
		return []Finding{finding(Error, "mean negative log-likelihood of the text is %.5f, it was %.5f; allowed is a difference of %v", g.nll, b.Perplexity.NLL, b.Tolerance.NLL)}
	}
	return nil
}

func (s *Subject) goldenCases(ctx context.Context) []goldenCase {
	if g := s.ask(ctx); g != nil {
		return g.cases
	}
	return nil
}
