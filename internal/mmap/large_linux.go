package mmap

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// PreferLarge asks the system for large pages behind x, which nobody has written
// to yet. Memory that is read from one end to the other is read faster from them:
// the processor does not fetch ahead beyond a page. It is a wish; whether the
// system grants it makes no other difference.
func PreferLarge[T byte | float32](x []T) {
	var element T
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), len(x)*int(unsafe.Sizeof(element)))
	page := os.Getpagesize()
	// Only whole pages may be asked for.
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(bytes)))) & (page - 1)
	if whole := (len(bytes) - skip) &^ (page - 1); whole > 0 {
		_ = unix.Madvise(bytes[skip:skip+whole], unix.MADV_HUGEPAGE)
	}
}
