package verify

import (
	"context"
	"errors"
	"math"
	"strings"

	"github.com/akadata/bitnet-tool/internal/arch"
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
	if p := s.evaluate(ctx); p != nil && p.sense != nil && p.sense.notFinite != nil {
		t := p.sense.notFinite
		name := t.tensor + ".weight"
		if t.layer >= 0 {
			name = arch.Block(t.layer, t.tensor)
		} else if strings.HasSuffix(t.tensor, ".weight") {
			name = t.tensor
		}
		return []Finding{finding(Error, "the evaluation has %v after this tensor, and all was finite before", t.value).of(name)}
	}
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
	v := s.sense(ctx)
	guess := math.Log(float64(s.params.Vocab))
	if v == nil || v.nll < guess {
		return nil
	}
	return []Finding{finding(Error, "plain English has a negative log-likelihood of %.2f a token, guessing gives %.2f", v.nll, guess)}
}

// checkOrder finds a model to which the order of words means little.
func checkOrder(ctx context.Context, s *Subject) []Finding {
	v := s.sense(ctx)
	if v == nil || v.order >= leastOrder {
		return nil
	}
	return []Finding{finding(Error, "shuffled tokens surprise it by only %.2f nats a token more than a text; models that work, by several", v.order)}
}

// checkCalibration finds a model that is surer than it is right.
func checkCalibration(ctx context.Context, s *Subject) []Finding {
	v := s.sense(ctx)
	switch {
	case v == nil || v.order < leastOrder || math.Abs(v.bias()) < doubtfulBias:
		return nil
	case v.bias() > mostBias || v.bias() < leastBias:
		return []Finding{finding(Error, "the text surprises it by %.2f nats a token, and it expects %.2f: it was not trained to be as it is", v.nll, v.entropy)}
	}
	return []Finding{finding(Info, "the text surprises it by %.2f nats a token, and it expects %.2f: more than usual, and less than would prove damage", v.nll, v.entropy)}
}

// checkFrequency finds a model that expects one token almost everywhere.
func checkFrequency(ctx context.Context, s *Subject) []Finding {
	v := s.sense(ctx)
	if v == nil || v.most < mostFrequent {
		return nil
	}
	return []Finding{finding(Error, "expects token %d (%.40q) with a mean probability of %.2f all over a plain text", v.mostID, s.vocab.Tokens[v.mostID], v.most)}
}

// checkReading tells by which mistake the file could have come about.
func checkReading(ctx context.Context, s *Subject) []Finding {
	p := s.evaluate(ctx)
	if p == nil || p.better == nil {
		return nil
	}
	b := p.better
	f := finding(Error, "the model makes more sense %s: a text surprises it by %.2f nats a token instead of %.2f; %s", b.name, b.nll, b.own, b.next)
	f.fault, f.symptom = b.fault, b.without != nil || !b.restores(p.sense, math.Log(float64(s.params.Vocab)))
	return []Finding{f}
}

func checkTime(ctx context.Context, s *Subject) []Finding {
	if p := s.evaluate(ctx); p != nil && p.cut != "" && p.loadErr == nil {
		return []Finding{finding(Warning, "time was up before %s; give more seconds", p.cut)}
	}
	return nil
}

// sense gives how the model takes plain English, nil if that is not known.
func (s *Subject) sense(ctx context.Context) *sense {
	p := s.evaluate(ctx)
	if p == nil || p.sense == nil || p.sense.notFinite != nil {
		return nil
	}
	return p.sense
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
