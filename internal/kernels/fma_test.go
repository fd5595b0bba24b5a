package kernels

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// exactly rounds x·y + z once. It holds every float32 and every product of two.
func exactly(x, y, z float32) float32 {
	const bits = 1200
	f := func(v float32) *big.Float { return new(big.Float).SetPrec(bits).SetFloat64(float64(v)) }
	p := new(big.Float).SetPrec(bits).Mul(f(x), f(y))
	v, _ := p.Add(p, f(z)).Float32()
	return v
}

func TestMultiplyAdd(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	finite := func() float32 {
		for {
			if v := math.Float32frombits(r.Uint32()); v-v == 0 && v != 0 {
				return v
			}
		}
	}
	twice := 0 // cases that rounding twice gets wrong
	check := func(x, y, z float32) {
		t.Helper()
		got, want := multiplyAdd(x, y, z), exactly(x, y, z)
		if got != want {
			t.Fatalf("%v·%v + %v = %v, must be %v", x, y, z, got, want)
		}
		if float32(float64(x)*float64(y)+float64(z)) != want {
			twice++
		}
	}
	for range 100_000 {
		check(finite(), finite(), finite())
		// Sums half-way between two float32, but for a product far below.
		odd := math.Float32frombits(r.Uint32()&0x007fffff | 0x3f800000)
		for _, sign := range []float32{1, -1} {
			check(1+0x1p-12, sign*(0x1p-12+0x1p-24+float32(r.IntN(3))*0x1p-35), odd)
			check(1+0x1p-23, sign*0x1p-24*(1-0x1p-23), odd)
			check(odd, sign*0x1p-24, odd)
			// Results below the normal ones.
			check(finite()*0x1p-100, 0x1p-40*odd, sign*odd*0x1p-127)
			check(odd*0x1p-75, sign*0x1p-75, odd*0x1p-130)
		}
	}
	if twice < 1000 {
		t.Errorf("only %d cases that a simpler function gets wrong", twice)
	}
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range [][4]float32{
		{inf, 1, 1, inf},
		{inf, 0, 1, nan},
		{inf, 1, -inf, nan},
		{1, 1, -inf, -inf},
		{nan, 1, 1, nan},
		{1, 1, nan, nan},
		{math.MaxFloat32, 2, 0, inf},
		{math.MaxFloat32, 2, -math.MaxFloat32, math.MaxFloat32},
		{0, 1, 0, 0},
		{1, -1, 1, 0},
	} {
		if got := multiplyAdd(c[0], c[1], c[2]); got != c[3] && !(got != got && c[3] != c[3]) {
			t.Errorf("%v·%v + %v = %v, must be %v", c[0], c[1], c[2], got, c[3])
		}
	}
}
