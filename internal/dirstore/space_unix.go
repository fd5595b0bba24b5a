//go:build darwin || linux

package dirstore

import (
	"io/fs"
	"math"
	"syscall"

	"golang.org/x/sys/unix"
)

// freeSpace gives the bytes that the file system of dir has left for us. On
// ZFS that honours quotas of the dataset.
func freeSpace(dir string) (int64, bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil || s.Bsize <= 0 {
		return 0, false
	}
	size := uint64(s.Bsize)
	if s.Bavail > math.MaxInt64/size {
		return math.MaxInt64, true
	}
	return int64(s.Bavail * size), true
}

// deviceOf tells file systems apart.
func deviceOf(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Dev) //nolint:unconvert // an int32 on Darwin
	}
	return 0
}
