package kernels

import "math"

// Constants of exp. log 2 is in two parts, of which the first has few enough
// bits that its product with any exponent is exact. The polynomial is
// (exp(r)-1-r)/r² through the Chebyshev nodes of |r| ≤ log(2)/2.
const (
	expLeast, expMost = -104, 89 // beyond these the result is 0 or Inf anyway
	log2e             = 1.44269504
	log2High          = 0.693145751953125
	log2Low           = 1.4286068e-06
	roundMagic        = 3 << 22 // a float32 that large has no fraction

	exp0, exp1, exp2, exp3, exp4 = 0.5, 0.16666576, 0.041666552, 0.008363233, 0.001392625
)

// exp gives e^x with an error below 0.75 units in the last place. It is written
// for vectors: no branch, and only operations that all machines round alike.
func exp(x float32) float32 {
	if x < expLeast {
		x = expLeast
	}
	if x > expMost {
		x = expMost
	}
	t := float32(x*log2e) + roundMagic
	k := t - roundMagic
	r := x - float32(k*log2High)
	r -= float32(k * log2Low)
	p := float32(exp4*r) + exp3
	p = float32(p*r) + exp2
	p = float32(p*r) + exp1
	p = float32(p*r) + exp0
	y := float32(float32(r*r)*p) + r
	y++
	// Two factors, since 2^k itself may be out of range.
	n := int32(math.Float32bits(t)) - int32(math.Float32bits(roundMagic))
	half := n >> 1
	return float32(y*power2(half)) * power2(n-half)
}

// power2 gives 2^n for -126 ≤ n ≤ 127.
func power2(n int32) float32 { return math.Float32frombits(uint32(n+127) << 23) }
