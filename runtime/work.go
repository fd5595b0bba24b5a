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
	step        step
	multiplying func(worker, lo, hi int) error
	attending   func(worker, lo, hi int) error
	eachToken   func(worker, lo, hi int) error

	err error // of an operation; those that follow do nothing
}

// step holds the operands of one loop.
type step struct {
	out, x, gain []float32
	matrix       *matrix
	layer        int
	token        func(s *Session, t int)
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

	w.tmp = make([]scratch, m.threads)
	for i := range w.tmp {
		w.tmp[i] = scratch{
			panel: make([]byte, kernels.PanelRows*widest), sums: make([]int32, kernels.PanelRows*n),
			blocks: make([]float64, n), row: make([]float32, widest), dots: make([]float32, n),
			heads: make([]float64, p.Heads/p.KVHeads),
		}
	}
	w.multiplying = func(worker, lo, hi int) error {
		return m.guard(func() error {
			w.step.matrix.multiply(m.kernels, w.step.out, w.step.matrix, &w.in, lo, hi, &w.tmp[worker])
			return nil
		})
	}
	w.attending = func(worker, lo, hi int) error {
		for i := lo; i < hi; i++ {
			s.attendGroup(i/p.KVHeads, i%p.KVHeads, &w.tmp[worker])
		}
		return nil
	}
	w.eachToken = func(_, lo, hi int) error {
		for t := lo; t < hi; t++ {
			w.step.token(s, t)
		}
		return nil
	}
}

// tokens calls f for every token of the batch.
func (s *Session) tokens(f func(s *Session, t int)) {
	w := &s.work
	if w.err == nil {
		w.step.token = f
		w.err = s.crew.For(w.n, 1, w.eachToken)
	}
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
		s.tokens(func(s *Session, t int) { s.work.in.quantize(s.model.kernels, t) })
	}
}

// multiply sets out to m times the input.
func (s *Session) multiply(out []float32, m *matrix) {
	w := &s.work
	if w.err != nil {
		return
	}
	w.step.out, w.step.matrix = out, m
	w.err = s.crew.For(m.rows, s.grain(m), w.multiplying)
}

// grain gives the number of rows that a worker takes at once: whole panels, and
// few enough for every worker to take several.
func (s *Session) grain(m *matrix) int {
	least := parallelWork / (m.cols * s.work.in.n)
	share := m.rows / (4 * s.model.threads)
	panels := (max(least, share-kernels.PanelRows/2, 1) + kernels.PanelRows - 1) / kernels.PanelRows
	return panels * kernels.PanelRows
}

// norm normalizes the rows of x, as wide as gain, into those of dst.
func (s *Session) norm(dst, x, gain []float32) {
	w := &s.work
	w.step.out, w.step.x, w.step.gain = dst, x, gain
	s.tokens(func(s *Session, t int) {
		st := &s.work.step
		at, end := t*len(st.gain), (t+1)*len(st.gain)
		s.model.kernels.RMSNorm(st.out[at:end], st.x[at:end], st.gain, s.model.params.Eps)
	})
}

// add adds y to x.
func (s *Session) add(x, y []float32) {
	w := &s.work
	w.step.out, w.step.x = x, y
	s.tokens(func(s *Session, t int) {
		st, width := &s.work.step, len(s.work.step.out)/s.work.n
		s.model.kernels.Add(st.out[t*width:(t+1)*width], st.x[t*width:(t+1)*width])
	})
}

// activate sets g to the activation of g times u.
func (s *Session) activate(g, u []float32) {
	w := &s.work
	w.step.out, w.step.x = g, u
	s.tokens(func(s *Session, t int) {
		st, width := &s.work.step, s.model.params.FeedForward
		g, u := st.out[t*width:(t+1)*width], st.x[t*width:(t+1)*width]
		switch s.model.params.Activation {
		case arch.ReLU2:
			s.model.kernels.ReLU2Mul(g, u)
		default:
			s.model.kernels.SiLUMul(g, u)
		}
	})
}

// embed fills x with the embeddings of tokens.
func (s *Session) embed(x []float32, tokens []int32) {
	e := s.model.embedding
	s.work.err = s.model.guard(func() error {
		for t, id := range tokens {
			e.format.decode(x[t*e.cols:][:e.cols], e.row(int(id)))
		}
		return nil
	})
}

// angles fills cos and sin for the batch.
func (s *Session) angles() {
	s.tokens(func(s *Session, t int) {
		m, half := s.model, s.model.params.HeadDim/2
		cos, sin := s.work.cos[t*half:(t+1)*half], s.work.sin[t*half:(t+1)*half]
		kernels.RopeAngles(cos, sin, s.pos+t, m.ropeStep, m.ropeDivisors)
	})
}

// rotate turns the heads in x by the angles of their tokens.
func (s *Session) rotate(x []float32) {
	s.work.step.out = x
	s.tokens(func(s *Session, t int) {
		p, w := s.model.params, &s.work
		width, half := len(w.step.out)/w.n, p.HeadDim/2
		cos, sin := w.cos[t*half:(t+1)*half], w.sin[t*half:(t+1)*half]
		for row := w.step.out[t*width : (t+1)*width]; len(row) > 0; row = row[p.HeadDim:] {
			if p.Interleaved {
				kernels.RopePairs(row[:p.HeadDim], cos, sin)
			} else {
				s.model.kernels.Rotate(row[:half], row[half:p.HeadDim], cos, sin)
			}
		}
	})
}
