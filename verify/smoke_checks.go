package verify

import (
	"context"
	"errors"
	"math"
)

// errNoHeader ends a level that needs more of the header than could be read.
var errNoHeader = errors.New("the header could not be read in full")

func checkLoad(ctx context.Context, s *Subject) []Finding {
	if s.params == nil || s.vocab == nil {
		s.unable(errNoHeader)
		return nil
	}
	p := s.evaluate(ctx)
	if p == nil || p.loadErr == nil {
		return nil
	}
	return []Finding{finding(Error, "%v", p.loadErr)}
}

func checkLogits(ctx context.Context, s *Subject) []Finding {
	for _, a := range s.answers(ctx) {
		if p := a.notFinite; p != nil {
			return []Finding{finding(Error, "logit of token %d is %v at position %d of the prompt %q", p.element, p.value, p.offset, a.prompt)}
		}
	}
	return nil
}

// checkSpread finds a model that likes all tokens equally.
func checkSpread(ctx context.Context, s *Subject) []Finding {
	for _, a := range s.answers(ctx) {
		if low, high := extremes(a.logits); a.logits != nil && high-low <= 1e-5*max(1, math.Abs(high)) {
			return []Finding{finding(Error, "all logits are %v after the prompt %q", high, a.prompt)}
		}
	}
	return nil
}

// checkDependence finds a model that does not see its prompt.
func checkDependence(ctx context.Context, s *Subject) []Finding {
	as := s.answers(ctx)
	if len(as) < 2 {
		return nil
	}
	var spread, most float64
	for _, a := range as {
		if a.logits == nil {
			return nil
		}
		low, high := extremes(a.logits)
		spread = max(spread, high-low)
		for i, v := range a.logits {
			most = max(most, math.Abs(float64(v)-float64(as[0].logits[i])))
		}
	}
	if spread > 0 && most <= 1e-3*spread {
		return []Finding{finding(Error, "logits after %d different prompts differ by %.2g at most, of a range of %.2g", len(as), most, spread)}
	}
	return nil
}

// checkLoop finds the model that answers GGGGGG whatever it is asked. A good
// model may well repeat itself after one prompt, hardly after all.
func checkLoop(ctx context.Context, s *Subject) []Finding {
	as := s.answers(ctx)
	var looping []answer
	for _, a := range as {
		if a.loops() {
			looping = append(looping, a)
		}
	}
	if len(looping) == 0 {
		return nil
	}
	severity := Info
	if len(looping) == len(as) && len(as) == len(smokePrompts) {
		severity = Error
	}
	a := looping[0]
	return []Finding{finding(severity, "repeats one token (%d after the prompt %q) after %d of %d prompts", a.greedy[len(a.greedy)-1], a.prompt, len(looping), len(as))}
}

// checkSense finds a model that has learnt nothing, or whose weights were
// scrambled: plain English surprises it more than it would surprise somebody
// who takes all tokens for equally likely.
func checkSense(ctx context.Context, s *Subject) []Finding {
	var sum float64
	n := 0
	for _, a := range s.answers(ctx) {
		if a.notFinite == nil {
			sum, n = sum+a.surprise, n+a.scored
		}
	}
	const fewest = 8 // tokens that say anything
	guess := math.Log(float64(s.params.Vocab))
	if n < fewest || sum < float64(n)*guess {
		return nil
	}
	return []Finding{finding(Error, "plain English has a negative log-likelihood of %.2f a token, guessing gives %.2f: broken, or not trained", sum/float64(n), guess)}
}

func checkTime(ctx context.Context, s *Subject) []Finding {
	if p := s.evaluate(ctx); p != nil && p.cut {
		return []Finding{finding(Warning, "time was up after %d of %d prompts; give more seconds", len(p.answers), len(smokePrompts))}
	}
	return nil
}

// answers gives what the model answered, nothing if it could not be asked.
func (s *Subject) answers(ctx context.Context) []answer {
	if p := s.evaluate(ctx); p != nil {
		return p.answers
	}
	return nil
}

func extremes(x []float32) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, v := range x {
		low, high = min(low, float64(v)), max(high, float64(v))
	}
	return low, high
}
