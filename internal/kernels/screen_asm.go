//go:build amd64 || arm64

package kernels

// estimated measures the rows of an estimate. Without any blocks it does what
// there is to be done.
func estimated(dst []float32, rows []byte, x *Fixed, blockLen, blockBytes int) (n, bytes, blocks int) {
	n, blocks = len(dst), len(x.Wide)/blockLen
	if n == 0 || blocks == 0 {
		clear(dst)
		return 0, 0, 0
	}
	bytes = blocks * blockBytes
	_ = rows[n*bytes-1]
	return n, bytes, blocks
}

// narrowBy takes a kernel for whole blocks of sixteen, and plain Go for others.
func narrowBy(kernel func(dst *byte, w *float32, n int, inv float32) (errors, squares float32)) func(dst []byte, w []float32, inv float32) (errors, squares float32) {
	return func(dst []byte, w []float32, inv float32) (errors, squares float32) {
		if len(w) == 0 || len(w)%16 != 0 {
			return narrowBytes(dst, w, inv)
		}
		_ = dst[len(w)-1]
		return kernel(&dst[0], &w[0], len(w), inv)
	}
}
