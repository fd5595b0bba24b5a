//go:build darwin || linux

package hfhub

import (
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

// freeSpace gives the bytes that the file system of dir has left for us.
func freeSpace(dir string) (int64, bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, false
	}
	return int64(s.Bavail) * int64(s.Bsize), true //nolint:unconvert // Bsize is an int64 on Linux only
}

// allocated gives the bytes that a sparse file really takes.
func allocated(info fs.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Blocks * 512
	}
	return 0
}
