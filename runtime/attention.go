package runtime

import (
	"math"

	"github.com/akadata/bitnet-tool/internal/kernels"
)

// pageTokens is how many tokens a page of the cache holds: memory grows by
// pages, so a long context costs nothing until it is used.
const pageTokens = 64

// cache holds the keys and values of all tokens so far.
type cache struct {
	width  int // floats a token: KVHeads·HeadDim
	layers []struct{ k, v [][]float32 }
}

func (c *cache) init(p *Params) {
	c.width = p.KVHeads * p.HeadDim
	c.layers = make([]struct{ k, v [][]float32 }, p.Blocks)
}

// grow makes room for n tokens.
func (c *cache) grow(n int) {
	for i := range c.layers {
		l := &c.layers[i]
		for len(l.k)*pageTokens < n {
			l.k = append(l.k, make([]float32, pageTokens*c.width))
			l.v = append(l.v, make([]float32, pageTokens*c.width))
		}
	}
}

// copy takes over the first n tokens of another cache of the same model.
func (c *cache) copy(from *cache, n int) {
	c.grow(n)
	for i := range c.layers {
		for page := 0; page*pageTokens < n; page++ {
			copy(c.layers[i].k[page], from.layers[i].k[page])
			copy(c.layers[i].v[page], from.layers[i].v[page])
		}
	}
}

// put stores the keys and values of the tokens from position pos on.
func (c *cache) put(layer, pos int, k, v []float32) {
	l := &c.layers[layer]
	for at := 0; at < len(k); at, pos = at+c.width, pos+1 {
		copy(c.at(l.k, pos), k[at:at+c.width])
		copy(c.at(l.v, pos), v[at:at+c.width])
	}
}

// at gives the row of a position.
func (c *cache) at(pages [][]float32, pos int) []float32 {
	return pages[pos/pageTokens][pos%pageTokens*c.width:][:c.width]
}

// attend lets every head of every token of the batch look at all tokens up to
// its own.
func (s *Session) attend(layer, n int) {
	w, p := &s.work, s.model.params
	if w.err != nil {
		return
	}
	w.step.layer = layer
	grain := parallelWork / (2 * p.HeadDim * (s.pos + n))
	w.err = s.crew.For(n*p.Heads, grain, w.attending)
}

// attendHead computes one head of token t of the batch. Heads / KVHeads query
// heads in a row share a head of keys and values.
func (s *Session) attendHead(t, head int, tmp *scratch) {
	w, p, d := &s.work, s.model.params, s.model.params.HeadDim
	row := (t*p.Heads + head) * d
	q, a := w.q[row:row+d], w.a[row:row+d]
	kv := head / (p.Heads / p.KVHeads) * d
	l := &s.cache.layers[w.step.layer]

	scores := tmp.scores[:s.pos+t+1]
	for i := range scores {
		scores[i] = kernels.DotF32(q, s.cache.at(l.k, i)[kv:])
	}
	sum := kernels.ExpSum(scores, float32(1/math.Sqrt(float64(d))))
	clear(a)
	for i, f := range scores {
		kernels.AddScaled(a, s.cache.at(l.v, i)[kv:], f)
	}
	kernels.Scale(a, float32(1/sum))
}

// growScores makes room for the scores of n positions.
func (w *work) growScores(n int) {
	for i := range w.tmp {
		if len(w.tmp[i].scores) < n {
			w.tmp[i].scores = make([]float32, (n+pageTokens-1)/pageTokens*pageTokens)
		}
	}
}
