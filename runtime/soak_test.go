package runtime_test

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/akadata/bitnet-tool/internal/testmodel"
	"github.com/akadata/bitnet-tool/quant"
	"github.com/akadata/bitnet-tool/runtime"
)

var soak = flag.Duration("soak", 2*time.Second, "how long TestSoak forks, cancels and rewinds")

const (
	soakContext = 200
	soakVocab   = 640
	soakBest    = soakVocab / 64 // the most that is screened
)

// TestSoak lets several goroutines evaluate, cancel, rewind and fork sessions of
// one model in random order, with the whole head and without. Whatever happened
// before, the logits must be those of a new session that gets the same tokens at
// once.
func TestSoak(t *testing.T) {
	p := testmodel.Params(t, "bitnet-b1.58")
	p.Vocab = soakVocab
	f := testmodel.Random(t, p, testmodel.Types{Projection: quant.I2_S, Embedding: quant.F16}, 1)
	m := runtime.ScreenAlways(load(t, f, runtime.Options{Threads: 2}), 3)
	end := time.Now().Add(*soak)
	var wg sync.WaitGroup
	for worker := range 3 {
		wg.Go(func() {
			w := &soaker{t: t, m: m, r: rand.New(rand.NewPCG(uint64(worker), 7)), half: worker == 2}
			w.live = []*line{{s: w.session()}}
			for time.Now().Before(end) && !t.Failed() {
				w.act()
			}
		})
	}
	wg.Wait()
}

// soaker has some sessions at a time.
type soaker struct {
	t    *testing.T
	m    *runtime.Model
	r    *rand.Rand
	half bool
	live []*line
}

// line is a session and the tokens it must hold.
type line struct {
	s      *runtime.Session
	tokens []int32
}

func (w *soaker) session() *runtime.Session {
	s, err := w.m.NewSession(runtime.SessionOptions{Context: soakContext, Batch: 1 + w.r.IntN(40), HalfKV: w.half})
	if err != nil {
		w.t.Error(err)
	}
	return s
}

// act does one thing to one session.
func (w *soaker) act() {
	l := w.live[w.r.IntN(len(w.live))]
	switch w.r.IntN(8) {
	case 0, 1, 2:
		w.eval(w.t.Context(), l, false)
	case 3, 4:
		ctx, cancel := context.WithTimeout(w.t.Context(), time.Duration(w.r.IntN(3000))*time.Microsecond)
		w.eval(ctx, l, false)
		cancel()
	case 5:
		at := w.r.IntN(len(l.tokens) + 1)
		if err := l.s.Rewind(at); err != nil {
			w.t.Error(err)
		}
		l.tokens = l.tokens[:at]
	case 6:
		f, err := l.s.Fork()
		if err != nil {
			w.t.Error(err)
		}
		if len(w.live) == 4 {
			w.live = w.live[1:]
		}
		w.live = append(w.live, &line{f, slices.Clone(l.tokens)})
	default:
		w.eval(w.t.Context(), l, true)
	}
	if l.s.Pos() != len(l.tokens) {
		w.t.Errorf("the session is at %d, must be at %d", l.s.Pos(), len(l.tokens))
	}
}

// eval adds some tokens. With check it compares the logits.
func (w *soaker) eval(ctx context.Context, l *line, check bool) {
	more := make([]int32, 1+w.r.IntN(30))
	for i := range more {
		more[i] = w.r.Int32N(int32(w.m.Params().Vocab))
	}
	best := max(0, w.r.IntN(2*soakBest)-soakBest) // 0 is all
	got, err := l.s.EvalBest(ctx, more, best)
	switch {
	case errors.Is(err, runtime.ErrContextFull) && len(l.tokens)+len(more) > soakContext:
		return
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil:
		return
	case err != nil:
		w.t.Error(err)
		return
	}
	l.tokens = append(l.tokens, more...)
	if !check {
		return
	}
	want, err := w.session().Eval(w.t.Context(), l.tokens)
	if err != nil {
		w.t.Error(err)
	}
	if best > 0 {
		err = equalBest(got, want, ranked(want), best)
	} else if !slices.Equal(got, want) {
		err = errors.New("some differ")
	}
	if err != nil {
		w.t.Errorf("the best %d logits, not as a new session's after %d tokens: %v", best, len(l.tokens), err)
	}
}
