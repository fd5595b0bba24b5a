package digest

import "unsafe"

// fast tells of the SHA extensions, and of SSSE3 and SSE4.1, which the code
// needs beside them (CPUID leaf 7 and leaf 1).
var fast = func() bool {
	if top, _, _, _ := cpuid(0, 0); top < 7 {
		return false
	}
	const ssse3, sse41, sha = 1 << 9, 1 << 19, 1 << 29
	_, _, ecx, _ := cpuid(1, 0)
	_, ebx, _, _ := cpuid(7, 0)
	return ecx&ssse3 != 0 && ecx&sse41 != 0 && ebx&sha != 0
}()

// block2 adds whole blocks of 64 bytes to two states.
func block2(a, b *[8]uint32, p []byte) { block2SHANI(a, b, p) }

// messages2 adds as many whole blocks of 64 bytes of a message to each state.
func messages2(a, b *[8]uint32, p, q []byte) {
	messages2SHANI(a, b, unsafe.SliceData(p), unsafe.SliceData(q), min(len(p), len(q))/64)
}
