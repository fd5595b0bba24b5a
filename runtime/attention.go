package runtime

import (
	"math"

	"github.com/akadata/bitnet-tool/internal/kernels"
)

// attend lets every head of every token of the batch look at all tokens up to
// its own.
func (s *Session) attend(layer int) {
	w, p := &s.work, s.model.params
	if w.err != nil {
		return
	}
	w.step.layer = layer
	w.err = s.crew.For(w.n*p.KVHeads, 1, w.attending)
}

// attendGroup computes the heads of token t of the batch that share a head of
// keys and values: Heads / KVHeads of them in a row.
func (s *Session) attendGroup(t, kv int, tmp *scratch) {
	w, p, k, d := &s.work, s.model.params, s.model.kernels, s.model.params.HeadDim
	group := p.Heads / p.KVHeads
	at := (t*p.Heads + kv*group) * d
	q, a := w.q[at:at+group*d], w.a[at:at+group*d]
	l, n := &s.cache.layers[w.step.layer], s.pos+t+1
	stride := wholePages(n)
	scores := tmp.scores[:group*stride]

	for i, page := range l.k[:stride/kernels.Page] {
		from, size := kv*d*kernels.Page, d*kernels.Page
		if s.cache.half {
			k.ScoresF16(scores[i*kernels.Page:], stride, q, d, page.f16[2*from:2*(from+size)])
		} else {
			k.Scores(scores[i*kernels.Page:], stride, q, d, page.f32[from:from+size])
		}
	}
	for h := range group {
		tmp.heads[h] = k.ExpSum(scores[h*stride:][:n], float32(1/math.Sqrt(float64(d))))
	}
	clear(a)
	for i, page := range l.v[:stride/kernels.Page] {
		tokens := min(kernels.Page, n-i*kernels.Page)
		if s.cache.half {
			k.WeighF16(a, d, scores[i*kernels.Page:], stride, tokens, page.f16[2*kv*d:], s.cache.width)
		} else {
			k.Weigh(a, d, scores[i*kernels.Page:], stride, tokens, page.f32[kv*d:], s.cache.width)
		}
	}
	for h := range group {
		k.Scale(a[h*d:(h+1)*d], float32(1/tmp.heads[h]))
	}
}

// wholePages rounds n positions up to pages.
func wholePages(n int) int { return (n + kernels.Page - 1) / kernels.Page * kernels.Page }

// growScores makes room for the scores of n positions.
func (s *Session) growScores(n int) {
	p := s.model.params
	size := p.Heads / p.KVHeads * wholePages(n)
	for i := range s.work.tmp {
		if len(s.work.tmp[i].scores) < size {
			s.work.tmp[i].scores = make([]float32, size)
		}
	}
}
