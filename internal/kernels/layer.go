package kernels

import "math"

// RMSNorm sets dst to x / sqrt(mean(x²) + eps) · gain. Squares are float32 and
// are summed in float64, in order; mean, root and reciprocal are rounded to
// float32, and x is multiplied by the reciprocal before the gain
// (ggml_compute_forward_rms_norm_f32 of bitnet.cpp's ggml.c, 0f0e7dae). dst may
// be x.
func RMSNorm(dst, x, gain []float32, eps float32) {
	var sum float64
	for _, v := range x {
		sum += float64(float32(v * v))
	}
	mean := float32(sum / float64(len(x)))
	r := 1 / float32(math.Sqrt(float64(mean+eps)))
	dst, gain = dst[:len(x)], gain[:len(x)]
	for i, v := range x {
		dst[i] = float32(v*r) * gain[i]
	}
}

// ExpSum is the part of a softmax that goes over its inputs: it sets x[i] to
// exp(x[i]·scale - m), m being the largest x[i]·scale, and gives the sum of
// these. What is summed with the weights x is then divided by that sum, once.
// Exponentials are rounded to float32 and summed in float64, in order.
func ExpSum(x []float32, scale float32) float64 {
	m := float32(math.Inf(-1))
	for i, v := range x {
		x[i] = v * scale
		m = max(m, x[i])
	}
	var sum float64
	for i, v := range x {
		x[i] = exp(v - m)
		sum += float64(x[i])
	}
	return sum
}

// SiLUMul sets g to silu(g)·u, with silu(x) = x / (1 + exp(-x)).
func SiLUMul(g, u []float32) {
	u = u[:len(g)]
	for i, v := range g {
		g[i] = float32(v/(1+exp(-v))) * u[i]
	}
}

// ReLU2Mul sets g to max(g, 0)²·u. The square of an ordinary activation can be
// beyond the range of F16.
func ReLU2Mul(g, u []float32) {
	u = u[:len(g)]
	for i, v := range g {
		v = max(v, 0) // keeps NaN
		g[i] = float32(v*v) * u[i]
	}
}

func exp(x float32) float32 { return float32(math.Exp(float64(x))) }
