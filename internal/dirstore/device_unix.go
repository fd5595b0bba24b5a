//go:build darwin || linux

package dirstore

import (
	"io/fs"
	"syscall"
)

// deviceOf tells file systems apart.
func deviceOf(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Dev) //nolint:unconvert // an int32 on Darwin
	}
	return 0
}
