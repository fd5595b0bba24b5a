//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package hfhub

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// flock tries to lock an open file with flock(2), as Python's filelock does;
// fcntl locks would not exclude it. Where there are no locks it succeeds.
func flock(f *os.File) (bool, error) {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.ENOTSUP), errors.Is(err, unix.ENOLCK):
			return true, nil
		}
		return err == nil, err
	}
}
