//go:build amd64 || arm64

package kernels

// The assembly takes whole blocks of sixteen elements, one or more. The
// functions here cut vectors to that and leave the rest to plain Go.

// sixteens gives the length of the whole blocks of n elements.
func sixteens(n int) int { return n &^ 15 }

// pairs is for loops that change each element of a by one of b.
func pairs(kernel func(a, b *float32, n int), rest func(a, b []float32)) func(a, b []float32) {
	return func(a, b []float32) {
		n := sixteens(len(a))
		if n > 0 {
			_ = b[n-1]
			kernel(&a[0], &b[0], n)
		}
		rest(a[n:], b[n:])
	}
}

func sumOf(kernel func(x *float32, n int) float64, plain func(x []float32) float64) func(x []float32) float64 {
	return func(x []float32) float64 {
		n := sixteens(len(x))
		if n == 0 {
			return plain(x)
		}
		sum := kernel(&x[0], n)
		for _, v := range x[n:] {
			sum += float64(float32(v * v))
		}
		return sum
	}
}

func sumExpBy(kernel func(x *float32, n int, most float32) float64) func(x []float32, most float32) float64 {
	return func(x []float32, most float32) float64 {
		n := sixteens(len(x))
		if n == 0 {
			return sumExp(x, most)
		}
		sum := kernel(&x[0], n, most)
		for i, v := range x[n:] {
			x[n+i] = exp(v - most)
			sum += float64(x[n+i])
		}
		return sum
	}
}

func scaleMaxBy(kernel func(x *float32, n int, scale float32) float32) func(x []float32, scale float32) float32 {
	return func(x []float32, scale float32) float32 {
		n := sixteens(len(x))
		most := scaleMax(x[n:], scale)
		if n > 0 {
			most = max(most, kernel(&x[0], n, scale))
		}
		return most
	}
}

func normalizeBy(kernel func(dst, x, gain *float32, n int, r float32)) func(dst, x, gain []float32, r float32) {
	return func(dst, x, gain []float32, r float32) {
		n := sixteens(len(x))
		if n > 0 {
			_, _ = dst[n-1], gain[n-1]
			kernel(&dst[0], &x[0], &gain[0], n, r)
		}
		normalize(dst[n:], x[n:], gain[n:], r)
	}
}

func scaleSumsBy(kernel func(dst *float32, sums, offset *int32, divisor *float32, tokens, n, stride int, first, last float32)) scaleSumsFunc {
	return func(dst []float32, stride int, sums []int32, rows int, offset []int32, divisor []float32, first, last float32) {
		tokens, n := len(offset), sixteens(rows)
		if tokens == 0 {
			return
		}
		if n > 0 {
			_, _, _ = dst[(tokens-1)*stride+n-1], sums[(tokens-1)*PanelRows+n-1], divisor[tokens-1]
			kernel(&dst[0], &sums[0], &offset[0], &divisor[0], tokens, n, stride, first, last)
		}
		if n < rows {
			scaleSums(dst[n:], stride, sums[n:], rows-n, offset, divisor, first, last)
		}
	}
}

func rotateBy(kernel func(a, b, cos, sin *float32, n int)) func(a, b, cos, sin []float32) {
	return func(a, b, cos, sin []float32) {
		n := sixteens(len(cos))
		if n > 0 {
			_, _, _ = a[n-1], b[n-1], sin[n-1]
			kernel(&a[0], &b[0], &cos[0], &sin[0], n)
		}
		rotate(a[n:], b[n:], cos[n:], sin[n:])
	}
}

func absMaxBy(kernel func(x *float32, n int) uint32) func(x []float32) uint32 {
	return func(x []float32) uint32 {
		n := sixteens(len(x))
		most := absMax(x[n:])
		if n > 0 {
			most = max(most, kernel(&x[0], n))
		}
		return most
	}
}

func roundBy(kernel func(q *int8, x *float32, n int, scale float32) int32) func(q []int8, x []float32, scale float32) int32 {
	return func(q []int8, x []float32, scale float32) int32 {
		n := sixteens(len(x))
		sum := roundInt8(q[n:], x[n:], scale)
		if n > 0 {
			sum += kernel(&q[0], &x[0], n, scale)
		}
		return sum
	}
}
