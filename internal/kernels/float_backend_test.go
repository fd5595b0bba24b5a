package kernels_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/akadata/bitnet-tool/internal/kernels"
	"github.com/akadata/bitnet-tool/quant"
)

// floatKernel is a kernel for one type of weights.
type floatKernel struct {
	typ quant.Type
	of  func(*Backend) func(dst []float32, rows []byte, x []float32)
}

var floatKernels = []floatKernel{
	{quant.F32, func(b *Backend) func([]float32, []byte, []float32) { return b.MulF32 }},
	{quant.F16, func(b *Backend) func([]float32, []byte, []float32) { return b.MulF16 }},
	{quant.BF16, func(b *Backend) func([]float32, []byte, []float32) { return b.MulBF16 }},
	{quant.Q8_0, func(b *Backend) func([]float32, []byte, []float32) { return b.MulQ8_0 }},
	{quant.Q4_0, func(b *Backend) func([]float32, []byte, []float32) { return b.MulQ4_0 }},
	{quant.Q4_K, func(b *Backend) func([]float32, []byte, []float32) { return b.MulQ4_K }},
	{quant.Q6_K, func(b *Backend) func([]float32, []byte, []float32) { return b.MulQ6_K }},
}

// TestMulFloat: each backend equals DotF32 of what package quant decodes, to the
// bit, for every number of rows around a tile, every length, and any bytes.
func TestMulFloat(t *testing.T) {
	for _, k := range floatKernels {
		t.Run(k.typ.String(), func(t *testing.T) {
			for _, b := range Available() {
				t.Run(b.Name, func(t *testing.T) { testMulFloat(t, k, b) })
			}
		})
	}
}

func testMulFloat(t *testing.T, k floatKernel, b *Backend) {
	c := codec(t, k.typ)
	r := rand.New(rand.NewPCG(1, uint64(k.typ)))
	lengths := []int{0, 1, 2, 3, 5, 8}
	if c.BlockLen == 1 {
		lengths = []int{0, 1, 7, 15, 16, 17, 31, 32, 48, 80, 100, 256, 300, 576}
	}
	for _, blocks := range lengths {
		for _, n := range []int{0, 1, 2, 3, 4, 5, 8, 9} {
			for slack := range 3 {
				isolated(t, func(t *testing.T) {
					cols := blocks * c.BlockLen
					rows := fill(r, guarded[byte](t, n*blocks*c.BlockBytes, slack))
					if slack > 0 {
						ordinary(r, c, rows)
					}
					x := guarded[float32](t, cols, slack)
					for i := range x {
						x[i] = float32(r.NormFloat64())
					}
					got, w := guarded[float32](t, n, slack), make([]float32, cols)
					for i := range got {
						got[i] = 12345 // must be overwritten
					}
					k.of(b)(got, rows, x)
					for i := range got {
						if err := c.Decode(w, rows[i*blocks*c.BlockBytes:][:blocks*c.BlockBytes], 0); err != nil {
							t.Fatal(err)
						}
						if want := DotF32(w, x); !equal(got[i], want) {
							t.Errorf("row %d of %d, %d columns: %v, want %v", i, n, cols, got[i], want)
						}
					}
				})
			}
		}
	}
}

// equal compares bits; all NaN are one.
func equal(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

// ordinary replaces the half floats in the scales of blocks, which random bytes
// make infinite too often, and float weights.
func ordinary(r *rand.Rand, c quant.Codec, rows []byte) {
	half := func(b []byte) { binary.LittleEndian.PutUint16(b, uint16(r.IntN(2)<<15|r.IntN(31<<10))) }
	for b := rows; len(b) > 0; b = b[c.BlockBytes:] {
		switch c.Type {
		case quant.F32:
			binary.LittleEndian.PutUint32(b, math.Float32bits(float32(r.NormFloat64())))
		case quant.BF16:
			binary.LittleEndian.PutUint16(b, uint16(math.Float32bits(float32(r.NormFloat64()))>>16))
		case quant.Q6_K:
			half(b[208:])
		case quant.Q4_K:
			half(b)
			half(b[2:])
		default:
			half(b)
		}
	}
}

// TestProducts: for every number of rows and tokens around a tile.
func TestProducts(t *testing.T) {
	backends(t, func(t *testing.T, b, generic *Backend) {
		r := rand.New(rand.NewPCG(4, 4))
		for _, cols := range []int{1, 15, 16, 17, 32, 100, 256} {
			for n := range 10 {
				for tokens := range 10 {
					isolated(t, func(t *testing.T) {
						stride := n + tokens%3
						rows, x := guarded[float32](t, n*cols, n%3), guarded[float32](t, tokens*cols, n%3)
						copy(rows, randoms(r, len(rows)))
						copy(x, randoms(r, len(x)))
						got := guarded[float32](t, max(tokens-1, 0)*stride+n, n%3)
						clear(got)
						want := make([]float32, len(got))
						b.Products(got, stride, rows, x, cols)
						generic.Products(want, stride, rows, x, cols)
						if i := differ(got, want); i >= 0 {
							t.Errorf("%d rows, %d tokens, %d columns: number %d is %v, want %v", n, tokens, cols, i, got[i], want[i])
						}
					})
				}
			}
		}
	})
}

// TestDecode: each backend equals package quant, to the bit.
func TestDecode(t *testing.T) {
	for _, k := range []struct {
		typ quant.Type
		of  func(*Backend) func(dst []float32, src []byte)
	}{
		{quant.F32, func(*Backend) func([]float32, []byte) { return DecodeF32 }},
		{quant.F16, func(b *Backend) func([]float32, []byte) { return b.DecodeF16 }},
		{quant.BF16, func(b *Backend) func([]float32, []byte) { return b.DecodeBF16 }},
		{quant.Q8_0, func(b *Backend) func([]float32, []byte) { return b.DecodeQ8_0 }},
		{quant.Q4_0, func(b *Backend) func([]float32, []byte) { return b.DecodeQ4_0 }},
		{quant.Q4_K, func(b *Backend) func([]float32, []byte) { return b.DecodeQ4_K }},
		{quant.Q6_K, func(b *Backend) func([]float32, []byte) { return b.DecodeQ6_K }},
	} {
		t.Run(k.typ.String(), func(t *testing.T) {
			c := codec(t, k.typ)
			r := rand.New(rand.NewPCG(5, uint64(k.typ)))
			for _, b := range Available() {
				for blocks := range 5 {
					isolated(t, func(t *testing.T) {
						src := guarded[byte](t, blocks*c.BlockBytes, blocks%3)
						ordinary(r, c, fill(r, src))
						got, want := guarded[float32](t, blocks*c.BlockLen, blocks%3), make([]float32, blocks*c.BlockLen)
						k.of(b)(got, src)
						if err := c.Decode(want, src, 0); err != nil {
							t.Fatal(err)
						}
						if i := differ(got, want); i >= 0 {
							t.Errorf("%s, %d blocks, weight %d: %v, want %v", b.Name, blocks, i, got[i], want[i])
						}
					})
				}
			}
		})
	}
}
