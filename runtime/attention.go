package runtime

import (
	"math"

	"github.com/akadata/bitnet-tool/internal/kernels"
)

// attend lets every head of every token of the batch look at all tokens up to
// its own. A group is the heads that share a head of keys and values: Heads /
// KVHeads of them in a row.
func (s *Session) attend(layer int) {
	w, p := &s.work, s.model.params
	if w.err != nil {
		return
	}
	w.layer = layer
	if groups := w.n * p.KVHeads; w.n > 1 || groups >= 4*s.model.threads || s.pos < splitFrom {
		w.err = s.crew.For(groups, 1, w.attending)
	} else {
		s.attendSplit()
	}
}

// splitFrom is from how many positions on a single token's groups, which may be
// fewer than the workers, are split further.
const splitFrom = 512

// splitColumns is how many columns of values a worker takes then.
const splitColumns = 64

// attendGroup computes the heads of group kv of token t of the batch.
func (s *Session) attendGroup(t, kv int, tmp *scratch) {
	w, p, k, d := &s.work, s.model.params, s.model.kernels, s.model.params.HeadDim
	group, n := p.Heads/p.KVHeads, s.pos+t+1
	at := (t*p.Heads + kv*group) * d
	q, a, stride := w.q[at:at+group*d], w.a[at:at+group*d], wholePages(n)
	scores := tmp.scores[:group*stride]

	for page := range stride / kernels.Page {
		s.score(scores, stride, q, kv, page)
	}
	for h := range group {
		tmp.heads[h] = s.exponentials(scores[h*stride:][:n])
	}
	clear(a)
	s.weigh(a, d, scores, stride, n, kv, 0)
	for h := range group {
		k.Scale(a[h*d:(h+1)*d], float32(1/tmp.heads[h]))
	}
}

// attendSplit does what attendGroup does for the groups of one token, in the
// same order of sums, but shares it out by pages, heads, and columns.
func (s *Session) attendSplit() {
	w, p := &s.work, s.model.params
	pages, parts := wholePages(s.pos+1)/kernels.Page, (p.HeadDim+splitColumns-1)/splitColumns
	if w.err = s.crew.For(p.KVHeads*pages, 4, w.scoring); w.err == nil {
		w.err = s.crew.For(p.Heads, 1, w.exponentiating)
	}
	if w.err == nil {
		w.err = s.crew.For(p.KVHeads*parts, 1, w.weighing)
	}
}

func (s *Session) scorePage(i int) {
	w, p := &s.work, s.model.params
	stride := wholePages(s.pos + 1)
	pages, group := stride/kernels.Page, p.Heads/p.KVHeads
	kv := i / pages
	q := w.q[kv*group*p.HeadDim:][:group*p.HeadDim]
	s.score(w.scores[kv*group*stride:][:group*stride], stride, q, kv, i%pages)
}

func (s *Session) exponentialsOf(head int) {
	w := &s.work
	w.heads[head] = s.exponentials(w.scores[head*wholePages(s.pos+1):][:s.pos+1])
}

func (s *Session) weighColumns(i int, tmp *scratch) {
	w, p, d := &s.work, s.model.params, s.model.params.HeadDim
	parts, group, stride := (d+splitColumns-1)/splitColumns, p.Heads/p.KVHeads, wholePages(s.pos+1)
	kv, from := i/parts, i%parts*splitColumns
	cols := min(splitColumns, d-from)
	a := tmp.columns[:group*cols]
	clear(a)
	s.weigh(a, cols, w.scores[kv*group*stride:], stride, s.pos+1, kv, from)
	for h := range group {
		head := kv*group + h
		row := w.a[head*d+from:][:cols]
		copy(row, a[h*cols:])
		s.model.kernels.Scale(row, float32(1/w.heads[head]))
	}
}

// score multiplies queries with the keys of a page.
func (s *Session) score(dst []float32, stride int, q []float32, kv, page int) {
	k, d, keys := s.model.kernels, s.model.params.HeadDim, &s.cache.layers[s.work.layer].k[page]
	from, size := kv*d*kernels.Page, d*kernels.Page
	if s.cache.half {
		k.ScoresF16(dst[page*kernels.Page:], stride, q, d, keys.f16[2*from:2*(from+size)])
	} else {
		k.Scores(dst[page*kernels.Page:], stride, q, d, keys.f32[from:from+size])
	}
}

// exponentials makes weights of a head's scores, but for a factor of which it
// gives the reciprocal.
func (s *Session) exponentials(scores []float32) float64 {
	return s.model.kernels.ExpSum(scores, float32(1/math.Sqrt(float64(s.model.params.HeadDim))))
}

// weigh adds to each row of a the weighted sum of n values, cols columns of
// each from number from on.
func (s *Session) weigh(a []float32, cols int, weights []float32, stride, n, kv, from int) {
	k, d := s.model.kernels, s.model.params.HeadDim
	first := kv*d*kernels.Page + from
	for i, page := range s.cache.layers[s.work.layer].v[:wholePages(n)/kernels.Page] {
		tokens := min(kernels.Page, n-i*kernels.Page)
		if s.cache.half {
			k.WeighF16(a, cols, weights[i*kernels.Page:], stride, tokens, page.f16[2*first:], d)
		} else {
			k.Weigh(a, cols, weights[i*kernels.Page:], stride, tokens, page.f32[first:], d)
		}
	}
}

// wholePages rounds n positions up to pages.
func wholePages(n int) int { return (n + kernels.Page - 1) / kernels.Page * kernels.Page }

// growScores makes room for the scores of n positions: of a group for every
// worker, and of all groups for when they share them.
func (s *Session) growScores(n int) {
	p, w := s.model.params, &s.work
	grow := func(scores *[]float32, heads int) {
		if size := heads * wholePages(n); len(*scores) < size {
			*scores = make([]float32, size)
		}
	}
	for i := range w.tmp {
		grow(&w.tmp[i].scores, p.Heads/p.KVHeads)
	}
	if n > splitFrom {
		grow(&w.scores, p.Heads)
	}
}
