package runtime

import (
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/kernels"
)

// headTokens is how many tokens' logits are computed at once. They are the
// widest rows of all: 128,256 numbers in BitNet-b1.58-2B-4T.
const headTokens = 16

// parallelWork is the least number of multiplications worth handing to another
// goroutine.
const parallelWork = 1 << 15

// work is the memory of an evaluation, made once a session. Each slice has one
// row for every token of a batch.
type work struct {
	n int // tokens of the batch

	x        []float32 // the residual stream
	h        []float32 // x after a norm
	q, k, v  []float32 // queries, keys, values
	a        []float32 // what the heads attend to
	g, u     []float32 // the two halves of the feed-forward block
	y        []float32 // what a block adds to x
	cos, sin []float32 // of the angle of each pair of a head
	logits   []float32 // headTokens rows at most

	in  input
	tmp []scratch // one a worker

	// What the workers are at, and the loop bodies, made once so that no call
	// allocates.
	steps       []step    // wait for settle
	products    []product // of one input
	layer       int       // whose cache is attended to
	multiplying func(worker, lo, hi int) error
	attending   func(worker, lo, hi int) error
	settling    func(worker, lo, hi int) error

	// Attention of a single token to many.
	scores                            []float32 // of all heads
	heads                             []float64 // one a head
	scoring, exponentiating, weighing func(worker, lo, hi int) error

	screen screened

	err error // of an operation; those that follow do nothing
}

// step is something done to every token by itself. Steps are collected, and all
// are done to one token while it is in the cache before the next token's turn.
type step struct {
	do           func(s *Session, t int, st *step)
	out, x, gain []float32
}

// row gives the row of token t in x, a row a token.
func (s *Session) row(x []float32, t int) []float32 {
	width := len(x) / s.work.n
	return x[t*width : (t+1)*width]
}

// product is a matrix and where the input times it goes.
type product struct {
	out []float32
	m   *matrix
}

func (w *work) init(s *Session) {
	m, p, n := s.model, s.model.params, s.batch
	rows := func(width int) []float32 { return make([]float32, n*width) }
	heads, kv := p.Heads*p.HeadDim, p.KVHeads*p.HeadDim
	w.x, w.h, w.y = rows(p.Embedding), rows(p.Embedding), rows(p.Embedding)
	w.q, w.a, w.k, w.v = rows(heads), rows(heads), rows(kv), rows(kv)
	w.g, w.u = rows(p.FeedForward), rows(p.FeedForward)
	w.cos, w.sin = rows(p.HeadDim/2), rows(p.HeadDim/2)

	widest := max(p.Embedding, heads, p.FeedForward)
	w.in.q, w.in.qx = make([]int8, n*widest), rows(widest)
	w.in.scale, w.in.sum = make([]float32, n), make([]int32, n)

	w.heads = make([]float64, p.Heads)
	w.tmp = make([]scratch, m.threads)
	for i := range w.tmp {
		w.tmp[i] = scratch{
			panel: make([]byte, kernels.PanelRows*widest), sums: make([]int32, kernels.PanelRows*n),
			blocks: make([]float64, n), rows: make([]float32, max(decodedWeights, widest)),
			heads: make([]float64, p.Heads/p.KVHeads), columns: make([]float32, p.Heads/p.KVHeads*splitColumns),
		}
	}
	w.initScreen(s)
	w.multiplying = func(worker, lo, hi int) error {
		return m.guard(func() error {
			for _, p := range w.products { // rows are counted through all of them
				if lo < p.m.rows && hi > 0 {
					p.m.multiply(m.kernels, p.out, p.m, &w.in, max(lo, 0), min(hi, p.m.rows), &w.tmp[worker])
				}
				lo, hi = lo-p.m.rows, hi-p.m.rows
			}
			return nil
		})
	}
	w.attending = each(func(worker, i int) { s.attendGroup(i/p.KVHeads, i%p.KVHeads, &w.tmp[worker]) })
	w.scoring = each(func(_, i int) { s.scorePage(i) })
	w.exponentiating = each(func(_, i int) { s.exponentialsOf(i) })
	w.weighing = each(func(worker, i int) { s.weighColumns(i, &w.tmp[worker]) })
	w.settling = each(func(_, t int) {
		for i := range w.steps {
			st := &w.steps[i]
			st.do(s, t, st)
		}
	})
}

// each makes a loop body of what is done to one element.
func each(f func(worker, i int)) func(worker, lo, hi int) error {
	return func(worker, lo, hi int) error {
		for i := lo; i < hi; i++ {
			f(worker, i)
		}
		return nil
	}
}

// settle does the steps that wait. Whatever looks at more than one token of
// what they make comes after it.
func (s *Session) settle() {
	w := &s.work
	if w.err == nil && len(w.steps) > 0 {
		w.err = s.crew.For(w.n, 1, w.settling)
	}
	w.steps = w.steps[:0]
}

// input makes x, a row a token, the input of matrices, in the forms that they
// take.
func (s *Session) input(x []float32, matrices ...*matrix) {
	in := &s.work.in
	in.n, in.x = s.work.n, x
	in.widen = false
	quantize := false
	for _, m := range matrices {
		quantize = quantize || m.int8
		in.widen = in.widen || m.int8 && m.format.widen
	}
	if quantize {
		s.later(step{do: func(s *Session, t int, _ *step) { s.work.in.quantize(s.model.kernels, t) }})
	}
}

func (s *Session) later(st step) { s.work.steps = append(s.work.steps, st) }

// multiply multiplies matrices with the input, which they have in common.
func (s *Session) multiply(products ...product) {
	s.settle()
	w := &s.work
	if w.err != nil {
		return
	}
	if w.n == 1 {
		s.ahead.set(s.model.after(products[len(products)-1].m))
	} else {
		s.ahead.set(nil)
	}
	w.products = append(w.products[:0], products...)
	rows := 0
	for _, p := range products {
		rows += p.m.rows
	}
	w.err = s.crew.For(rows, s.grain(rows, products[0].m.cols), w.multiplying)
}

// grain gives the number of rows that a worker takes at once: whole panels, and
// few enough for every worker to take several.
func (s *Session) grain(rows, cols int) int {
	least := parallelWork / (cols * s.work.in.n)
	share := rows / (8 * s.model.threads)
	panels := (max(least, share-kernels.PanelRows/2, 1) + kernels.PanelRows - 1) / kernels.PanelRows
	return panels * kernels.PanelRows
}

// norm normalizes the rows of x, as wide as gain, into those of dst.
func (s *Session) norm(dst, x, gain []float32) {
	s.later(step{out: dst, x: x, gain: gain, do: func(s *Session, t int, st *step) {
		s.model.kernels.RMSNorm(s.row(st.out, t), s.row(st.x, t), st.gain, s.model.params.Eps)
	}})
}

// add adds y to x.
func (s *Session) add(x, y []float32) {
	s.later(step{out: x, x: y, do: func(s *Session, t int, st *step) {
		s.model.kernels.Add(s.row(st.out, t), s.row(st.x, t))
	}})
}

// activate sets g to the activation of g times u.
func (s *Session) activate(g, u []float32) {
	s.later(step{out: g, x: u, do: func(s *Session, t int, st *step) {
		g, u := s.row(st.out, t), s.row(st.x, t)
		switch s.model.params.Activation {
		case arch.ReLU2:
			s.model.kernels.ReLU2Mul(g, u)
		default:
			s.model.kernels.SiLUMul(g, u)
		}
	}})
}

// embed fills x with the embeddings of tokens.
func (s *Session) embed(x []float32, tokens []int32) {
	e := s.model.embedding
	decode := e.format.decode(s.model.kernels)
	s.work.err = s.model.guard(func() error {
		for t, id := range tokens {
			decode(x[t*e.cols:][:e.cols], e.row(int(id)))
		}
		return nil
	})
}

// angles fills cos and sin for the batch.
func (s *Session) angles() {
	s.later(step{do: func(s *Session, t int, _ *step) {
		m, half := s.model, s.model.params.HeadDim/2
		cos, sin := s.work.cos[t*half:(t+1)*half], s.work.sin[t*half:(t+1)*half]
		kernels.RopeAngles(cos, sin, s.pos+t, m.ropeStep, m.ropeDivisors)
	}})
}

// rotate turns the heads in x by the angles of their tokens.
func (s *Session) rotate(x []float32) {
	s.later(step{out: x, do: func(s *Session, t int, st *step) {
		p, w := s.model.params, &s.work
		half := p.HeadDim / 2
		cos, sin := w.cos[t*half:(t+1)*half], w.sin[t*half:(t+1)*half]
		for row := s.row(st.out, t); len(row) > 0; row = row[p.HeadDim:] {
			if p.Interleaved {
				kernels.RopePairs(row[:p.HeadDim], cos, sin)
			} else {
				s.model.kernels.Rotate(row[:half], row[half:p.HeadDim], cos, sin)
			}
		}
	}})
}
