//go:build amd64

package kernels

import "unsafe"

// floatRows is how a kernel of package float's generator becomes one over
// slices. Rows of other than whole blocks of blockLen weights in blockBytes are
// left to plain Go.
func floatRows(kernel func(dst *float32, rows *byte, x *float32, n, bytes, blocks int), blockLen, blockBytes int,
	plain func(dst []float32, rows []byte, x []float32),
) func(dst []float32, rows []byte, x []float32) {
	return func(dst []float32, rows []byte, x []float32) {
		n, blocks := len(dst), len(x)/blockLen
		if n == 0 || blocks == 0 || len(x)%blockLen != 0 {
			plain(dst, rows, x)
			return
		}
		bytes := blocks * blockBytes
		_ = rows[n*bytes-1]
		kernel(unsafe.SliceData(dst), unsafe.SliceData(rows), unsafe.SliceData(x), n, bytes, blocks)
	}
}

// dotsBy takes the kernel for float32 weights to multiply float32 in memory.
func dotsBy(kernel func(dst *float32, rows *byte, x *float32, n, bytes, blocks int)) func(dst, rows, x []float32) {
	return func(dst, rows, x []float32) {
		n, blocks := len(dst), len(x)/16
		if n == 0 || blocks == 0 || len(x)%16 != 0 {
			dotsF32(dst, rows, x)
			return
		}
		_ = rows[n*len(x)-1]
		kernel(unsafe.SliceData(dst), (*byte)(unsafe.Pointer(unsafe.SliceData(rows))), unsafe.SliceData(x), n, 4*len(x), blocks)
	}
}
