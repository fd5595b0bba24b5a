package quant

import (
	"math"
	"math/rand/v2"
)

// sample gives weights of the kinds that a quantizer meets, 256 in a row of
// each kind: bell-shaped of many magnitudes, ternary, rounded to BF16, on grids
// that make ties, sparse, tiny, of one sign, constant, with outliers. No value
// is beyond F16, none is so small that ggml would convert an infinite inverse to
// an integer. Only integer arithmetic and single roundings are used, so every
// machine gets the same bits.
func sample(blocks int, seed uint64) []float32 {
	r := rand.NewPCG(seed, 0)
	below := func(n uint64) int { return int(r.Uint64() >> 32 * n >> 32) }
	power := func(lo, hi int) float32 { return float32(math.Ldexp(1, lo+below(uint64(hi-lo)))) }
	bell := func() float32 { // the sum of eight uniform numbers, deviation 0.8
		sum := -int64(8) << 31
		for range 4 {
			u := r.Uint64()
			sum += int64(u>>32) + int64(u&0xffffffff)
		}
		return float32(sum) * 0x1p-32
	}
	x := make([]float32, 256*blocks)
	for b := range blocks {
		scale, shift := power(-40, 13), below(8)
		sign := float32(1 - 2*below(2))
		level := bell()
		for i := range 256 {
			if i%16 == 0 && b%12 == 5 {
				scale = power(-60, -28)
			}
			var v float32
			switch b % 12 {
			case 0, 5: // any magnitude; tiny ones, different in each group of 16
				v = bell() * scale
			case 1: // ternary
				v = level * float32(below(3)-1)
			case 2: // rounded to BF16, the size of real weights
				v = math.Float32frombits(math.Float32bits(bell()*0.03) &^ 0xffff)
			case 3: // on a grid
				v = float32(below(33)-16) / float32(int(1)<<shift)
			case 4: // hardly any weight but zeros, of both signs
				v = float32(math.Copysign(0, float64(1-2*below(2))))
				if below(64) == 0 {
					v = sign * magnitude(bell())
				}
			case 6: // one sign
				v = sign * (magnitude(bell()) + float32(shift))
			case 7: // constant, for some blocks 0
				v = level * float32(shift/2)
			case 8: // outliers
				v = bell() * 0.01
				if below(32) == 0 {
					v *= 200
				}
			case 9: // any exponent
				v = bell() * power(-30, 12)
			case 10: // a ramp, with ties in different places
				v = float32((i*(2*shift+5)+b)%101-50) / 64
			case 11: // groups of very different size
				v = bell() * float32(math.Ldexp(1, -(i/32)*shift/2))
			}
			x[256*b+i] = v
		}
	}
	return x
}
