package kernels

import "math"

// multiplyAdd gives x·y + z rounded once, as the fused instructions of amd64 and
// arm64 do. The product is exact in float64. Rounding its sum with z to float64
// and that to float32 goes wrong only where the first result is half-way between
// two float32.
func multiplyAdd(x, y, z float32) float32 {
	const (
		below  = 1<<29 - 1 // bits of a float64 that a normal float32 lacks
		half   = 1 << 28
		normal = (1023 - 126) << 52 // from here on results are normal, or 0
	)
	s := float64(x)*float64(y) + float64(z)
	if b := math.Float64bits(s); b&below == half || b&^(1<<63)-1 < normal-1 {
		return roundOnce(float64(x)*float64(y), float64(z), s)
	}
	return float32(s)
}

// roundOnce rounds p + z to float32, where s is the sum rounded to float64. Of
// the two float64 next to an inexact sum the one whose last bit is 1 is never
// half-way and lies on the right side (Boldo and Melquiond, "Emulation of FMA and
// correctly rounded sums: proved algorithms using rounding to odd", 2008).
func roundOnce(p, z, s float64) float32 {
	back := s - p
	lost := (p - (s - back)) + (z - back) // Knuth's exact error of a sum
	b := math.Float64bits(s)
	switch {
	case lost == 0 || b&1 == 1:
	case (lost > 0) == (s > 0):
		b++
	default:
		b--
	}
	return float32(math.Float64frombits(b))
}
