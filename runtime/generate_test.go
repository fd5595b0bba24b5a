package runtime_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/testmodel"
	"github.com/akadata/bitnet-tool/quant"
	"github.com/akadata/bitnet-tool/runtime"
)

// generate collects what Generate gives.
func generate(ctx context.Context, s *runtime.Session, p *runtime.Sampler, prompt []int32, stop runtime.Stop) ([]int32, error) {
	var ids []int32
	for id, err := range runtime.Generate(ctx, s, p, prompt, stop) {
		if err != nil {
			return ids, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// TestGenerateReasons: each of the ways to end can be told from the others.
func TestGenerateReasons(t *testing.T) {
	m := load(t, ternary(t), runtime.Options{})
	greedy := sampler(t, runtime.Sampling{})
	prompt := []int32{1, 2, 3}
	free, err := generate(t.Context(), session(t, m, runtime.SessionOptions{}), greedy, prompt, runtime.Stop{Max: 9})
	if err != nil || len(free) != 9 {
		t.Fatalf("tokens %v, error %v", free, err)
	}
	last := free[len(free)-1]
	first := slices.Index(free, last)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()

	tests := []struct {
		name    string
		ctx     context.Context
		context int
		stop    runtime.Stop
		tokens  []int32
		err     error
		pos     int // of the session afterwards
	}{
		{"length", t.Context(), 0, runtime.Stop{Max: 4}, free[:4], nil, 6},
		{"end of text", t.Context(), 0, runtime.Stop{Max: 9, EOG: func(id int32) bool { return id == last }}, free[:first+1], nil, 3 + first},
		{"context", t.Context(), 7, runtime.Stop{}, free[:5], runtime.ErrContextFull, 7},
		{"context and length at once", t.Context(), 7, runtime.Stop{Max: 5}, free[:5], nil, 7},
		{"prompt too long", t.Context(), 2, runtime.Stop{}, nil, runtime.ErrContextFull, 0},
		{"interrupted", cancelled, 0, runtime.Stop{Max: 4}, nil, context.Canceled, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := session(t, m, runtime.SessionOptions{Context: tt.context})
			got, err := generate(tt.ctx, s, greedy, prompt, tt.stop)
			if !slices.Equal(got, tt.tokens) || !errors.Is(err, tt.err) {
				t.Errorf("tokens %v, error %v; want %v, %v", got, err, tt.tokens, tt.err)
			}
			if s.Pos() != tt.pos {
				t.Errorf("session is at %d, want %d", s.Pos(), tt.pos)
			}
		})
	}
}

// TestGenerateInterrupted: cancelling between two tokens ends the sequence with
// the context's error, and the session keeps what was evaluated.
func TestGenerateInterrupted(t *testing.T) {
	m := load(t, ternary(t), runtime.Options{})
	s := session(t, m, runtime.SessionOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	var last error
	for _, err := range runtime.Generate(ctx, s, sampler(t, runtime.Sampling{}), []int32{1, 2}, runtime.Stop{}) {
		if last = err; err != nil {
			break
		}
		if n++; n == 3 {
			cancel()
		}
	}
	if n != 3 || !errors.Is(last, context.Canceled) || s.Pos() != 4 {
		t.Errorf("%d tokens, error %v, session at %d; want 3, %v, 4", n, last, s.Pos(), context.Canceled)
	}
}

// TestGenerateLeftEarly: leaving the loop is no error and leaves a session to
// go on with.
func TestGenerateLeftEarly(t *testing.T) {
	m := load(t, ternary(t), runtime.Options{})
	greedy := sampler(t, runtime.Sampling{})
	want, err := generate(t.Context(), session(t, m, runtime.SessionOptions{}), greedy, []int32{1}, runtime.Stop{Max: 6})
	if err != nil {
		t.Fatal(err)
	}
	s := session(t, m, runtime.SessionOptions{})
	var got []int32
	for id, err := range runtime.Generate(t.Context(), s, greedy, []int32{1}, runtime.Stop{}) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, id); len(got) == 2 {
			break
		}
	}
	rest, err := generate(t.Context(), s, greedy, got[1:], runtime.Stop{Max: 4})
	if got = append(got, rest...); err != nil || !slices.Equal(got, want) {
		t.Errorf("tokens %v, error %v; want %v", got, err, want)
	}
}

// TestGenerateNotFinite: a broken model is an error, not a token.
func TestGenerateNotFinite(t *testing.T) {
	f := testmodel.Random(t, testmodel.Params(t, "llama"), testmodel.Types{Projection: quant.F16, Embedding: quant.F16}, 1)
	x := f.Tensor(t, arch.Block(0, arch.FFNUp))
	x.Data[0], x.Data[1] = 0, 0x7e // NaN
	_, err := generate(t.Context(), session(t, load(t, f, runtime.Options{}), runtime.SessionOptions{}), sampler(t, runtime.Sampling{}), []int32{1}, runtime.Stop{Max: 3})
	if !errors.Is(err, runtime.ErrNotFinite) {
		t.Errorf("error %v", err)
	}
}

// TestPerplexity works the method out again, token by token in float64: chunks,
// which token is replaced, which are scored, and the error of the mean.
func TestPerplexity(t *testing.T) {
	m := load(t, ternary(t), runtime.Options{})
	for _, tt := range []struct {
		tokens, context int
		bos             int32
		batch           int
	}{
		{8, 4, 95, 0},
		{50, 16, 95, 5},
		{50, 17, -1, 0},
		{31, 15, 95, 1},
	} {
		tokens := text(tt.tokens, 96)
		var values []float64
		chunks := tt.tokens / tt.context
		for c := range chunks {
			chunk := tokens[c*tt.context : (c+1)*tt.context]
			input := slices.Clone(chunk)
			if tt.bos >= 0 {
				input[0] = tt.bos
			}
			logits := evalAll(t, session(t, m, runtime.SessionOptions{}), input)
			for i := tt.context / 2; i <= tt.context-2; i++ {
				var sum float64
				for _, v := range logits[i] {
					sum += math.Exp(float64(v))
				}
				values = append(values, math.Log(sum)-float64(logits[i][chunk[i+1]]))
			}
		}
		var mean, variance float64
		for _, v := range values {
			mean += v / float64(len(values))
		}
		for _, v := range values {
			variance += (v - mean) * (v - mean) / float64(len(values))
		}

		var steps []runtime.Perplexity
		got, err := m.Perplexity(t.Context(), tokens, runtime.PerplexityOptions{
			Context: tt.context, BOS: tt.bos, Batch: tt.batch,
			Progress: func(r runtime.Perplexity, n int) {
				if n != chunks {
					t.Errorf("%d chunks to come, want %d", n, chunks)
				}
				steps = append(steps, r)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if got.Chunks != chunks || got.Tokens != len(values) || got.Tokens != chunks*(tt.context-tt.context/2-1) {
			t.Errorf("%d chunks and %d tokens, want %d and %d", got.Chunks, got.Tokens, chunks, len(values))
		}
		near := func(what string, got, want float64) {
			if math.Abs(got-want) > 1e-5*max(1, want) {
				t.Errorf("%d tokens by %d: %s %v, want %v", tt.tokens, tt.context, what, got, want)
			}
		}
		near("NLL", got.NLL, mean)
		near("perplexity", got.PPL, math.Exp(mean))
		near("error", got.Error, math.Exp(mean)*math.Sqrt(variance/float64(len(values)-1)))
		if len(steps) != chunks || steps[chunks-1] != got || steps[0].Tokens != got.Tokens/chunks {
			t.Errorf("told of %+v", steps)
		}
	}
}

func TestPerplexityRefuses(t *testing.T) {
	m := load(t, ternary(t), runtime.Options{})
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name   string
		ctx    context.Context
		tokens []int32
		o      runtime.PerplexityOptions
		want   error
	}{
		{"too few tokens", t.Context(), text(31, 96), runtime.PerplexityOptions{Context: 16}, runtime.ErrOption},
		{"context too small", t.Context(), text(31, 96), runtime.PerplexityOptions{Context: 3}, runtime.ErrOption},
		{"context beyond the model's", t.Context(), text(3000, 96), runtime.PerplexityOptions{Context: 601}, runtime.ErrOption},
		{"token beyond the vocabulary", t.Context(), append(text(31, 96), 96), runtime.PerplexityOptions{Context: 16}, runtime.ErrOption},
		{"BOS beyond the vocabulary", t.Context(), text(32, 96), runtime.PerplexityOptions{Context: 16, BOS: 96}, runtime.ErrOption},
		{"cancelled", cancelled, text(32, 96), runtime.PerplexityOptions{Context: 16}, context.Canceled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := m.Perplexity(tt.ctx, tt.tokens, tt.o); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}
