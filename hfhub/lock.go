package hfhub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/akadata/bitnet-tool/internal/flock"
)

// Of waiting for a lock. Python's filelock looks as often.
const (
	lockPoll  = 50 * time.Millisecond
	lockQuiet = 2 * time.Second // until the user is told
)

// lock is a lock file held; closing it frees it. Lock files are never removed:
// another process may be about to lock the same inode.
//
// A lock keeps work from being done twice. That nothing wrong gets a final
// name does not depend on it, since on some network file systems every
// process gets every lock.
type lock struct{ f *os.File } // nil where it cannot be locked

// acquire waits for the lock file name. A lock file that is another user's is
// done without.
func acquire(ctx context.Context, root *os.Root, name string, mode fs.FileMode, waiting func()) (*lock, error) {
	start, told := time.Now(), false
	for {
		l, ok, err := tryLock(root, name, mode)
		if errors.Is(err, fs.ErrPermission) {
			return &lock{}, nil
		}
		if ok || err != nil {
			return l, err
		}
		if !told && time.Since(start) > lockQuiet {
			told = true
			waiting()
		}
		if err := sleep(ctx, lockPoll); err != nil {
			return nil, err
		}
	}
}

// lockMode is that of lock files, as Python makes them for other users of the
// cache.
const lockMode = 0o664

// tryLock takes the lock if nobody holds it.
func tryLock(root *os.Root, name string, mode fs.FileMode) (*lock, bool, error) {
	for {
		f, err := create(root, name, os.O_RDWR, mode)
		if err != nil {
			return nil, false, err
		}
		ok, err := flocked(f)
		same := false
		if err == nil && ok {
			same, err = samePath(root, name, f)
		}
		switch {
		case err != nil || !ok:
			f.Close()
			return nil, false, err
		case same:
			if mode == lockMode {
				_ = f.Chmod(mode) // the umask does not count; it fails if the file is not ours
			}
			return &lock{f}, true, nil
		}
		f.Close() // somebody removed the file we locked
	}
}

// samePath reports whether name is still the file that is open.
func samePath(root *os.Root, name string, f *os.File) (bool, error) {
	a, err := f.Stat()
	if err != nil {
		return false, err
	}
	b, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil && !b.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", name)
	}
	return err == nil && os.SameFile(a, b), err
}

func (l *lock) free() {
	if l.f != nil {
		l.f.Close()
	}
}

// flocked tries to lock an open file. Where there are no locks it succeeds: see
// [lock] for why that is right, if wasteful.
func flocked(f *os.File) (bool, error) {
	ok, err := flock.Try(f)
	if errors.Is(err, errors.ErrUnsupported) {
		return true, nil
	}
	return ok, err
}
