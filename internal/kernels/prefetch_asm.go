//go:build amd64 || arm64

package kernels

import "unsafe"

// Prefetch has the processor fetch b into its second cache, without waiting for
// it. What b holds is not looked at, nor whether it can be read.
func Prefetch(b []byte) {
	if len(b) > 0 {
		prefetch(unsafe.SliceData(b), len(b))
	}
}
