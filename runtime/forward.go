package runtime

import (
	"context"

	"github.com/akadata/bitnet-tool/internal/arch"
)

// forward runs a batch of tokens through all layers and leaves the residual
// stream in work.x, keys and values in the cache.
//
// The graph is that of microsoft/bitnet-b1.58-2B-4T (transformers,
// models/bitnet/modeling_bitnet.py 00b676f8). A plain Llama is the same without
// the sub-norms.
func (s *Session) forward(ctx context.Context, tokens []int32) error {
	m, p, b, n := s.model, s.model.params, &s.work, len(tokens)
	b.n, b.steps = n, b.steps[:0] // of an evaluation that failed
	s.cache.grow(s.pos + n)
	s.growScores(s.pos + n)

	x, h, y := b.x[:n*p.Embedding], b.h[:n*p.Embedding], b.y[:n*p.Embedding]
	q, k, v := b.q[:n*p.Heads*p.HeadDim], b.k[:n*s.cache.width], b.v[:n*s.cache.width]
	a, g, u := b.a[:len(q)], b.g[:n*p.FeedForward], b.u[:n*p.FeedForward]

	s.embed(x, tokens)
	s.watched(-1, arch.TokenEmbd, x)
	s.angles()
	for l := range m.layers {
		if err := ctx.Err(); err != nil {
			return err
		}
		w := &m.layers[l]

		s.norm(h, x, w.attnNorm)
		s.watched(l, arch.AttnNorm, h)
		s.input(h, w.q, w.k, w.v)
		s.multiply(product{q, w.q}, product{k, w.k}, product{v, w.v})
		s.watched(l, arch.AttnQ, q)
		s.watched(l, arch.AttnK, k)
		s.watched(l, arch.AttnV, v)
		s.rotate(q)
		s.rotate(k)
		s.settle()
		for t := range n {
			s.cache.put(l, s.pos+t, k[t*s.cache.width:][:s.cache.width], v[t*s.cache.width:][:s.cache.width])
		}
		s.attend(l)
		if w.attnSubNorm != nil {
			s.norm(a, a, w.attnSubNorm)
			s.watched(l, arch.AttnSubNorm, a)
		}
		s.input(a, w.o)
		s.multiply(product{y, w.o})
		s.watched(l, arch.AttnOutput, y)
		s.add(x, y)

		s.norm(h, x, w.ffnNorm)
		s.watched(l, arch.FFNNorm, h)
		s.input(h, w.gate, w.up)
		s.multiply(product{g, w.gate}, product{u, w.up})
		s.watched(l, arch.FFNGate, g)
		s.watched(l, arch.FFNUp, u)
		s.activate(g, u)
		if w.ffnSubNorm != nil {
			s.norm(g, g, w.ffnSubNorm)
			s.watched(l, arch.FFNSubNorm, g)
		}
		s.input(g, w.down)
		s.multiply(product{y, w.down})
		s.watched(l, arch.FFNDown, y)
		s.add(x, y)

		if b.err != nil {
			return b.err
		}
	}
	s.settle()
	return b.err
}

// logits computes the logits of tokens lo to hi of the batch, at most
// headTokens, and hands them to f.
func (s *Session) logits(lo, hi int, f func(pos int, logits []float32) error) error {
	m, p, b, n := s.model, s.model.params, &s.work, hi-lo
	if len(b.logits) < n*p.Vocab {
		b.logits = make([]float32, n*p.Vocab)
	}
	h, out := b.h[:n*p.Embedding], b.logits[:n*p.Vocab]

	b.n = n
	s.norm(h, b.x[lo*p.Embedding:hi*p.Embedding], m.outputNorm)
	s.watched(-1, arch.OutputNorm, h)
	s.input(h, m.head)
	s.head(out)
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

// watched shows x to whoever watches the session.
func (s *Session) watched(layer int, tensor string, x []float32) {
	if s.watch == nil {
		return
	}
	s.settle()
	if s.work.err == nil {
		s.watch(layer, tensor, x)
	}
}
