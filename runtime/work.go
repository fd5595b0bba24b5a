package runtime

import (
	"github.com/akadata/bitnet-tool/internal/kernels"
	"github.com/akadata/bitnet-tool/internal/par"
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
	out         []float32
	matrix      *matrix
	layer       int
	multiplying func(worker, lo, hi int) error
	attending   func(worker, lo, hi int) error

	err error // of an operation; those that follow do nothing
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
		w.tmp[i] = scratch{sums: make([]int32, n), blocks: make([]float64, n), row: make([]float32, widest)}
	}
	w.multiplying = func(worker, lo, hi int) error {
		return m.guard(func() error {
			w.matrix.multiply(w.out, w.matrix, &w.in, lo, hi, &w.tmp[worker])
			return nil
		})
	}
	w.attending = func(worker, lo, hi int) error {
		for i := lo; i < hi; i++ {
			s.attendHead(i/p.Heads, i%p.Heads, &w.tmp[worker])
		}
		return nil
	}
}

// input makes the n tokens in x the input of matrices, in the forms that they
// take.
func (w *work) input(x []float32, n int, matrices ...*matrix) {
	quantize := false
	for _, m := range matrices {
		quantize = quantize || m.int8
	}
	w.in.set(x, n, quantize)
}

// multiply sets out to m times the input.
func (s *Session) multiply(out []float32, m *matrix) {
	w := &s.work
	if w.err != nil {
		return
	}
	w.out, w.matrix = out, m
	grain := parallelWork / (m.cols * w.in.n)
	w.err = par.For(s.model.threads, m.rows, grain, w.multiplying)
}

// norm normalizes the rows of x, as wide as gain.
func norm(dst, x, gain []float32, eps float32) {
	for at, width := 0, len(gain); at < len(x); at += width {
		kernels.RMSNorm(dst[at:at+width], x[at:at+width], gain, eps)
	}
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
func (s *Session) angles(n int) {
	m, half := s.model, s.model.params.HeadDim/2
	for t := range n {
		at := t * half
		kernels.RopeAngles(s.work.cos[at:at+half], s.work.sin[at:at+half], s.pos+t, m.ropeStep, m.ropeDivisors)
	}
}

// rotate turns the heads in x by the angles of their tokens.
func (s *Session) rotate(x []float32, heads int) {
	p := s.model.params
	d, half := p.HeadDim, p.HeadDim/2
	turn := kernels.RopeHalves
	if p.Interleaved {
		turn = kernels.RopePairs
	}
	for i := 0; i*d < len(x); i++ {
		at := i / heads * half
		turn(x[i*d:(i+1)*d], s.work.cos[at:at+half], s.work.sin[at:at+half])
	}
}
