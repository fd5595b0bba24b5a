package kernels_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestQuantizeInt8(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	tests := []struct {
		name  string
		x     []float32
		scale float32
		q     []int8
		sum   int32
	}{
		{"halves to even", []float32{127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5}, 1, []int8{127, 0, 2, 2, 0, -2, -2}, 127},
		{"largest is negative", []float32{-2, 1, 0.25}, 63.5, []int8{-127, 64, 16}, -47},
		{"zero", []float32{0, 0}, 127 / float32(1e-5), []int8{0, 0}, 0},
		{"below the floor", []float32{1e-6, -5e-6}, 127 / float32(1e-5), []int8{13, -64}, -51},
		{"empty", nil, 127 / float32(1e-5), nil, 0},
		{"infinite", []float32{1, inf}, 0, []int8{0, 0}, 0},
		{"not a number", []float32{1, nan, 2}, nan, []int8{0, 0, 0}, 0},
		{"largest float", []float32{math.MaxFloat32, -math.MaxFloat32}, 127 / float32(math.MaxFloat32), []int8{127, -127}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var q []int8
			if tt.x != nil {
				q = make([]int8, len(tt.x))
				q[0] = 99 // must be overwritten
			}
			scale, sum := plain.QuantizeInt8(q, tt.x)
			same := scale == tt.scale || scale != scale && tt.scale != tt.scale
			if !same || sum != tt.sum || !cmp.Equal(q, tt.q) {
				t.Errorf("scale %v, q %v, sum %d; want %v, %v, %d", scale, q, sum, tt.scale, tt.q, tt.sum)
			}
		})
	}
}

// TestQuantizeInt8Scale checks the two roundings of the scale: in float64, then
// once to float32.
func TestQuantizeInt8Scale(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	differ := 0
	for range 10_000 {
		amax := float32(r.Float64() + 0.1)
		q := make([]int8, 2)
		scale, _ := plain.QuantizeInt8(q, []float32{amax, -amax / 3})
		if want := float32(127 / float64(amax)); scale != want {
			t.Fatalf("scale of %v is %v, want %v", amax, scale, want)
		}
		product := float32(amax * scale)
		if want := math.RoundToEven(float64(product)); float64(q[0]) != want {
			t.Fatalf("%v became %d, want %v", amax, q[0], want)
		}
		if product != 127 {
			differ++
		}
	}
	if differ == 0 {
		t.Error("every product was 127: the test shows nothing")
	}
}
