package kernels_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/akadata/bitnet-tool/internal/kernels"
	"github.com/akadata/bitnet-tool/quant"
)

// tokens makes n tokens of random int8 of the full range.
func tokens(r *rand.Rand, n, cols int) []int8 {
	q := make([]int8, n*cols)
	for i := range q {
		q[i] = int8(r.IntN(256) - 128)
	}
	return q
}

func codec(t *testing.T, typ quant.Type) quant.Codec {
	t.Helper()
	c, ok := quant.Lookup(typ)
	if !ok {
		t.Fatalf("no codec %v", typ)
	}
	return c
}

// TestDotTernary compares with codes that package quant unpacks.
func TestDotTernary(t *testing.T) {
	const scale = 0.625
	for _, typ := range []quant.Type{quant.I2_S, quant.TQ1_0, quant.TQ2_0} {
		c := codec(t, typ)
		for _, blocks := range []int{1, 2, 3, 27} {
			for _, n := range []int{0, 1, 2, 7} {
				t.Run(fmt.Sprintf("%v, %d blocks, %d tokens", typ, blocks, n), func(t *testing.T) {
					r := rand.New(rand.NewPCG(uint64(blocks), uint64(n)))
					cols := blocks * c.BlockLen
					codes := make([]byte, cols)
					for i := range codes {
						codes[i] = byte(r.IntN(3))
					}
					row := make([]byte, blocks*c.BlockBytes)
					if err := c.PackTrits(row, codes, scale); err != nil {
						t.Fatal(err)
					}
					q := tokens(r, n, cols)
					got := make([]float64, n)
					if typ == quant.I2_S {
						sums := make([]int32, n)
						for i := range sums {
							sums[i] = 12345 // must be overwritten
						}
						DotI2S(sums, row, q)
						for i, s := range sums {
							got[i] = float64(s)
						}
					} else {
						for i := range got {
							got[i] = math.NaN()
						}
						dot := DotTQ1_0
						if typ == quant.TQ2_0 {
							dot = DotTQ2_0
						}
						dot(got, row, q)
					}
					for i := range n {
						want := 0
						for j, code := range codes {
							if typ == quant.I2_S {
								want += int(code) * int(q[i*cols+j])
							} else {
								want += (int(code) - 1) * int(q[i*cols+j])
							}
						}
						w := float64(want)
						if typ != quant.I2_S {
							w *= scale
						}
						if got[i] != w {
							t.Errorf("token %d: %v, want %v", i, got[i], w)
						}
					}
				})
			}
		}
	}
}

// TestDotTQScales gives every block its own scale, one of them zero.
func TestDotTQScales(t *testing.T) {
	scales := []quant.Scale{1, 0, 0.5, 3.0517578125e-05, 2048}
	for _, typ := range []quant.Type{quant.TQ1_0, quant.TQ2_0} {
		c := codec(t, typ)
		r := rand.New(rand.NewPCG(3, 4))
		var row []byte
		var want float64
		q := tokens(r, 1, 256*len(scales))
		for b, d := range scales {
			codes := make([]byte, 256)
			sum := 0
			for i := range codes {
				codes[i] = byte(r.IntN(3))
				sum += (int(codes[i]) - 1) * int(q[256*b+i])
			}
			block := make([]byte, c.BlockBytes)
			if err := c.PackTrits(block, codes, d); err != nil {
				t.Fatal(err)
			}
			row = append(row, block...)
			want += float64(d) * float64(sum)
		}
		got := []float64{0}
		dot := DotTQ1_0
		if typ == quant.TQ2_0 {
			dot = DotTQ2_0
		}
		dot(got, row, q)
		if got[0] != want {
			t.Errorf("%v: %v, want %v", typ, got[0], want)
		}
	}
}

func TestDotQ8_0(t *testing.T) {
	c := codec(t, quant.Q8_0)
	r := rand.New(rand.NewPCG(5, 6))
	const cols, n = 160, 3
	w := make([]float32, cols)
	for i := range w {
		w[i] = float32(r.NormFloat64())
	}
	row := make([]byte, cols/32*34)
	if err := c.Encode(row, w, 0); err != nil {
		t.Fatal(err)
	}
	if err := c.Decode(w, row, 0); err != nil {
		t.Fatal(err)
	}
	q := tokens(r, n, cols)
	got := make([]float64, n)
	DotQ8_0(got, row, q)
	for i := range n {
		var want float64
		for j, v := range w {
			want += float64(v) * float64(q[i*cols+j])
		}
		if math.Abs(got[i]-want) > 1e-9 {
			t.Errorf("token %d: %v, want %v", i, got[i], want)
		}
	}
}

// TestDotExtremes holds the sums that overflow kernels with 16-bit lanes: all
// activations at their limits, in rows of the lengths of a real model.
func TestDotExtremes(t *testing.T) {
	for _, cols := range []int{2560, 6912} {
		for _, a := range []int8{127, -128} {
			for _, b := range []byte{0x00, 0x55, 0xaa, 0xff} {
				code := int(b & 3)
				row := make([]byte, cols/4)
				tq2 := make([]byte, cols/256*66)
				for i := range row {
					row[i] = b
				}
				for i := range tq2 {
					tq2[i] = b
					if i%66 == 64 {
						tq2[i] = 0x00
					}
					if i%66 == 65 {
						tq2[i] = 0x3c // 1 as F16
					}
				}
				q := make([]int8, cols)
				for i := range q {
					q[i] = a
				}
				sums, acc := []int32{0}, []float64{0}
				DotI2S(sums, row, q)
				if want := int32(cols * code * int(a)); sums[0] != want {
					t.Errorf("I2_S, %d columns of code %d, activations %d: %d, want %d", cols, code, a, sums[0], want)
				}
				DotTQ2_0(acc, tq2, q)
				if want := float64(cols * (code - 1) * int(a)); acc[0] != want {
					t.Errorf("TQ2_0, %d columns of code %d, activations %d: %v, want %v", cols, code, a, acc[0], want)
				}
			}
		}
	}
}

// TestDotAnyBytes feeds bytes that no encoder writes.
func TestDotAnyBytes(*testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	q := tokens(r, 2, 1024)
	fill := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	for range 200 {
		DotI2S(make([]int32, 2), fill(256), q)
		DotTQ1_0(make([]float64, 2), fill(4*54), q)
		DotTQ2_0(make([]float64, 2), fill(4*66), q)
		DotQ8_0(make([]float64, 2), fill(32*34), q)
	}
}
