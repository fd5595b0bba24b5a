package directio

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// begin takes the space of a file and makes its writes direct, or reports that
// it cannot have that.
func begin(f *os.File, size int64) (direct bool, err error) {
	var s unix.Statfs_t
	if unix.Fstatfs(int(f.Fd()), &s) != nil || s.Type != unix.EXT4_SUPER_MAGIC && s.Type != unix.XFS_SUPER_MAGIC {
		return false, nil
	}
	err = unix.Fallocate(int(f.Fd()), 0, 0, size)
	for errors.Is(err, unix.EINTR) {
		err = unix.Fallocate(int(f.Fd()), 0, 0, size)
	}
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return false, &os.PathError{Op: "fallocate", Path: f.Name(), Err: err}
	case err != nil:
		return false, nil // perhaps writing goes; else it says why not
	}
	return setDirect(f, true) == nil, nil
}

func setDirect(f *os.File, on bool) error {
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	if flags &^= unix.O_DIRECT; on {
		flags |= unix.O_DIRECT
	}
	_, err = unix.FcntlInt(f.Fd(), unix.F_SETFL, flags)
	return err
}

// writeBack is only advice: what it fails to write, a sync does.
func writeBack(f *os.File, offset, n int64) {
	_ = unix.SyncFileRange(int(f.Fd()), offset, n, unix.SYNC_FILE_RANGE_WRITE)
}
