package kernels_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/x448/float16"

	. "github.com/akadata/bitnet-tool/internal/kernels"
)

func randoms(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// TestDotF32Order pins the order of summation, for every length up to 40.
func TestDotF32Order(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for n := range 40 {
		a, b := randoms(r, n), randoms(r, n+3)
		var s [16]float32
		whole := n / 16 * 16
		for i := range whole {
			s[i%16] += float32(a[i] * b[i])
		}
		for half := 8; half > 0; half /= 2 {
			for i := range half {
				s[i] += s[i+half]
			}
		}
		for i := whole; i < n; i++ {
			s[0] += float32(a[i] * b[i])
		}
		if got := DotF32(a, b); got != s[0] {
			t.Errorf("length %d: %v, want %v", n, got, s[0])
		}
	}
}

func TestDotF32Error(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{256, 2560, 6912} {
		a, b := randoms(r, n), randoms(r, n)
		var want, size float64
		for i := range a {
			want += float64(a[i]) * float64(b[i])
			size += math.Abs(float64(a[i]) * float64(b[i]))
		}
		if e := math.Abs(float64(DotF32(a, b))-want) / size; e > 1e-7 {
			t.Errorf("length %d: error %.2g of the sum of magnitudes", n, e)
		}
	}
}

// TestDecodeF16 covers all 65,536 half floats.
func TestDecodeF16(t *testing.T) {
	src := make([]byte, 2<<16)
	for h := range 1 << 16 {
		binary.LittleEndian.PutUint16(src[2*h:], uint16(h))
	}
	dst := make([]float32, 1<<16)
	DecodeF16(dst, src)
	for h, got := range dst {
		want := float16.Frombits(uint16(h)).Float32()
		same := math.Float32bits(got) == math.Float32bits(want) || got != got && want != want
		if !same {
			t.Errorf("%#04x: %v, want %v", h, got, want)
		}
	}
}

func TestAdd(t *testing.T) {
	x := []float32{1, 2, 3}
	plain.Add(x, []float32{10, 20, 30})
	plain.Scale(x, 2)
	if x[0] != 22 || x[1] != 44 || x[2] != 66 {
		t.Errorf("got %v", x)
	}
}
