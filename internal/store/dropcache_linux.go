package store

import (
	"os"

	"golang.org/x/sys/unix"
)

// dropCache lets the kernel forget what it holds of a file, so that reading it
// asks the disk. Pages that are not written yet stay.
func dropCache(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) } // only advice
