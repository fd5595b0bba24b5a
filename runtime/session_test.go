package runtime_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/akadata/bitnet-tool/internal/testmodel"
	"github.com/akadata/bitnet-tool/quant"
	"github.com/akadata/bitnet-tool/runtime"
)

// TestIndependence: logits depend neither on the number of threads nor on how
// tokens are cut into batches or calls, to the bit. The prompt is longer than a
// page of the cache.
func TestIndependence(t *testing.T) {
	for _, tt := range []struct {
		arch string
		typ  quant.Type
	}{
		{"bitnet-b1.58", quant.I2_S},
		{"bitnet-b1.58", quant.Q8_0},
		{"llama", quant.F16},
	} {
		t.Run(tt.arch+" "+tt.typ.String(), func(t *testing.T) {
			p := testmodel.Params(t, tt.arch)
			p.Blocks, p.FeedForward = 1, 256
			f := testmodel.Random(t, p, testmodel.Types{Projection: tt.typ, Embedding: quant.F16}, 1)
			tokens := text(70, p.Vocab)
			want := evalAll(t, session(t, load(t, f, runtime.Options{Threads: 1}), runtime.SessionOptions{}), tokens)
			for _, threads := range []int{2, 3, 8} {
				m := load(t, f, runtime.Options{Threads: threads})
				if m.Threads() != threads {
					t.Errorf("%d threads, want %d", m.Threads(), threads)
				}
				for _, batch := range []int{1, 7, 100} {
					if batch == 1 && threads != 2 {
						continue // slow
					}
					s := session(t, m, runtime.SessionOptions{Batch: batch})
					same(t, fmt.Sprintf("%d threads, batches of %d", threads, batch), evalAll(t, s, tokens), want)
				}
			}

			s := session(t, load(t, f, runtime.Options{}), runtime.SessionOptions{})
			var got [][]float32
			for _, part := range [][]int32{tokens[:1], tokens[1:3], tokens[3:50], tokens[50:]} {
				got = append(got, evalAll(t, s, part)...)
			}
			same(t, "four calls", got, want)

			s = session(t, load(t, f, runtime.Options{}), runtime.SessionOptions{})
			last, err := s.Eval(t.Context(), tokens)
			if err != nil || !slices.Equal(last, want[len(want)-1]) {
				t.Errorf("Eval differs from EvalAll (error %v)", err)
			}
		})
	}
}

// TestForkAndRewind: a fork and a rewound session give what a new one gives,
// and a fork does not disturb its parent.
// TestLongContext: far into a context a single token's attention is shared out
// in another way than that of several. Results are the same to the bit.
func TestLongContext(t *testing.T) {
	f := ternary(t)
	tokens := text(580, 96)
	for _, half := range []bool{false, true} {
		t.Run(fmt.Sprintf("half %v", half), func(t *testing.T) {
			want := evalAll(t, session(t, load(t, f, runtime.Options{Threads: 1}), runtime.SessionOptions{HalfKV: half}), tokens)
			s := session(t, load(t, f, runtime.Options{Threads: 3}), runtime.SessionOptions{HalfKV: half})
			got := evalAll(t, s, tokens[:500])
			for i := range tokens[500:] {
				got = append(got, evalAll(t, s, tokens[500+i:501+i])...)
			}
			same(t, "one token after the other", got, want)
		})
	}
}

func TestForkAndRewind(t *testing.T) {
	m := load(t, ternary(t), runtime.Options{})
	vocab := m.Params().Vocab
	a, b := text(70, vocab), []int32{5, 4, 3, 2, 1}
	fresh := evalAll(t, session(t, m, runtime.SessionOptions{}), slices.Concat(a, b))
	parent := session(t, m, runtime.SessionOptions{})
	evalAll(t, parent, a)
	fork, err := parent.Fork()
	if err != nil {
		t.Fatal(err)
	}
	if fork.Pos() != len(a) || fork.Context() != parent.Context() || fork.Model() != m {
		t.Errorf("fork at %d of %d", fork.Pos(), fork.Context())
	}
	evalAll(t, fork, []int32{9, 9, 9, 9, 9, 9})
	same(t, "parent after its fork went on", evalAll(t, parent, b), fresh[len(a):])

	if err := fork.Rewind(len(a)); err != nil {
		t.Fatal(err)
	}
	same(t, "fork rewound", evalAll(t, fork, b), fresh[len(a):])
	if err := parent.Rewind(0); err != nil {
		t.Fatal(err)
	}
	same(t, "rewound to the start", evalAll(t, parent, a[:20]), fresh[:20])
	for _, pos := range []int{-1, 21} {
		if err := parent.Rewind(pos); !errors.Is(err, runtime.ErrOption) {
			t.Errorf("rewind to %d of 20: error %v", pos, err)
		}
	}
}

func TestEvalErrors(t *testing.T) {
	m := load(t, ternary(t), runtime.Options{})
	s := session(t, m, runtime.SessionOptions{Context: 8})
	if _, err := s.Eval(t.Context(), text(5, 96)); err != nil {
		t.Fatal(err)
	}
	stop := errors.New("enough")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name string
		want error
		eval func() error
	}{
		{"full", runtime.ErrContextFull, func() error { _, err := s.Eval(t.Context(), text(4, 96)); return err }},
		{"nothing", runtime.ErrOption, func() error { _, err := s.Eval(t.Context(), nil); return err }},
		{"negative token", runtime.ErrOption, func() error { _, err := s.Eval(t.Context(), []int32{1, -1}); return err }},
		{"token beyond the vocabulary", runtime.ErrOption, func() error { _, err := s.Eval(t.Context(), []int32{96}); return err }},
		{"cancelled", context.Canceled, func() error { _, err := s.Eval(cancelled, []int32{1}); return err }},
		{"callback", stop, func() error {
			return s.EvalAll(t.Context(), []int32{1, 2}, func(pos int, _ []float32) error {
				if pos == 6 {
					return stop
				}
				return nil
			})
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.eval(); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if s.Pos() != 5 {
				t.Errorf("session is at %d after the error, was at 5", s.Pos())
			}
		})
	}
	// It goes on as if nothing had been.
	rest := text(8, 96)[5:]
	fresh := evalAll(t, session(t, m, runtime.SessionOptions{}), text(8, 96))
	same(t, "after errors", evalAll(t, s, rest), fresh[5:])
}

// cancelAfter is done once Err has been asked n times.
type cancelAfter struct {
	context.Context
	n int
}

func (c *cancelAfter) Err() error {
	if c.n--; c.n < 0 {
		return context.Canceled
	}
	return nil
}

// TestCancelBetweenLayers: a context is looked at in every layer.
func TestCancelBetweenLayers(t *testing.T) {
	m := load(t, ternary(t), runtime.Options{})
	s := session(t, m, runtime.SessionOptions{Batch: 4})
	// 10 tokens are 3 batches of 2 layers.
	for n, want := range []error{0: context.Canceled, 1: context.Canceled, 5: context.Canceled, 6: nil} {
		if n > 1 && n < 5 {
			continue
		}
		_, err := s.Eval(&cancelAfter{t.Context(), n}, text(10, 96))
		if !errors.Is(err, want) {
			t.Errorf("done after %d questions: error %v, want %v", n, err, want)
		}
		if want != nil && s.Pos() != 0 {
			t.Errorf("session is at %d after the error", s.Pos())
		}
	}
}

func TestOptionLimits(t *testing.T) {
	f := ternary(t)
	for _, threads := range []int{-1, 100_000} {
		if _, err := runtime.Load(f.Open(t), runtime.Options{Threads: threads}); !errors.Is(err, runtime.ErrOption) {
			t.Errorf("%d threads: error %v", threads, err)
		}
	}
	m := load(t, f, runtime.Options{})
	for _, o := range []runtime.SessionOptions{{Context: -1}, {Context: 601}, {Batch: -1}, {Batch: 4097}} {
		if _, err := m.NewSession(o); !errors.Is(err, runtime.ErrOption) {
			t.Errorf("%+v: error %v", o, err)
		}
	}
	if s := session(t, m, runtime.SessionOptions{}); s.Context() != 600 {
		t.Errorf("default context %d, want the model's 600", s.Context())
	}
}

// TestSteadyStateDoesNotAllocate: a token within a page of the cache takes no
// new memory.
func TestSteadyStateDoesNotAllocate(t *testing.T) {
	for _, threads := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d threads", threads), func(t *testing.T) {
			m := load(t, ternary(t), runtime.Options{Threads: threads})
			s := session(t, m, runtime.SessionOptions{})
			p, err := runtime.NewSampler(runtime.DefaultSampling())
			if err != nil {
				t.Fatal(err)
			}
			ctx, next := t.Context(), []int32{1}
			step := func() {
				logits, err := s.Eval(ctx, next)
				if err == nil {
					next[0], err = p.Sample(logits)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			step()
			if n := testing.AllocsPerRun(50, step); n != 0 {
				t.Errorf("%v allocations a token", n)
			}
		})
	}
}

func BenchmarkEval(b *testing.B) {
	m := load(b, ternary(b), runtime.Options{})
	s := session(b, m, runtime.SessionOptions{})
	ctx, one := b.Context(), []int32{1}
	for b.Loop() {
		if s.Pos() == s.Context() {
			if err := s.Rewind(0); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := s.Eval(ctx, one); err != nil {
			b.Fatal(err)
		}
	}
}

// TestHalfKV: keys and values as F16 change little, as long as no activation
// is rounded to int8, which may make a step of a small difference.
func TestHalfKV(t *testing.T) {
	p := testmodel.Params(t, "llama")
	m := load(t, testmodel.Random(t, p, testmodel.Types{Projection: quant.F32, Embedding: quant.F32}, 1), runtime.Options{})
	tokens := text(90, p.Vocab) // more than a page
	want := evalAll(t, session(t, m, runtime.SessionOptions{}), tokens)
	got := evalAll(t, session(t, m, runtime.SessionOptions{HalfKV: true}), tokens)
	size := 0.0
	for _, row := range want {
		for _, v := range row {
			size = max(size, math.Abs(float64(v)))
		}
	}
	if d := largest(got, want); d == 0 || d > 1e-3*size {
		t.Errorf("logits of up to %.3g differ by %.2g", size, d)
	}
}
