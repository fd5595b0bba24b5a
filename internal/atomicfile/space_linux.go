package atomicfile

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// allocate reports whether room for size bytes has been set aside.
func allocate(f *os.File, size int64) (done bool, err error) {
	if size == 0 {
		return true, nil
	}
	for {
		err := unix.Fallocate(int(f.Fd()), 0, 0, size)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
			return false, nil
		default:
			return err == nil, err
		}
	}
}

func writeBack(f *os.File, off, n int64) {
	_ = unix.SyncFileRange(int(f.Fd()), off, n, unix.SYNC_FILE_RANGE_WRITE)
}
