package kernels

import "math"

// rmsNorm makes the kernel of that name of its two loops.
//
// Squares are float32 and are summed in float64, in the order of sumSquares;
// mean, root and reciprocal are rounded to float32, and x is multiplied by the
// reciprocal before the gain (ggml_compute_forward_rms_norm_f32 of bitnet.cpp's
// ggml.c, 0f0e7dae).
func rmsNorm(sumSquares func(x []float32) float64, normalize func(dst, x, gain []float32, r float32)) func(dst, x, gain []float32, eps float32) {
	return func(dst, x, gain []float32, eps float32) {
		mean := float32(sumSquares(x) / float64(len(x)))
		normalize(dst, x, gain, 1/float32(math.Sqrt(float64(mean+eps))))
	}
}

// sumSquares gives Σ x[i]². Of the whole blocks of sixteen, element i goes to
// partial sum i mod 16; these are folded in halves, and what is left of x is
// added one by one.
func sumSquares(x []float32) float64 {
	var s sums[float64]
	for len(x) >= 16 {
		for i, v := range (*[16]float32)(x) {
			s[i] += float64(float32(v * v))
		}
		x = x[16:]
	}
	sum := s.fold()
	for _, v := range x {
		sum += float64(float32(v * v))
	}
	return sum
}

func normalize(dst, x, gain []float32, r float32) {
	dst, gain = dst[:len(x)], gain[:len(x)]
	for i, v := range x {
		dst[i] = float32(v*r) * gain[i]
	}
}

// expSum makes the kernel of that name of its two loops.
func expSum(scaleMax func(x []float32, scale float32) float32, sumExp func(x []float32, most float32) float64) func(x []float32, scale float32) float64 {
	return func(x []float32, scale float32) float64 { return sumExp(x, scaleMax(x, scale)) }
}

// scaleMax multiplies x by scale and gives the largest of the products that are
// not NaN, or -Inf.
func scaleMax(x []float32, scale float32) float32 {
	most := float32(math.Inf(-1))
	for i, v := range x {
		v *= scale
		if v > most {
			most = v
		}
		x[i] = v
	}
	return most
}

// sumExp sets x[i] to exp(x[i] - most) and gives their sum, in the order of
// sumSquares.
func sumExp(x []float32, most float32) float64 {
	var s sums[float64]
	for len(x) >= 16 {
		b := (*[16]float32)(x)
		for i, v := range b {
			b[i] = exp(v - most)
			s[i] += float64(b[i])
		}
		x = x[16:]
	}
	sum := s.fold()
	for i, v := range x {
		x[i] = exp(v - most)
		sum += float64(x[i])
	}
	return sum
}

func siluMul(g, u []float32) {
	u = u[:len(g)]
	for i, v := range g {
		g[i] = float32(v/(1+exp(-v))) * u[i]
	}
}

func relu2Mul(g, u []float32) {
	u = u[:len(g)]
	for i, v := range g {
		v = max(v, 0) // keeps NaN
		g[i] = float32(v*v) * u[i]
	}
}

func add(dst, x []float32) {
	x = x[:len(dst)]
	for i, v := range x {
		dst[i] += v
	}
}

func scale(x []float32, f float32) {
	for i := range x {
		x[i] *= f
	}
}

type scaleSumsFunc = func(dst []float32, stride int, sums []int32, rows int, offset []int32, divisor []float32, first, last float32)

func scaleSums(dst []float32, stride int, sums []int32, rows int, offset []int32, divisor []float32, first, last float32) {
	for t, o := range offset {
		row := dst[t*stride:][:rows]
		for r, v := range sums[t*PanelRows:][:rows] {
			row[r] = float32(float32((float32(v)-float32(o))*first)/divisor[t]) * last
		}
	}
}
