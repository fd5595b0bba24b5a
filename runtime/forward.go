package runtime

import (
	"context"

	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/kernels"
)

// forward runs a batch of tokens through all layers and leaves the residual
// stream in work.x, keys and values in the cache.
//
// The graph is that of microsoft/bitnet-b1.58-2B-4T (transformers,
// models/bitnet/modeling_bitnet.py 00b676f8). A plain Llama is the same without
// the sub-norms.
func (s *Session) forward(ctx context.Context, tokens []int32) error {
	m, p, b, n := s.model, s.model.params, &s.work, len(tokens)
	s.cache.grow(s.pos + n)
	b.growScores(s.pos + n)

	x, h, y := b.x[:n*p.Embedding], b.h[:n*p.Embedding], b.y[:n*p.Embedding]
	q, k, v := b.q[:n*p.Heads*p.HeadDim], b.k[:n*s.cache.width], b.v[:n*s.cache.width]
	a, g, u := b.a[:len(q)], b.g[:n*p.FeedForward], b.u[:n*p.FeedForward]

	s.embed(x, tokens)
	s.angles(n)
	for l := range m.layers {
		if err := ctx.Err(); err != nil {
			return err
		}
		w := &m.layers[l]

		norm(h, x, w.attnNorm, p.Eps)
		b.input(h, n, w.q, w.k, w.v)
		s.multiply(q, w.q)
		s.multiply(k, w.k)
		s.multiply(v, w.v)
		s.rotate(q, p.Heads)
		s.rotate(k, p.KVHeads)
		s.cache.put(l, s.pos, k, v)
		s.attend(l, n)
		if w.attnSubNorm != nil {
			norm(a, a, w.attnSubNorm, p.Eps)
		}
		b.input(a, n, w.o)
		s.multiply(y, w.o)
		kernels.Add(x, y)

		norm(h, x, w.ffnNorm, p.Eps)
		b.input(h, n, w.gate, w.up)
		s.multiply(g, w.gate)
		s.multiply(u, w.up)
		switch p.Activation {
		case arch.ReLU2:
			kernels.ReLU2Mul(g, u)
		default:
			kernels.SiLUMul(g, u)
		}
		if w.ffnSubNorm != nil {
			norm(g, g, w.ffnSubNorm, p.Eps)
		}
		b.input(g, n, w.down)
		s.multiply(y, w.down)
		kernels.Add(x, y)

		if b.err != nil {
			return b.err
		}
	}
	return nil
}

// logits computes the logits of tokens lo to hi of the batch, at most
// headTokens, and hands them to f.
func (s *Session) logits(lo, hi int, f func(pos int, logits []float32) error) error {
	m, p, b, n := s.model, s.model.params, &s.work, hi-lo
	if len(b.logits) < n*p.Vocab {
		b.logits = make([]float32, n*p.Vocab)
	}
	h, out := b.h[:n*p.Embedding], b.logits[:n*p.Vocab]

	norm(h, b.x[lo*p.Embedding:hi*p.Embedding], m.outputNorm, p.Eps)
	b.input(h, n, m.head)
	s.multiply(out, m.head)
	if b.err != nil {
		return b.err
	}
	for t := range n {
		if err := f(s.pos+lo+t, out[t*p.Vocab:(t+1)*p.Vocab]); err != nil {
			return err
		}
	}
	return nil
}
