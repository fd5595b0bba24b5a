package kernels_test

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/akadata/bitnet-tool/internal/kernels"
	"github.com/akadata/bitnet-tool/quant"
)

// ternaryKernel is the kernels of one format; mul or panel may be nil.
type ternaryKernel struct {
	typ   quant.Type
	mul   func(*Backend) func(dst []int32, rows []byte, q []int8) (float32, bool)
	panel func(*Backend) func(panel, rows []byte, cols int) (float32, bool)
}

var ternaryKernels = []ternaryKernel{
	{
		quant.Q8_0,
		func(b *Backend) func([]int32, []byte, []int8) (float32, bool) { return b.MulQ8 },
		nil,
	},
	{
		quant.I2_S,
		func(b *Backend) func([]int32, []byte, []int8) (float32, bool) { return b.MulI2S },
		func(b *Backend) func(_, _ []byte, _ int) (float32, bool) { return b.PanelI2S },
	},
	{
		quant.TQ2_0,
		func(b *Backend) func([]int32, []byte, []int8) (float32, bool) { return b.MulTQ2_0 },
		func(b *Backend) func(_, _ []byte, _ int) (float32, bool) { return b.PanelTQ2_0 },
	},
	{
		quant.TQ1_0,
		nil,
		func(b *Backend) func(_, _ []byte, _ int) (float32, bool) { return b.PanelTQ1_0 },
	},
}

// anyCodes makes rows of any bytes, code 3 too, with one scale in all blocks.
func anyCodes(r *rand.Rand, c quant.Codec, rows []byte, scale uint16) {
	fill(r, rows)
	if c.Type == quant.I2_S {
		return
	}
	for b := rows; len(b) > 0; b = b[c.BlockBytes:] {
		binary.LittleEndian.PutUint16(scaleOf(c, b), scale)
	}
}

// scaleOf gives where the scale of a block is.
func scaleOf(c quant.Codec, block []byte) []byte {
	if c.Type == quant.Q8_0 {
		return block[:2]
	}
	return block[c.BlockBytes-2:][:2]
}

// tokensOf makes n tokens; if extreme is set, all of one of the limits.
func tokensOf(r *rand.Rand, q []int8, extreme bool) {
	v := []int8{127, -127, -128}[r.IntN(3)]
	for i := range q {
		if q[i] = v; !extreme {
			q[i] = int8(r.Uint32())
		}
	}
}

// TestMulTernary: every number of rows around a tile, every length, any bytes.
func TestMulTernary(t *testing.T) {
	for _, k := range ternaryKernels {
		if k.mul == nil {
			continue
		}
		t.Run(k.typ.String(), func(t *testing.T) {
			backends(t, func(t *testing.T, b, generic *Backend) { testMulTernary(t, k, b, generic) })
		})
	}
}

func testMulTernary(t *testing.T, k ternaryKernel, b, generic *Backend) {
	c := codec(t, k.typ)
	r := rand.New(rand.NewPCG(1, 2))
	for _, blocks := range []int{0, 1, 2, 3, 4, 5, 20, 27, 54} {
		for _, n := range []int{0, 1, 2, 3, 4, 5, 8, 9, 16, 17} {
			for slack := range 3 {
				isolated(t, func(t *testing.T) {
					rows := guarded[byte](t, n*blocks*c.BlockBytes, slack)
					anyCodes(r, c, rows, 0x3555)
					q := guarded[int8](t, blocks*c.BlockLen, slack)
					tokensOf(r, q, slack == 2)
					got, want := guarded[int32](t, n, slack), make([]int32, n)
					for i := range got {
						got[i] = 12345 // must be overwritten
					}
					scale, ok := k.mul(b)(got, rows, q)
					wantScale, wantOK := k.mul(generic)(want, rows, q)
					if !slices.Equal(got, want) || ok != wantOK || ok && len(rows) > 0 && scale != wantScale {
						t.Errorf("%d rows of %d blocks: %d, scale %v %v; want %d, %v %v", n, blocks, got, scale, ok, want, wantScale, wantOK)
					}
				})
			}
		}
	}
}

// TestTernaryScales: one block with another scale, wherever it is, or a scale
// that is no number, is found.
func TestTernaryScales(t *testing.T) {
	for _, k := range ternaryKernels {
		if k.typ == quant.I2_S {
			continue
		}
		for _, b := range Available() {
			t.Run(k.typ.String()+" "+b.Name, func(t *testing.T) {
				c := codec(t, k.typ)
				const n, blocks = PanelRows, 3
				cols := blocks * c.BlockLen
				rows, dst := make([]byte, n*blocks*c.BlockBytes), make([]int32, n)
				panel, q := make([]byte, n*cols), make([]int8, cols)
				check := func(what string, at int, want bool) {
					t.Helper()
					if k.mul != nil {
						if _, ok := k.mul(b)(dst, rows, q); ok != want {
							t.Errorf("one token: %s at block %d: %v, want %v", what, at, ok, want)
						}
					}
					if k.panel == nil {
						return
					}
					if _, ok := k.panel(b)(panel, rows, cols); ok != want {
						t.Errorf("panel: %s at block %d: %v, want %v", what, at, ok, want)
					}
				}
				anyCodes(rand.New(rand.NewPCG(1, 1)), c, rows, 0x3c00)
				check("the same scale", 0, true)
				for at := range n * blocks {
					d := scaleOf(c, rows[at*c.BlockBytes:])
					d[0] ^= 1
					check("another scale", at, false)
					d[0] ^= 1
					d[1] ^= 0x80
					check("a negative scale", at, false)
					d[1] ^= 0x80
				}
				for _, h := range []uint16{0x7c00, 0xfc00, 0x7e00} {
					anyCodes(rand.New(rand.NewPCG(1, 1)), c, rows, h)
					check("no number", 0, false)
				}
			})
		}
	}
}

// TestPanel: the panel of every backend is that of the generic one, which holds
// the codes that package quant unpacks.
func TestPanel(t *testing.T) {
	for _, k := range ternaryKernels[1:] {
		for _, b := range Available() {
			t.Run(k.typ.String()+" "+b.Name, func(t *testing.T) { testPanel(t, k, b) })
		}
	}
}

func testPanel(t *testing.T, k ternaryKernel, b *Backend) {
	c := codec(t, k.typ)
	r := rand.New(rand.NewPCG(3, 4))
	for _, blocks := range []int{1, 2, 3, 10} {
		for _, n := range []int{1, 15, 16, 17, 48, 63, 64} {
			for slack := range 2 {
				isolated(t, func(t *testing.T) {
					cols := blocks * c.BlockLen
					codes := make([]byte, n*cols)
					for i := range codes {
						codes[i] = byte(r.IntN(3))
					}
					rows := guarded[byte](t, n*blocks*c.BlockBytes, slack)
					if err := c.PackTrits(rows, codes, 0.5); err != nil {
						t.Fatal(err)
					}
					panel := guarded[byte](t, PanelRows*cols, slack)
					if _, ok := k.panel(b)(panel, rows, cols); !ok {
						t.Fatal("not ok")
					}
					for i, v := range panel {
						row, col := i%256/4, i/256*4+i%4
						want := byte(0)
						if row < n {
							want = codes[row*cols+col]
						}
						if v != want {
							t.Fatalf("row %d of %d, column %d of %d: %d, want %d", row, n, col, cols, v, want)
						}
					}
				})
			}
		}
	}
}

// TestPanelAnyBytes: bytes that no encoder writes unpack alike everywhere.
func TestPanelAnyBytes(t *testing.T) {
	for _, k := range ternaryKernels[1:] {
		t.Run(k.typ.String(), func(t *testing.T) {
			backends(t, func(t *testing.T, b, generic *Backend) {
				c := codec(t, k.typ)
				r := rand.New(rand.NewPCG(5, 6))
				const blocks = 7
				rows := guarded[byte](t, PanelRows*blocks*c.BlockBytes, 0)
				anyCodes(r, c, rows, 0x2eee)
				got := guarded[byte](t, PanelRows*blocks*c.BlockLen, 0)
				want := make([]byte, len(got))
				k.panel(b)(got, rows, blocks*c.BlockLen)
				k.panel(generic)(want, rows, blocks*c.BlockLen)
				if !slices.Equal(got, want) {
					t.Error("panels differ")
				}
			})
		})
	}
}

func TestMulPanel(t *testing.T) {
	backends(t, func(t *testing.T, b, generic *Backend) {
		r := rand.New(rand.NewPCG(7, 8))
		for _, cols := range []int{0, 128, 256, 384, 2560, 6912} {
			for _, n := range []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 17} {
				for slack := range 3 {
					if cols > 1000 && (n > 8 || slack == 1) {
						continue
					}
					isolated(t, func(t *testing.T) {
						panel := guarded[byte](t, PanelRows*cols, slack)
						for i := range panel {
							if panel[i] = byte(r.IntN(4)); slack == 2 {
								panel[i] = 3
							}
						}
						q := guarded[int8](t, n*cols, slack)
						tokensOf(r, q, slack == 2)
						got, want := guarded[int32](t, n*PanelRows, slack), make([]int32, n*PanelRows)
						b.MulPanel(got, panel, q, cols)
						generic.MulPanel(want, panel, q, cols)
						if !slices.Equal(got, want) {
							t.Errorf("%d columns, %d tokens: wrong", cols, n)
						}
					})
				}
			}
		}
	})
}

// TestMulGeneric ties the plain Go kernels to the dots of single rows, which are
// compared with package quant elsewhere.
func TestMulGeneric(t *testing.T) {
	b := Available()[0]
	r := rand.New(rand.NewPCG(9, 9))
	const n, blocks = 5, 2
	q := make([]int8, 256*blocks)
	tokensOf(r, q, false)
	sum := int32(0)
	for _, v := range q {
		sum += int32(v)
	}
	for _, k := range ternaryKernels[1:] {
		c := codec(t, k.typ)
		rowBytes := 256 * blocks / c.BlockLen * c.BlockBytes
		rows := make([]byte, n*rowBytes)
		anyCodes(r, c, rows, 0x3c00)
		panel, sums := make([]byte, PanelRows*len(q)), make([]int32, PanelRows)
		scale, ok := k.panel(b)(panel, rows, len(q))
		if !ok || scale != 1 {
			t.Fatalf("%v: scale %v, %v", k.typ, scale, ok)
		}
		b.MulPanel(sums, panel, q, len(q))
		mul := slices.Clone(sums)
		if k.mul != nil {
			k.mul(b)(mul[:n], rows, q)
		}
		for i := range n {
			row, s, f := rows[i*rowBytes:][:rowBytes], []int32{0}, []float64{0}
			switch k.typ {
			case quant.I2_S:
				DotI2S(s, row, q)
			case quant.TQ2_0:
				DotTQ2_0(f, row, q)
				s[0] = int32(f[0]) + sum
			case quant.TQ1_0:
				DotTQ1_0(f, row, q)
				s[0] = int32(f[0]) + sum
			}
			if sums[i] != s[0] || mul[i] != s[0] {
				t.Errorf("%v, row %d: panel %d, rows %d, dot %d", k.typ, i, sums[i], mul[i], s[0])
			}
		}
		for _, v := range sums[n:] {
			if v != 0 {
				t.Errorf("%v: a missing row gives %d", k.typ, v)
			}
		}
	}
}

// TestMulQ8 ties the plain Go kernel to the dot of a row.
func TestMulQ8(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 8))
	q, rows := make([]int8, 96), make([]byte, 2*3*34)
	tokensOf(r, q, false)
	anyCodes(r, codec(t, quant.Q8_0), rows, 0x3800)
	dst, want := make([]int32, 2), []float64{0}
	scale, ok := plain.MulQ8(dst, rows, q)
	for i, v := range dst {
		DotQ8_0(want, rows[i*3*34:][:3*34], q)
		if !ok || scale != 0.5 || float64(v)*0.5 != want[0] {
			t.Errorf("row %d: %d times %v (%v), want %v", i, v, scale, ok, want[0])
		}
	}
}
