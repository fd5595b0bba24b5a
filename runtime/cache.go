package runtime

import (
	"unsafe"

	"github.com/akadata/bitnet-tool/internal/kernels"
	"github.com/akadata/bitnet-tool/internal/mmap"
)

// cache holds the keys and values of all tokens so far, in pages of
// [kernels.Page] tokens: a long context costs nothing until it is used. In a
// page every head has a place of its own, so that it is read from one end to the
// other: keys number by number, values token by token.
type cache struct {
	width  int // numbers a token: KVHeads·HeadDim
	head   int // HeadDim
	most   int // pages of a full context
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

// slabBytes is about how much memory a cache takes at once: enough for the system
// to give large pages, which the many gigabytes a second of a long context need.
const slabBytes = 16 << 20

func (c *cache) init(m *Model, context int, half bool) {
	c.head = m.params.HeadDim
	c.width = m.params.KVHeads * c.head
	c.most = wholePages(context) / kernels.Page
	c.layers = make([]struct{ k, v []page }, m.params.Blocks)
	c.half, c.encode = half, m.kernels.EncodeF16
	if half {
		c.row = make([]byte, 2*c.width)
	}
}

// grow makes room for n tokens.
func (c *cache) grow(n int) {
	for len(c.layers[0].k)*kernels.Page < n {
		size := kernels.Page * c.width
		if c.half {
			addPages(c, 2*size, func(b []byte) page { return page{f16: b} })
		} else {
			addPages(c, size, func(x []float32) page { return page{f32: x} })
		}
	}
}

// addPages gives every layer some pages of size elements for keys and as many
// for values, all from one slab in the order in which they fill.
func addPages[T byte | float32](c *cache, size int, of func([]T) page) {
	var element T
	round := 2 * len(c.layers) * size // elements of a page for all
	rounds := max(slabBytes/(round*int(unsafe.Sizeof(element))), 1)
	slab := make([]T, min(rounds, c.most-len(c.layers[0].k))*round)
	mmap.PreferLarge(slab)
	next := func() page {
		p := of(slab[:size:size])
		slab = slab[size:]
		return p
	}
	for len(slab) > 0 {
		for i := range c.layers {
			l := &c.layers[i]
			l.k, l.v = append(l.k, next()), append(l.v, next())
		}
	}
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
