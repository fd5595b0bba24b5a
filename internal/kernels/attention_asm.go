//go:build amd64 || arm64

package kernels

import "unsafe"

// The functions here check the lengths and make loops over slices of the
// kernels, which take pointers.

type scoresKernel[T any] func(dst, q *float32, k *T, n, d, stride int)

// scoresBy takes keys whose numbers are size elements of T each.
func scoresBy[T any](kernel scoresKernel[T], size int) func(dst []float32, stride int, q []float32, d int, k []T) {
	return func(dst []float32, stride int, q []float32, d int, k []T) {
		n := len(q) / d
		if n == 0 {
			return
		}
		_, _ = dst[(n-1)*stride+Page-1], k[size*d*Page-1]
		kernel(unsafe.SliceData(dst), unsafe.SliceData(q), unsafe.SliceData(k), n, d, stride)
	}
}

type (
	weighKernel[T any] func(a, p *float32, v *T, n, positions, cols, d, stride, width int)
	weighFunc[T any]   func(a []float32, d int, p []float32, stride, n int, v []T, width int)
)

// weighBy takes values whose numbers are size elements of T each, and leaves
// the columns that do not fill a vector to tail.
func weighBy[T any](kernel weighKernel[T], size int, tail weighFunc[T]) weighFunc[T] {
	return func(a []float32, d int, p []float32, stride, n int, v []T, width int) {
		queries, cols := len(a)/d, d&^15
		if queries == 0 || n == 0 {
			return
		}
		_, _ = p[(queries-1)*stride+n-1], v[size*((n-1)*width+d)-1]
		if cols > 0 {
			kernel(unsafe.SliceData(a), unsafe.SliceData(p), unsafe.SliceData(v), queries, n, cols, d, stride, width)
		}
		if cols == d {
			return
		}
		for j := range queries {
			tail(a[j*d+cols:(j+1)*d], d-cols, p[j*stride:], stride, n, v[size*cols:], width)
		}
	}
}
