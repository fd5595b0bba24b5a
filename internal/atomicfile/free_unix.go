//go:build darwin || linux

package atomicfile

import (
	"math"
	"math/bits"

	"golang.org/x/sys/unix"
)

// FreeSpace gives the bytes that the file system of a folder has left for us. On
// ZFS that honours quotas of the dataset.
func FreeSpace(dir string) (n int64, known bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil || s.Bsize <= 0 {
		return 0, false
	}
	return product(s.Bavail, uint64(s.Bsize)), true
}

// product is blocks · size, or as much as there is of numbers: file systems that
// know no end claim any number of blocks.
func product(blocks, size uint64) int64 {
	if hi, n := bits.Mul64(blocks, size); hi == 0 && n <= math.MaxInt64 {
		return int64(n)
	}
	return math.MaxInt64
}
