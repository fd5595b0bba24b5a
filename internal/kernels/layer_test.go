package kernels_test

import (
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/akadata/bitnet-tool/internal/kernels"
)

// plain is the backend in plain Go.
var plain = Available()[0]

// near fails unless got is within tol of want, relative to 1 or to want.
func near(t *testing.T, what string, got float32, want, tol float64) {
	t.Helper()
	if math.Abs(float64(got)-want) > tol*max(1, math.Abs(want)) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestRMSNorm(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	x, gain := randoms(r, 2560), randoms(r, 2560)
	const eps = 1e-5
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	scale := 1 / math.Sqrt(sum/2560+eps)
	dst := make([]float32, 2560)
	plain.RMSNorm(dst, x, gain, eps)
	for i := range dst {
		near(t, "norm", dst[i], float64(x[i])*scale*float64(gain[i]), 1e-6)
	}
	plain.RMSNorm(x, x, gain, eps) // in place
	for i := range x {
		if x[i] != dst[i] {
			t.Fatalf("in place: element %d is %v, want %v", i, x[i], dst[i])
		}
	}
	zero := make([]float32, 4)
	plain.RMSNorm(zero, zero, gain, eps)
	if zero[0] != 0 {
		t.Errorf("norm of zero is %v", zero[0])
	}
}

// TestRMSNormOrder works an example by hand whose bits depend on the order:
// the reciprocal is rounded before it meets x, and x·r before it meets gain.
func TestRMSNormOrder(t *testing.T) {
	x := []float32{0.1, 0.7, -1.3}
	gain := []float32{1.1, 0.9, 3.3}
	var sum float64
	for _, v := range x {
		sq := v * v
		sum += float64(sq)
	}
	mean := float32(sum / 3)
	root := float32(math.Sqrt(float64(float32(mean + 1e-5))))
	r := float32(1) / root
	dst := make([]float32, 3)
	plain.RMSNorm(dst, x, gain, 1e-5)
	for i := range dst {
		y := x[i] * r
		y *= gain[i]
		if dst[i] != y {
			t.Errorf("element %d: %v, want %v", i, dst[i], y)
		}
	}
}

func TestExpSum(t *testing.T) {
	tests := []struct {
		name  string
		x     []float32
		scale float32
	}{
		{"one", []float32{3}, 1},
		{"equal", []float32{2, 2, 2, 2}, 0.25},
		{"large", []float32{1e30, 1e30, -1e30}, 1},
		{"spread", []float32{0, -1, -20, -200, 5}, 0.5},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := math.Inf(-1)
			for _, v := range tt.x {
				m = max(m, float64(v)*float64(tt.scale))
			}
			var sum float64
			for _, v := range tt.x {
				sum += math.Exp(float64(v)*float64(tt.scale) - m)
			}
			got := append([]float32(nil), tt.x...)
			total := plain.ExpSum(got, tt.scale)
			for i, v := range tt.x {
				near(t, "probability", got[i]/float32(total), math.Exp(float64(v)*float64(tt.scale)-m)/sum, 1e-6)
			}
		})
	}
}

func TestGates(t *testing.T) {
	nan := float32(math.NaN())
	for _, x := range []float32{-100, -3, -0.5, 0, 0.5, 3, 100, 300} {
		g, u := []float32{x}, []float32{1.5}
		plain.SiLUMul(g, u)
		near(t, "silu", g[0], float64(x)/(1+math.Exp(-float64(x)))*1.5, 1e-6)
		g[0] = x
		plain.ReLU2Mul(g, u)
		near(t, "relu2", g[0], math.Pow(math.Max(float64(x), 0), 2)*1.5, 1e-6)
	}
	for name, gate := range map[string]func(g, u []float32){"silu": plain.SiLUMul, "relu2": plain.ReLU2Mul} {
		g := []float32{nan}
		if gate(g, []float32{1}); g[0] == g[0] {
			t.Errorf("%s hides NaN: %v", name, g[0])
		}
	}
}

func TestRope(t *testing.T) {
	const dim, base, pos = 64, 500000, 200
	r := rand.New(rand.NewPCG(4, 4))
	divisors := make([]float32, dim/2)
	for i := range divisors {
		divisors[i] = 1 + float32(i)/8
	}
	for _, div := range [][]float32{nil, divisors} {
		cos, sin := make([]float32, dim/2), make([]float32, dim/2)
		RopeAngles(cos, sin, pos, RopeStep(base, dim), div)
		halves := randoms(r, dim)
		pairs := make([]float32, dim)
		for i := range dim / 2 {
			pairs[2*i], pairs[2*i+1] = halves[i], halves[i+dim/2]
		}
		x := append([]float32(nil), halves...)
		plain.Rotate(halves[:dim/2], halves[dim/2:], cos, sin)
		RopePairs(pairs, cos, sin)
		for i := range dim / 2 {
			angle := pos * math.Pow(base, -2*float64(i)/dim)
			if div != nil {
				angle /= float64(div[i])
			}
			a, b := float64(x[i]), float64(x[i+dim/2])
			s, c := math.Sincos(angle)
			near(t, "first half", halves[i], a*c-b*s, 1e-4)
			near(t, "second half", halves[i+dim/2], a*s+b*c, 1e-4)
			if pairs[2*i] != halves[i] || pairs[2*i+1] != halves[i+dim/2] {
				t.Errorf("pair %d: %v, %v, halves give %v, %v", i, pairs[2*i], pairs[2*i+1], halves[i], halves[i+dim/2])
			}
		}
	}
}

// TestRopeAnglesMultiply pins the repeated float32 multiplication.
func TestRopeAnglesMultiply(t *testing.T) {
	cos, sin := make([]float32, 64), make([]float32, 64)
	step := RopeStep(500000, 128)
	RopeAngles(cos, sin, 1000, step, nil)
	theta := float32(1000)
	for i := range cos {
		if c := float32(math.Cos(float64(theta))); cos[i] != c {
			t.Errorf("pair %d: cos %v, want %v", i, cos[i], c)
		}
		theta *= step
	}
}
