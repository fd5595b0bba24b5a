package kernels_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/akadata/bitnet-tool/internal/kernels"
)

// layerCase is one call of a kernel of [Layer]. It makes its vectors by vector,
// which gives the same numbers for every backend, and returns all results.
type layerCase struct {
	name string
	run  func(b *Backend, vector func() []float32) []float32
}

var layerCases = []layerCase{
	{"RMSNorm", func(b *Backend, vector func() []float32) []float32 {
		x, gain, dst := vector(), vector(), vector()
		if len(x) > 0 {
			b.RMSNorm(dst, x, gain, 1e-5)
			b.RMSNorm(x, x, gain, 1e-5)
		}
		return append(x, dst...)
	}},
	{"Rotate", func(b *Backend, vector func() []float32) []float32 {
		x, y, cos, sin := vector(), vector(), vector(), vector()
		b.Rotate(x, y, cos, sin)
		return append(x, y...)
	}},
	{"ExpSum", func(b *Backend, vector func() []float32) []float32 {
		x := vector()
		sum := b.ExpSum(x, 7.5)
		return append(x, float32(sum), float32(sum-float64(float32(sum))))
	}},
	{"SiLUMul", func(b *Backend, vector func() []float32) []float32 {
		x, y := vector(), vector()
		b.SiLUMul(x, y)
		return x
	}},
	{"ReLU2Mul", func(b *Backend, vector func() []float32) []float32 {
		x, y := vector(), vector()
		b.ReLU2Mul(x, y)
		return x
	}},
	{"Add", func(b *Backend, vector func() []float32) []float32 {
		x, y := vector(), vector()
		b.Add(x, y)
		return x
	}},
	{"Scale", func(b *Backend, vector func() []float32) []float32 {
		x := vector()
		b.Scale(x, 0.3)
		return x
	}},
}

// hard are numbers in which kernels go wrong.
var hard = []float32{
	0, float32(math.Copysign(0, -1)), float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()),
	math.MaxFloat32, -math.MaxFloat32, 1e-45, -1e-40, 88.7, 88.8, -87.5, -103.9, -104.1, 0.5, 1.5, 2.5,
}

func TestLayer(t *testing.T) {
	backends(t, func(t *testing.T, b, generic *Backend) {
		for _, c := range layerCases {
			t.Run(c.name, func(t *testing.T) {
				for n := range 100 {
					for slack := range 3 {
						isolated(t, func(t *testing.T) {
							got := c.run(b, vectors(t, n, slack))
							want := c.run(generic, vectors(t, n, slack))
							if i := differ(got, want); i >= 0 {
								t.Errorf("length %d, result %d: %v, want %v", n, i, got[i], want[i])
							}
						})
					}
				}
			})
		}
	})
}

// vectors gives vectors of n numbers, the same ones for the same n and slack;
// if slack is 2 with hard ones among them.
func vectors(t *testing.T, n, slack int) func() []float32 {
	r := rand.New(rand.NewPCG(uint64(n), uint64(slack)))
	return func() []float32 {
		x := guarded[float32](t, n, slack)
		for i := range x {
			x[i] = float32(r.NormFloat64() * 3)
			if slack == 2 && r.IntN(5) == 0 {
				x[i] = hard[r.IntN(len(hard))]
			}
		}
		return x
	}
}

// differ gives the first index at which a and b are not the same bits, or -1.
func differ(a, b []float32) int {
	for i := range a {
		if !equal(a[i], b[i]) {
			return i
		}
	}
	return -1
}

func TestQuantizeInt8Backends(t *testing.T) {
	backends(t, func(t *testing.T, b, generic *Backend) {
		for n := range 100 {
			for slack := range 3 {
				isolated(t, func(t *testing.T) {
					x := vectors(t, n, slack)()
					if slack == 1 { // halves
						for i := range x {
							x[i] = float32(i%255) - 127 + 0.5
						}
						if n > 0 {
							x[n-1] = 127
						}
					}
					got, want := guarded[int8](t, n, slack), make([]int8, n)
					scale, sum := b.QuantizeInt8(got, x)
					wantScale, wantSum := generic.QuantizeInt8(want, x)
					if !equal(scale, wantScale) || sum != wantSum || !slices.Equal(got, want) {
						t.Errorf("length %d: %v, %d, %d; want %v, %d, %d", n, scale, sum, got, wantScale, wantSum, want)
					}
				})
			}
		}
	})
}

func TestScaleSums(t *testing.T) {
	backends(t, func(t *testing.T, b, generic *Backend) {
		r := rand.New(rand.NewPCG(1, 1))
		for rows := range PanelRows + 1 {
			for tokens := range 4 {
				isolated(t, func(t *testing.T) {
					stride := rows + r.IntN(5)
					sums := guarded[int32](t, max(tokens-1, 0)*PanelRows+rows, tokens%3)
					for i := range sums {
						sums[i] = int32(r.Uint32()) >> r.IntN(32)
					}
					offset, divisor := guarded[int32](t, tokens, 0), guarded[float32](t, tokens, 0)
					for i := range offset {
						offset[i], divisor[i] = int32(r.Uint32())>>r.IntN(32), r.Float32()
					}
					got := guarded[float32](t, max(tokens-1, 0)*stride+rows, tokens%3)
					clear(got)
					want := make([]float32, len(got))
					b.ScaleSums(got, stride, sums, rows, offset, divisor, 1.3, 1.7)
					generic.ScaleSums(want, stride, sums, rows, offset, divisor, 1.3, 1.7)
					if i := differ(got, want); i >= 0 {
						t.Errorf("%d rows, %d tokens, result %d: %v, want %v", rows, tokens, i, got[i], want[i])
					}
				})
			}
		}
	})
}

// TestExp: SiLUMul with 1 is x / (1 + exp(-x)); ExpSum of two numbers gives exp
// of their difference.
func TestExp(t *testing.T) {
	b := Available()[0]
	worst := 0.0
	r := rand.New(rand.NewPCG(2, 2))
	for range 200_000 {
		v := -float32(r.Float64() * 87)
		x := []float32{0, v}
		b.ExpSum(x, 1)
		want := math.Exp(float64(v))
		worst = max(worst, math.Abs(float64(x[1])/want-1))
	}
	if worst > 1.5/(1<<24) {
		t.Errorf("exp is off by %.3g units in the last place", worst*(1<<23))
	}
	for _, v := range []float32{-88, -100, -103, -104, -200, float32(math.Inf(-1))} {
		x := []float32{0, v}
		b.ExpSum(x, 1)
		if want := float32(math.Exp(float64(v))); math.Abs(float64(x[1]-want)) > 2e-45 {
			t.Errorf("exp(%v) is %v, want %v", v, x[1], want)
		}
	}
}
