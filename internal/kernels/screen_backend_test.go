package kernels_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/akadata/bitnet-tool/internal/kernels"
	"github.com/akadata/bitnet-tool/quant"
)

// estimate is a kernel of Screen for rows of one type.
type estimate struct {
	name                 string
	blockLen, blockBytes int
	of                   func(*Backend) func(dst []float32, rows []byte, x *Fixed)
	ordinary             func(r *rand.Rand, rows []byte)
}

func estimates() []estimate {
	scales := func(typ quant.Type, blockBytes int) func(r *rand.Rand, rows []byte) {
		return func(r *rand.Rand, rows []byte) { ordinary(r, quant.Codec{Type: typ, BlockBytes: blockBytes}, rows) }
	}
	return []estimate{
		{"narrow", 64, 64, func(b *Backend) func([]float32, []byte, *Fixed) { return b.EstimateNarrow }, func(*rand.Rand, []byte) {}},
		{"Q8_0", 32, 34, func(b *Backend) func([]float32, []byte, *Fixed) { return b.EstimateQ8_0 }, scales(quant.Q8_0, 34)},
		{"Q6_K", 256, 210, func(b *Backend) func([]float32, []byte, *Fixed) { return b.EstimateQ6_K }, scales(quant.Q6_K, 210)},
	}
}

// activations fills x with one of several kinds: ordinary ones, the largest
// integers there are, and an outlier.
func activations(r *rand.Rand, x []float32, kind int) {
	for i := range x {
		switch kind {
		case 0:
			x[i] = float32(r.NormFloat64())
		case 1:
			x[i] = 3
		case 2:
			x[i] = float32(r.IntN(2)*2-1) * 1e-30
		default:
			x[i] = float32(r.NormFloat64())
		}
	}
	if kind == 3 && len(x) > 0 {
		x[len(x)/2] = -1e9
	}
}

// TestEstimate: all backends give the same estimates, for every number of rows
// and blocks and any bytes.
func TestEstimate(t *testing.T) {
	for _, e := range estimates() {
		t.Run(e.name, func(t *testing.T) {
			backends(t, func(t *testing.T, b, generic *Backend) {
				r := rand.New(rand.NewPCG(5, uint64(e.blockLen)))
				for _, blocks := range []int{0, 1, 2, 3, 5, 8, 27} {
					for n := range 4 {
						for kind := range 5 {
							isolated(t, func(t *testing.T) {
								cols := blocks * e.blockLen
								rows := fill(r, guarded[byte](t, n*blocks*e.blockBytes, kind%3))
								if kind == 4 {
									for i := range rows {
										rows[i] = []byte{0, 255, 128, 127}[r.IntN(4)]
									}
								}
								if kind > 0 {
									e.ordinary(r, rows)
								}
								x := make([]float32, cols)
								activations(r, x, kind)
								f := NewFixed(cols)
								if ok := f.Set(x); ok != (cols > 0) {
									t.Fatalf("Set is %v", ok)
								}
								got, want := guarded[float32](t, n, kind%3), make([]float32, n)
								e.of(b)(got, rows, &f)
								e.of(generic)(want, rows, &f)
								for i := range got {
									if !equal(got[i], want[i]) {
										t.Errorf("row %d of %d, %d columns, kind %d: %v, want %v", i, n, cols, kind, got[i], want[i])
									}
								}
							})
						}
					}
				}
			})
		})
	}
}

// TestEstimateExact: the generic estimate is the product of the decoded row and
// the integers of the token, off by rounding alone.
func TestEstimateExact(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	for _, tt := range []struct {
		typ quant.Type
		of  func(dst []float32, rows []byte, x *Fixed)
	}{
		{quant.Q8_0, Available()[0].EstimateQ8_0},
		{quant.Q6_K, Available()[0].EstimateQ6_K},
	} {
		t.Run(tt.typ.String(), func(t *testing.T) {
			c := codec(t, tt.typ)
			const cols = 1024
			row, w, x := make([]byte, cols/c.BlockLen*c.BlockBytes), make([]float32, cols), make([]float32, cols)
			f := NewFixed(cols)
			for range 20 {
				ordinary(r, c, fill(r, row))
				if err := c.Decode(w, row, 0); err != nil {
					t.Fatal(err)
				}
				activations(r, x, 0)
				f.Set(x)
				var got [1]float32
				tt.of(got[:], row, &f)
				var want, size float64
				for i, v := range w {
					want += float64(v) * float64(f.Wide[i])
					size += math.Abs(float64(v) * float64(f.Wide[i]))
				}
				if d := math.Abs(float64(got[0]) - want); !(d <= size*0x1p-20) {
					t.Errorf("%v, want %v: off by %v of %v", got[0], want, d, size)
				}
			}
		})
	}
}

// TestNarrow: all backends give the same bytes, and the bounds hold without
// being far off.
func TestNarrow(t *testing.T) {
	inf := float32(math.Inf(1))
	rows := map[string]func(r *rand.Rand, w []float32){
		"normal":          func(r *rand.Rand, w []float32) { activations(r, w, 0) },
		"outlier":         func(r *rand.Rand, w []float32) { activations(r, w, 3) },
		"equal":           func(r *rand.Rand, w []float32) { activations(r, w, 1) },
		"zero":            func(_ *rand.Rand, w []float32) { clear(w) },
		"tiny":            func(r *rand.Rand, w []float32) { activations(r, w, 2) },
		"subnormal":       func(_ *rand.Rand, w []float32) { clear(w); w[3] = 1e-45; w[4] = -1e-44 },
		"below the least": func(_ *rand.Rand, w []float32) { clear(w); w[0] = 0x1p-101; w[1] = -0x1p-101 },
		"largest":         func(_ *rand.Rand, w []float32) { clear(w); w[7] = -math.MaxFloat32; w[8] = 1e38 },
		"halves": func(_ *rand.Rand, w []float32) {
			for i := range w {
				w[i] = float32(i%255) - 127
			}
			w[1] = 0.5
			w[2] = -1.5
		},
		"NaN": func(_ *rand.Rand, w []float32) { w[5] = float32(math.NaN()) },
		"Inf": func(_ *rand.Rand, w []float32) { w[5] = -inf },
	}
	for name, make1 := range rows {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(7, 7))
			for _, n := range []int{16, 48, 64, 2560} {
				w := make([]float32, n)
				make1(r, w)
				var first []byte
				var made Narrowed
				for i, b := range Available() {
					isolated(t, func(t *testing.T) {
						in := guarded[float32](t, n, i)
						copy(in, w)
						dst := guarded[byte](t, n, i)
						got := b.Narrow(dst, in)
						if i == 0 {
							first, made = append([]byte(nil), dst...), got
							checkNarrow(t, dst, w, got)
						} else if string(dst) != string(first) || got != made {
							t.Errorf("%s, %d weights: differs: %v, want %v", b.Name, n, got, made)
						}
					})
				}
			}
		})
	}
}

func checkNarrow(t *testing.T, dst []byte, w []float32, got Narrowed) {
	t.Helper()
	var norm, lost float64
	for i, v := range w {
		d := float64(v) - float64(got.Scale)*float64(int(dst[i])-128)
		norm += float64(v) * float64(v)
		lost += d * d
	}
	norm, lost = math.Sqrt(norm), math.Sqrt(lost)
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		if !math.IsInf(float64(got.Norm), 1) || !math.IsInf(float64(got.Error), 1) {
			t.Errorf("%+v of weights that are not finite", got)
		}
		return
	}
	if !(float64(got.Norm) >= norm) || !(float64(got.Error) >= lost) {
		t.Errorf("%+v, but the norm is %v and the error %v", got, norm, lost)
	}
	if norm > 1e-20 && norm < math.MaxFloat32 && (float64(got.Norm) > norm*1.01 || float64(got.Error) > lost*1.01+norm*2e-6) {
		t.Errorf("%+v is far above the norm %v and the error %v", got, norm, lost)
	}
}

// TestFixed: what Set says of its errors holds, and it refuses what has no
// scale.
func TestFixed(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	x := make([]float32, 256)
	f := NewFixed(len(x))
	for kind := range 4 {
		activations(r, x, kind)
		if !f.Set(x) {
			t.Fatalf("kind %d is refused", kind)
		}
		var norm, lost float64
		for i, v := range x {
			d := float64(v) - f.Step*float64(f.Wide[i])
			if math.Abs(d) > f.Step*0.5000001 {
				t.Fatalf("kind %d: %v became %v steps of %v", kind, v, f.Wide[i], f.Step)
			}
			norm += float64(v) * float64(v)
			lost += d * d
		}
		if f.Norm < math.Sqrt(norm) || f.Error < math.Sqrt(lost) || f.Norm > math.Sqrt(norm)*1.001 {
			t.Errorf("kind %d: %v and %v, want %v and %v", kind, f.Norm, f.Error, math.Sqrt(norm), math.Sqrt(lost))
		}
	}
	for _, v := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
		x[9] = v
		if f.Set(x) {
			t.Errorf("%v passes", v)
		}
	}
	clear(x)
	if f.Set(x) {
		t.Error("zeros pass")
	}
}

func BenchmarkEstimate(b *testing.B) {
	for _, e := range estimates() {
		b.Run(e.name, func(b *testing.B) {
			bytes := func(cols int) int { return cols / e.blockLen * e.blockBytes }
			benchmark(b, bytes, func(b *testing.B, k *Backend, rows []byte, n, cols int) {
				e.ordinary(rand.New(rand.NewPCG(1, 1)), rows)
				x := make([]float32, cols)
				activations(rand.New(rand.NewPCG(1, 1)), x, 0)
				f := NewFixed(cols)
				f.Set(x)
				dst := make([]float32, n)
				for b.Loop() {
					e.of(k)(dst, rows, &f)
				}
			})
		})
	}
}

func BenchmarkNarrow(b *testing.B) {
	const cols = 2560
	w, dst := make([]float32, cols), make([]byte, cols)
	activations(rand.New(rand.NewPCG(1, 1)), w, 0)
	for _, k := range Available() {
		b.Run(fmt.Sprintf("%s/cols=%d", k.Name, cols), func(b *testing.B) {
			b.SetBytes(4 * cols)
			for b.Loop() {
				k.Narrow(dst, w)
			}
		})
	}
}
