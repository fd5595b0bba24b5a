package kernels

import "math"

// minAmax keeps the scale of a token whose activations are all next to zero
// finite (bitnet.cpp's ggml.c, 0f0e7dae; transformers, integrations/bitnet.py).
const minAmax = 1e-5

// quantizeInt8 makes the kernel of that name of its two loops.
//
// The maximum and the division are done in float64 and scale is rounded once,
// as in quantize_row_i8_s of bitnet.cpp's ggml-quants.c (0f0e7dae). If x has a
// NaN, scale is NaN; if it has an Inf, scale is 0. Both make what is divided by
// it NaN.
func quantizeInt8(absMax func(x []float32) uint32, round func(q []int8, x []float32, scale float32) int32) func(q []int8, x []float32) (scale float32, sum int32) {
	return func(q []int8, x []float32) (scale float32, sum int32) {
		amax := max(minAmax, float64(math.Float32frombits(absMax(x)))) // max keeps NaN
		scale = float32(127 / amax)
		if !(scale > 0) {
			clear(q)
			return scale, 0
		}
		return scale, round(q, x, scale)
	}
}

// absMax gives the largest |x[i]| by its bits, whose order is that of the
// numbers, with NaN above Inf.
func absMax(x []float32) uint32 {
	var most uint32
	for _, v := range x {
		most = max(most, math.Float32bits(v)&^(1<<31))
	}
	return most
}

// roundInt8 sets q[i] to x[i]·scale rounded to the nearest integer, halves to
// even, clamped to -128…127, and gives their sum.
func roundInt8(q []int8, x []float32, scale float32) (sum int32) {
	q = q[:len(x)]
	for i, v := range x {
		r := math.RoundToEven(float64(float32(v * scale)))
		n := int8(min(max(r, -128), 127))
		q[i] = n
		sum += int32(n)
	}
	return sum
}
