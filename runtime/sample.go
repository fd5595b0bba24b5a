package runtime

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Sampling says how the next token is chosen from logits. The steps apply in
// the order TopK, TopP, MinP, Temperature: the first three see probabilities
// at temperature 1 (llama.cpp c392e509, common/common.h
// common_params_sampling).
type Sampling struct {
	Temperature float64 // divides the logits; 0 or less: always the best token
	TopK        int     // keep this many best tokens; 0 or less: all
	TopP        float64 // keep the fewest best tokens of this probability in all; 1: all
	MinP        float64 // keep tokens at least this probable, relative to the best; 0: all
	Seed        uint64  // of the random numbers; the same seed gives the same tokens
}

// DefaultSampling gives llama.cpp's defaults, with seed 0.
func DefaultSampling() Sampling {
	return Sampling{Temperature: 0.8, TopK: 40, TopP: 0.95, MinP: 0.05}
}

// Sampler chooses tokens. It belongs to one goroutine at a time.
type Sampler struct {
	o    Sampling
	rand *rand.Rand
	kept []candidate
}

type candidate struct {
	id    int32
	logit float64
	p     float64 // not normalized: the best token has 1
}

// NewSampler checks the options: a NaN, or a probability outside 0 to 1, is an
// [ErrOption].
func NewSampler(o Sampling) (*Sampler, error) {
	for _, f := range []struct {
		name        string
		value, most float64
	}{
		{"temperature", o.Temperature, math.MaxFloat32},
		{"top-p", o.TopP, 1},
		{"min-p", o.MinP, 1},
	} {
		if !(f.value <= f.most) || f.value < 0 && f.name != "temperature" {
			return nil, fmt.Errorf("%w: %s %v", ErrOption, f.name, f.value)
		}
	}
	return &Sampler{o: o, rand: rand.New(rand.NewPCG(o.Seed, 0))}, nil
}

// best gives how many of the best logits matter, 0 if all do.
func (s *Sampler) best() int {
	if s.o.Temperature <= 0 {
		return 1
	}
	return max(s.o.TopK, 0)
}

// Sample chooses a token. Equal logits rank by id, lower first. Logits with a
// NaN or +Inf are an [ErrNotFinite]; -Inf is a token that cannot be.
func (s *Sampler) Sample(logits []float32) (int32, error) {
	best, err := argmax(logits)
	if err != nil || s.o.Temperature <= 0 {
		return best, err
	}
	s.topK(logits)
	top := s.kept[0].logit
	var sum float64
	for i := range s.kept {
		c := &s.kept[i]
		c.p = math.Exp(c.logit - top)
		sum += c.p
	}
	s.topP(sum)
	s.minP()
	return s.draw(top), nil
}

// argmax gives the best token, the first of several.
func argmax(logits []float32) (int32, error) {
	best := -1
	for i, v := range logits {
		if v != v || v > math.MaxFloat32 {
			return 0, fmt.Errorf("%w: token %d has %v", ErrNotFinite, i, v)
		}
		if v >= -math.MaxFloat32 && (best < 0 || v > logits[best]) {
			best = i
		}
	}
	if best < 0 {
		return 0, fmt.Errorf("%w: none of %d", ErrNotFinite, len(logits))
	}
	return int32(best), nil
}

// topK fills kept with the best tokens, best first. It never holds more than
// twice as many and drops the worse half when full.
func (s *Sampler) topK(logits []float32) {
	k := s.o.TopK
	if k <= 0 || k > len(logits) {
		k = len(logits)
	}
	s.kept = s.kept[:0]
	least := float32(math.Inf(-1)) // what a token must beat, once k are there
	for i, v := range logits {
		if !(v > least) {
			continue
		}
		s.kept = append(s.kept, candidate{id: int32(i), logit: float64(v)})
		if len(s.kept) == 2*k {
			s.rank(k)
			least = float32(s.kept[k-1].logit)
		}
	}
	s.rank(k)
}

func (s *Sampler) rank(k int) {
	slices.SortFunc(s.kept, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.logit, a.logit), cmp.Compare(a.id, b.id))
	})
	s.kept = s.kept[:min(k, len(s.kept))]
}

// topP keeps tokens until their probabilities reach TopP; the best is always
// kept.
func (s *Sampler) topP(sum float64) {
	if s.o.TopP >= 1 {
		return
	}
	var have float64
	for i, c := range s.kept {
		have += c.p
		if have >= s.o.TopP*sum {
			s.kept = s.kept[:i+1]
			return
		}
	}
}

func (s *Sampler) minP() {
	for i, c := range s.kept {
		if c.p < s.o.MinP {
			s.kept = s.kept[:i]
			return
		}
	}
}

// draw picks one of the kept tokens at the temperature.
func (s *Sampler) draw(top float64) int32 {
	var sum float64
	for i := range s.kept {
		c := &s.kept[i]
		c.p = math.Exp((c.logit - top) / s.o.Temperature)
		sum += c.p
	}
	r := s.rand.Float64() * sum
	for _, c := range s.kept {
		if r -= c.p; r < 0 {
			return c.id
		}
	}
	return s.kept[0].id // rounding left a little of r
}
