package quant

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
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

// TestQ8_0Trits: codes give the bytes that their values give, for scales of all
// magnitudes, and the same errors.
func TestQ8_0Trits(t *testing.T) {
	const n = 40
	r := rand.New(rand.NewPCG(1, 1))
	codes, x := make([]byte, 32*n), make([]float32, 32*n)
	for i := range codes {
		codes[i] = byte(r.IntN(3))
	}
	copy(codes[32:64], bytes.Repeat([]byte{1}, 32))
	scales := []float32{
		0, 1, 0.5, 3, -1, 127 * 65504, 127 * 65520, math.MaxFloat32, math.SmallestNonzeroFloat32,
		0x1p-140, 0x1p-127, 0x1p-127 * 127, 0x1p-121, 0x1p-24, 127 * 0x1p-25, float32(math.Inf(1)), float32(math.NaN()),
	}
	for range 2000 {
		scales = append(scales, float32(math.Exp2(200*r.Float64()-150)))
	}
	for _, s := range scales {
		for i, c := range codes {
			x[i] = s * float32(int8(c)-1)
		}
		got, want := make([]byte, 34*n), make([]byte, 34*n)
		gotErr, wantErr := encodeTritsQ8_0(got, codes, Scale(s)), encodeQ8_0(want, x, 0)
		if (gotErr == nil) != (wantErr == nil) || gotErr == nil && !bytes.Equal(got, want) {
			t.Errorf("scale %v: %v, want %v; % x, want % x", s, gotErr, wantErr, got[:34], want[:34])
		}
	}
	codes[77] = 3
	if err := encodeTritsQ8_0(make([]byte, 34*n), codes, 1); !errors.Is(err, ErrCode) || !strings.Contains(err.Error(), "block 2, weight 13") {
		t.Errorf("code 3: %v", err)
	}
	if err := encodeTritsQ8_0(make([]byte, 33*n), codes, 1); !errors.Is(err, ErrSize) {
		t.Errorf("short buffer: %v", err)
	}
}
