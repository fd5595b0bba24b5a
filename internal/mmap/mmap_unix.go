//go:build unix

package mmap

import (
	"os"

	"golang.org/x/sys/unix"
)

func view(f *os.File, size int) ([]byte, error) {
	c, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	var data []byte
	var mapErr error
	err = c.Control(func(fd uintptr) {
		data, mapErr = unix.Mmap(int(fd), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	})
	if err != nil {
		return nil, err
	}
	return data, mapErr
}

func release(data []byte) error { return unix.Munmap(data) }
