package kernels

import "math"

// minAmax keeps the scale of a token whose activations are all next to zero
// finite (bitnet.cpp's ggml.c, 0f0e7dae; transformers, integrations/bitnet.py).
const minAmax = 1e-5

// QuantizeInt8 quantizes the activations of one token: scale = 127 / max|x|,
// q[i] = x[i]·scale rounded to the nearest integer, halves to even, clamped to
// -128…127. sum is the sum of q.
//
// The maximum and the division are done in float64 and scale is rounded once,
// as in quantize_row_i8_s of bitnet.cpp's ggml-quants.c (0f0e7dae). If x has a
// NaN, scale is NaN; if it has an Inf, scale is 0. Both make what is divided by
// it NaN.
func QuantizeInt8(q []int8, x []float32) (scale float32, sum int32) {
	amax := minAmax
	for _, v := range x {
		amax = max(amax, math.Abs(float64(v))) // max keeps NaN
	}
	scale = float32(127 / amax)
	if !(scale > 0) {
		clear(q)
		return scale, 0
	}
	q = q[:len(x)]
	for i, v := range x {
		r := math.RoundToEven(float64(float32(v * scale)))
		n := int8(min(max(r, -128), 127))
		q[i] = n
		sum += int32(n)
	}
	return scale, sum
}
