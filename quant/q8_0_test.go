package quant

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// quants encodes one block whose first weights are x and gives the first
// len(x) int8 values.
func quants(t *testing.T, x ...float32) []int8 {
	t.Helper()
	src, dst := make([]float32, 32), make([]byte, 34)
	copy(src, x)
	if err := encodeQ8_0(dst, src, 0); err != nil {
		t.Fatal(err)
	}
	q := make([]int8, len(x))
	for i := range q {
		q[i] = int8(dst[2+i])
	}
	return q
}

func TestQ8_0Rounding(t *testing.T) {
	tests := []struct {
		name string
		in   []float32
		want []int8
	}{
		// With a largest magnitude of 127 the scale is 1.
		{"halves away from zero", []float32{127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5}, []int8{127, 1, 2, 3, -1, -2, -3}},
		{"just below a half", []float32{127, 0.49999997, -0.49999997}, []int8{127, 0, 0}},
		{"negative maximum is -127", []float32{-127, 127, 126.4}, []int8{-127, 127, 126}},
		{"ternary", []float32{-0.3, 0, 0.3}, []int8{-127, 0, 127}},
		{"all zero", []float32{0, 0}, []int8{0, 0}},
		{"negative zero", []float32{float32(math.Copysign(0, -1)), 127}, []int8{0, 127}},
		// The scale 2^-127·127/127 has no finite inverse, and F16 makes it 0.
		{"inverse of the scale overflows", []float32{0x1p-127, 0, -0x1p-127}, []int8{0, 0, 0}},
		{"scale underflows to zero", []float32{math.SmallestNonzeroFloat32, 0}, []int8{0, 0}},
		{"smallest scale with an inverse", []float32{0x1p-127 * 127, -0x1p-127 * 127, 0}, []int8{127, -127, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, quants(t, tt.in...)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Values are divided by the scale before it is rounded to F16, so a decoded
// weight may be off by half a step and by the rounding of the scale.
func TestQ8_0Error(t *testing.T) {
	for _, amax := range []float32{1e-3, 0.02, 1, 3.7, 250} {
		src, dst, back := make([]float32, 32), make([]byte, 34), make([]float32, 32)
		for i := range src {
			src[i] = amax * float32(math.Sin(float64(i*i+1)))
		}
		src[31] = -amax
		if err := encodeQ8_0(dst, src, 0); err != nil {
			t.Fatal(err)
		}
		if err := decodeQ8_0(back, dst, 0); err != nil {
			t.Fatal(err)
		}
		// F16 rounds the scale by 2^-11 of it, or by 2^-25 where it is subnormal.
		d := float64(amax) / 127
		scaleError := max(d*0x1p-11, 0x1p-25)
		for i := range src {
			diff := math.Abs(float64(src[i]) - float64(back[i]))
			if limit := 0.5001*d + 127*scaleError; diff > limit {
				t.Errorf("amax %v: weight %d: %v became %v, off by more than %v", amax, i, src[i], back[i], limit)
			}
		}
	}
}
