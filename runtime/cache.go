package runtime

import (
	"github.com/akadata/bitnet-tool/internal/kernels"
)

// cache holds the keys and values of all tokens so far, in pages of
// [kernels.Page] tokens: a long context costs nothing until it is used. In a
// page every head has a place of its own, so that it is read from one end to the
// other: keys number by number, values token by token.
type cache struct {
	width  int // numbers a token: KVHeads·HeadDim
	head   int // HeadDim
	half   bool
	layers []struct{ k, v []page }

	encode func(dst []byte, x []float32)
	row    []byte // one token's keys or values as F16
}

// page holds numbers in one of two forms.
type page struct {
	f32 []float32
	f16 []byte
}

func (c *cache) init(m *Model, half bool) {
	c.head = m.params.HeadDim
	c.width = m.params.KVHeads * c.head
	c.layers = make([]struct{ k, v []page }, m.params.Blocks)
	c.half, c.encode = half, m.kernels.EncodeF16
	if half {
		c.row = make([]byte, 2*c.width)
	}
}

// grow makes room for n tokens.
func (c *cache) grow(n int) {
	for i := range c.layers {
		l := &c.layers[i]
		for len(l.k)*kernels.Page < n {
			l.k = append(l.k, c.page())
			l.v = append(l.v, c.page())
		}
	}
}

func (c *cache) page() page {
	if c.half {
		return page{f16: make([]byte, 2*kernels.Page*c.width)}
	}
	return page{f32: make([]float32, kernels.Page*c.width)}
}

// copy takes over the first n tokens of another cache of the same model.
func (c *cache) copy(from *cache, n int) {
	c.grow(n)
	for i := range c.layers {
		for p := 0; p*kernels.Page < n; p++ {
			for _, pair := range [][2]page{{c.layers[i].k[p], from.layers[i].k[p]}, {c.layers[i].v[p], from.layers[i].v[p]}} {
				copy(pair[0].f32, pair[1].f32)
				copy(pair[0].f16, pair[1].f16)
			}
		}
	}
}

// put stores keys and values of the token at a position.
func (c *cache) put(layer, pos int, k, v []float32) {
	l, slot := &c.layers[layer], pos%kernels.Page
	keys, values := l.k[pos/kernels.Page], l.v[pos/kernels.Page]
	if !c.half {
		for i, x := range k {
			keys.f32[i*kernels.Page+slot] = x
		}
		for h := 0; h < c.width; h += c.head {
			copy(values.f32[h*kernels.Page+slot*c.head:], v[h:h+c.head])
		}
		return
	}
	c.encode(c.row, k)
	for i := range k {
		copy(keys.f16[2*(i*kernels.Page+slot):][:2], c.row[2*i:])
	}
	c.encode(c.row, v)
	for h := 0; h < c.width; h += c.head {
		copy(values.f16[2*(h*kernels.Page+slot*c.head):], c.row[2*h:2*(h+c.head)])
	}
}
