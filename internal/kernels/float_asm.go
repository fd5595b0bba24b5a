//go:build amd64 || arm64

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

// decodeBy takes a kernel for whole blocks.
func decodeBy(kernel func(dst *float32, src *byte, blocks int), blockLen, blockBytes int) func(dst []float32, src []byte) {
	return func(dst []float32, src []byte) {
		if blocks := len(dst) / blockLen; blocks > 0 {
			_ = src[blocks*blockBytes-1]
			kernel(unsafe.SliceData(dst), unsafe.SliceData(src), blocks)
		}
	}
}

// tileSide is what numbers of rows and tokens the kernels for tiles want whole
// multiples of.
const tileSide = 4

// productsBy takes a kernel for tiles, and one for the rows and the tokens that
// do not fill one.
func productsBy(
	tile func(dst *float32, stride int, rows, x *float32, n, tokens, cols int),
	single func(dst *float32, rows *byte, x *float32, n, bytes, blocks int),
) func(dst []float32, stride int, rows, x []float32, cols int) {
	return func(dst []float32, stride int, rows, x []float32, cols int) {
		if cols == 0 || cols%16 != 0 {
			products(dst, stride, rows, x, cols)
			return
		}
		n, tokens := len(rows)/cols, len(x)/cols
		if n == 0 || tokens == 0 {
			return
		}
		_ = dst[stride*(tokens-1)+n-1]
		tiled, whole := n&^(tileSide-1), tokens&^(tileSide-1)
		if tiled > 0 && whole > 0 {
			tile(unsafe.SliceData(dst), stride, unsafe.SliceData(rows), unsafe.SliceData(x), tiled, whole, cols)
		}
		for t := range tokens {
			from := 0
			if t < whole {
				from = tiled
			}
			if from < n {
				single(&dst[stride*t+from], (*byte)(unsafe.Pointer(&rows[from*cols])), &x[t*cols], n-from, 4*cols, cols/16)
			}
		}
	}
}
