package runtime

import (
	"math"
	"sync/atomic"

	"github.com/akadata/bitnet-tool/internal/kernels"
	"github.com/akadata/bitnet-tool/internal/mmap"
	"github.com/akadata/bitnet-tool/quant"
)

const (
	// screenWeights is the size of head from which on it is screened. A smaller
	// one stays in the processor's cache, or takes little of a token's time.
	screenWeights = 1 << 24
	// screenAfter is after how many tokens a screen is made. Making one takes
	// about as long as it saves in ten tokens.
	screenAfter = 8
	// screenRest is for how many tokens a session does without after most
	// estimates turned out to be of no use.
	screenRest = 64
	// screenRows is how many rows a worker takes at once.
	screenRows = 1024
	// estimateRows is how many rows are estimated before they are compared.
	estimateRows = 64
)

// screening makes the screen of a model's head, once, for all its sessions.
type screening struct {
	able   bool
	after  int64
	rest   int
	tokens atomic.Int64 // that could have been screened
	taken  atomic.Bool  // somebody is making it
	made   atomic.Pointer[screen]
}

// screen estimates logits. It is a copy of the head in bytes, or the head's own
// rows, with what is known of each row.
type screen struct {
	rows     []byte
	rowBytes int
	bounds   []kernels.Narrowed
	norm     float64 // the largest of bounds that is finite
	rounding float64 // of an estimate and of the logit it is for, as a part of ‖w‖·‖x‖
	estimate func(dst []float32, rows []byte, x *kernels.Fixed)
}

// screenable tells whether estimates of a head are cheaper than the head.
func screenable(w *matrix, weights int) bool {
	switch w.format.weight {
	case quant.F16, quant.BF16, quant.F32:
		return w.cols%64 == 0 && w.cols <= kernels.MaxNarrow && w.rows*w.cols >= weights
	case quant.Q8_0, quant.Q6_K:
		return w.rows*w.cols >= weights
	default:
		return false
	}
}

// copies tells whether the screen of a head has rows of its own.
func copies(w *matrix) bool { return w.format.weight != quant.Q8_0 && w.format.weight != quant.Q6_K }

// screenBytes gives the memory that the screen of the model's head takes, or
// will take.
func (m *Model) screenBytes() int64 {
	if !m.screening.able {
		return 0
	}
	n := int64(m.head.rows) * 12
	if copies(m.head) {
		n += int64(m.head.rows) * int64(m.head.cols)
	}
	return n
}

// screened is what a session keeps to screen.
type screened struct {
	use          *screen
	out          []float32
	x            kernels.Fixed
	error, norm  float64 // how much those of a row count in the bound
	least        float32 // what a logit must be able to reach
	share        float64 // of rows computed exactly, the mean of some tokens
	pause        int     // tokens until the next attempt, for too many were
	tokens, rows int64   // screened, and computed exactly
	workers      []estimator
	estimating   func(worker, lo, hi int) error
	rescoring    func(worker, lo, hi int) error
}

// estimator is the memory of one worker.
type estimator struct {
	estimates []float32
	best      best // of the lower bounds of logits
	exact     int  // logits computed all the same
}

func (w *work) initScreen(s *Session) {
	if !s.model.screening.able {
		return
	}
	w.screen.workers = make([]estimator, len(w.tmp))
	for i := range w.screen.workers {
		w.screen.workers[i].estimates = make([]float32, estimateRows)
	}
	w.screen.x = kernels.NewFixed(s.model.head.cols)
	w.screen.estimating = func(worker, lo, hi int) error {
		return s.model.guard(func() error {
			s.estimate(&w.screen.workers[worker], lo, hi)
			return nil
		})
	}
	w.screen.rescoring = func(worker, lo, hi int) error {
		return s.model.guard(func() error {
			w.screen.workers[worker].exact += s.rescore(&w.tmp[worker], lo, hi)
			return nil
		})
	}
}

// head sets out to the logits of the input: all of them, or at least the best
// ones that the caller of [Session.EvalBest] asked for.
func (s *Session) head(out []float32) {
	s.settle()
	if s.work.err == nil && s.screens() && s.screenedHead(out) {
		return
	}
	s.multiply(product{out, s.model.head})
}

// screens tells whether this token is to be screened, and makes the screen when
// it is time. Sessions that come meanwhile go on without.
func (s *Session) screens() bool {
	m, w := s.model, &s.work
	sc := &m.screening
	if !sc.able || s.best == 0 || s.best > m.head.rows/64 || w.n != 1 {
		return false
	}
	if w.screen.use = sc.made.Load(); w.screen.use == nil {
		if sc.tokens.Add(1) <= sc.after || !sc.taken.CompareAndSwap(false, true) {
			return false
		}
		if w.screen.use, w.err = s.makeScreen(); w.err != nil {
			sc.taken.Store(false)
			return false
		}
		sc.made.Store(w.screen.use)
	}
	if w.screen.pause > 0 {
		w.screen.pause--
		return false
	}
	return true
}

// makeScreen reads the whole head.
func (s *Session) makeScreen() (*screen, error) {
	m, h := s.model, s.model.head
	k := m.kernels
	sc := &screen{bounds: make([]kernels.Narrowed, h.rows), rows: h.data, rowBytes: h.rowBytes}
	// Both the products of a logit and their sums are rounded: cols/16 sums and
	// 20 more at the ends of a row, and a weight of Q6_K. This is twice that.
	const unit = 0x1p-24
	sc.rounding = float64(h.cols/8+48) * unit
	var row func(r int, tmp *scratch) kernels.Narrowed
	switch h.format.weight {
	case quant.Q8_0:
		sc.estimate = k.EstimateQ8_0
		sc.rounding += float64(h.cols/32+16) * unit // a sum every second block, and five
		row = func(r int, _ *scratch) kernels.Narrowed { return kernels.BoundQ8_0(h.row(r)) }
	case quant.Q6_K:
		sc.estimate = k.EstimateQ6_K
		sc.rounding += float64(h.cols/128+16) * unit // a sum every block, and six
		row = func(r int, _ *scratch) kernels.Narrowed { return kernels.BoundQ6_K(h.row(r)) }
	default:
		sc.estimate = k.EstimateNarrow
		sc.rounding += 2 * unit
		sc.rows, sc.rowBytes = make([]byte, h.rows*h.cols), h.cols
		mmap.PreferLarge(sc.rows)
		decode := h.format.decode(k)
		row = func(r int, tmp *scratch) kernels.Narrowed {
			w := tmp.rows[:h.cols]
			decode(w, h.row(r))
			return k.Narrow(sc.rows[r*h.cols:][:h.cols], w)
		}
	}
	err := s.crew.For(h.rows, screenRows, func(worker, lo, hi int) error {
		return m.guard(func() error {
			for r := lo; r < hi; r++ {
				sc.bounds[r] = row(r, &s.work.tmp[worker])
			}
			return nil
		})
	})
	for _, b := range sc.bounds {
		if b.Norm <= math.MaxFloat32 {
			sc.norm = max(sc.norm, float64(b.Norm))
		}
	}
	return sc, err
}

// screenedHead computes the logits that can be among the best and sets the
// others to -Inf. It reports whether it could: with an activation that is not
// finite, or sums that might not be, there is no bound.
//
// A row w = Scale·q + e and the token x = Step·X + f have the product
//
//	w·x = Scale·Step·(q·X) + Scale·q·f + e·x
//
// of which the first term is the estimate. With ‖Scale·q‖ ≤ ‖w‖ + ‖e‖ the
// inequality of Cauchy and Schwarz bounds the others by
//
//	‖e‖·(‖x‖ + ‖f‖) + ‖w‖·‖f‖
//
// and what the estimate and the logit are rounded by is at most
// rounding·‖w‖·(‖x‖ + ‖f‖), and half of the smallest float32 for each product.
func (s *Session) screenedHead(out []float32) bool {
	m, w := s.model, &s.work
	sc := &w.screen
	use, x := sc.use, &sc.x
	if !x.Set(w.in.x) || !(use.norm*x.Norm < 0x1p126) {
		return false
	}
	const safety = 1 + 0x1p-10
	sc.error = (x.Norm + x.Error) * safety
	sc.norm = (x.Error + use.rounding*(x.Norm+x.Error)) * safety
	for i := range sc.workers {
		sc.workers[i].best.reset(s.best)
		sc.workers[i].exact = 0
	}
	sc.out = out
	w.err = s.crew.For(m.head.rows, screenRows, sc.estimating)
	best := &sc.workers[0].best
	for _, e := range sc.workers[1:] {
		for _, v := range e.best.kept {
			best.add(v)
		}
	}
	sc.least = best.last()
	if w.err == nil {
		w.err = s.crew.For(m.head.rows, screenRows, sc.rescoring)
	}
	s.weighScreen()
	return true
}

// weighScreen lets screening rest where it does not pay: too many rows are read
// twice.
func (s *Session) weighScreen() {
	const (
		most  = 1. / 20
		decay = 1. / 8
	)
	sc := &s.work.screen
	exact := 0
	for _, e := range sc.workers {
		exact += e.exact
	}
	sc.tokens++
	sc.rows += int64(exact)
	sc.share += (float64(exact)/float64(s.model.head.rows) - sc.share) * decay
	if sc.share > most {
		sc.share, sc.pause = 0, s.model.screening.rest
	}
}

// estimate sets the output of rows lo to hi to upper bounds of their logits, and
// collects the best of the lower ones.
func (s *Session) estimate(of *estimator, lo, hi int) {
	sc := &s.work.screen
	use := sc.use
	tiny := float64(s.model.head.cols) * math.SmallestNonzeroFloat32
	for r := lo; r < hi; r += estimateRows {
		n := min(estimateRows, hi-r)
		estimates := of.estimates[:n]
		use.estimate(estimates, use.rows[r*use.rowBytes:(r+n)*use.rowBytes], &sc.x)
		out, bounds := sc.out[r:r+n], use.bounds[r:r+n]
		for i, e := range estimates {
			b := &bounds[i]
			z := float64(e) * float64(b.Scale) * sc.x.Step
			off := float64(float64(b.Error)*sc.error) + float64(float64(b.Norm)*sc.norm) + tiny
			out[i] = float32(z + off) // rounding keeps the order of bounds
			of.best.add(float32(z - off))
		}
	}
}

// rescore computes those of rows lo to hi that can be among the best, and
// counts them.
func (s *Session) rescore(tmp *scratch, lo, hi int) (exact int) {
	m, sc := s.model, &s.work.screen
	for r := lo; r < hi; r++ {
		if sc.out[r] < sc.least {
			sc.out[r] = float32(math.Inf(-1))
			continue
		}
		m.head.multiply(m.kernels, sc.out, m.head, &s.work.in, r, r+1, tmp)
		exact++
	}
	return exact
}
