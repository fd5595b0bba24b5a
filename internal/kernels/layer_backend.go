package kernels

// Layer is the part of a [Backend] that goes over activations between the
// matrices.
type Layer struct {
	// RMSNorm sets dst to x / sqrt(mean(x²) + eps) · gain. dst may be x.
	RMSNorm func(dst, x, gain []float32, eps float32)

	// QuantizeInt8 quantizes the activations of one token: scale = 127 / max|x|,
	// q[i] = x[i]·scale rounded to the nearest integer, halves to even, clamped
	// to -128…127. sum is the sum of q.
	QuantizeInt8 func(q []int8, x []float32) (scale float32, sum int32)

	// ScaleSums makes results of exact sums, PanelRows a token, of which only the
	// first rows count: dst[stride·t+r] is (sums[PanelRows·t+r] - offset[t]) ·
	// first / divisor[t] · last, each step rounded to float32.
	ScaleSums scaleSumsFunc

	// Rotate turns the pairs (a[i], b[i]) by the angles of cos[i] and sin[i].
	// With the halves of a head as a and b these are the pairs of checkpoints of
	// Hugging Face ("NEOX").
	Rotate func(a, b, cos, sin []float32)

	// ExpSum is the part of a softmax that goes over its inputs: it sets x[i]
	// to exp(x[i]·scale - m), m being the largest x[i]·scale, and gives the sum
	// of these. What is summed with the weights x is then divided by that sum,
	// once. Exponentials are float32 and are summed in float64.
	ExpSum func(x []float32, scale float32) float64

	// SiLUMul sets g to silu(g)·u, with silu(x) = x / (1 + exp(-x)).
	SiLUMul func(g, u []float32)

	// ReLU2Mul sets g to max(g, 0)²·u. The square of an ordinary activation can
	// be beyond the range of F16.
	ReLU2Mul func(g, u []float32)

	// Add adds x to dst, Scale multiplies x by f.
	Add   func(dst, x []float32)
	Scale func(x []float32, f float32)
}

func layer() Layer {
	return Layer{
		RMSNorm:      rmsNorm(sumSquares, normalize),
		QuantizeInt8: quantizeInt8(absMax, roundInt8),
		ScaleSums:    scaleSums,
		Rotate:       rotate,
		ExpSum:       expSum(scaleMax, sumExp),
		SiLUMul:      siluMul,
		ReLU2Mul:     relu2Mul,
		Add:          add,
		Scale:        scale,
	}
}
