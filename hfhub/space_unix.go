//go:build darwin || linux

package hfhub

import (
	"io/fs"
	"syscall"
)

// allocated gives the bytes that a sparse file really takes.
func allocated(info fs.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Blocks * 512
	}
	return 0
}
