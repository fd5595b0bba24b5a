//go:build !amd64 && !arm64

package kernels

// Prefetch does nothing here.
func Prefetch([]byte) {}
