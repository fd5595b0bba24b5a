package runtime

import (
	"context"
	"fmt"
	"math"
)

// PerplexityOptions are how to measure. The method is llama.cpp's
// (examples/perplexity/perplexity.cpp, c392e509), so that figures compare.
type PerplexityOptions struct {
	// Context is the length of a chunk in tokens: at least 4, at most the
	// model's. Figures of different lengths do not compare.
	Context int

	// BOS replaces the first token of every chunk for evaluation; -1: none does.
	BOS int32

	// Batch is that of [SessionOptions].
	Batch int

	// Progress, if set, is told the result so far after every chunk.
	Progress func(r Perplexity, chunks int)
}

// Perplexity is how well a model predicts a text.
type Perplexity struct {
	Chunks int     // evaluated
	Tokens int     // scored
	NLL    float64 // mean negative logarithm of a scored token's probability, natural
	PPL    float64 // exp(NLL)
	Error  float64 // of PPL, one standard deviation
}

// Perplexity measures how well m predicts tokens, which begin with the BOS if
// the vocabulary wants one. They are cut into chunks of Context tokens, each
// evaluated from an empty session; the remainder is not used. Tokens in the
// second half of a chunk are scored, which leaves each at least Context/2
// tokens to be predicted from.
//
// Fewer than two chunks of tokens are an [ErrOption].
func (m *Model) Perplexity(ctx context.Context, tokens []int32, o PerplexityOptions) (Perplexity, error) {
	var r Perplexity
	if o.Context < 4 {
		return r, fmt.Errorf("%w: context of %d tokens, at least 4 are needed", ErrOption, o.Context)
	}
	s, err := m.NewSession(SessionOptions{Context: o.Context, Batch: o.Batch})
	if err != nil {
		return r, err
	}
	if len(tokens)/2 < o.Context {
		return r, fmt.Errorf("%w: %d tokens are too few for two chunks of %d; a context of up to %d fits", ErrOption, len(tokens), o.Context, len(tokens)/2)
	}
	if err := m.checkTokens(tokens); err != nil {
		return r, err
	}

	var t tally
	chunks := len(tokens) / o.Context
	input := make([]int32, o.Context)
	for c := range chunks {
		chunk := tokens[c*o.Context:][:o.Context]
		copy(input, chunk)
		if o.BOS >= 0 {
			input[0] = o.BOS
		}
		if err := s.Rewind(0); err != nil {
			return r, err
		}
		// The last token's logits predict what is not there.
		err := s.eval(ctx, input[:o.Context-1], o.Context/2, func(pos int, logits []float32) error {
			t.add(nll(logits, chunk[pos+1]))
			return nil
		})
		if err != nil {
			return r, err
		}
		r = t.result(c + 1)
		if o.Progress != nil {
			o.Progress(r, chunks)
		}
	}
	return r, nil
}

// nll is the negative log-probability of a token: exponentials in float32,
// their sum in float64.
func nll(logits []float32, id int32) float64 {
	top := logits[0]
	for _, v := range logits {
		top = max(top, v)
	}
	var sum float64
	for _, v := range logits {
		sum += float64(float32(math.Exp(float64(v - top))))
	}
	return math.Log(sum) - float64(logits[id]-top)
}

// tally sums values and their squares.
type tally struct {
	n       int
	sum, sq float64
}

func (t *tally) add(v float64) {
	t.n++
	t.sum += v
	t.sq += float64(v * v)
}

func (t *tally) result(chunks int) Perplexity {
	n := float64(t.n)
	r := Perplexity{Chunks: chunks, Tokens: t.n, NLL: t.sum / n}
	r.PPL = math.Exp(r.NLL)
	if variance := t.sq/n - float64(r.NLL*r.NLL); variance > 0 && n > 1 {
		r.Error = r.PPL * math.Sqrt(variance/(n-1))
	}
	return r
}
