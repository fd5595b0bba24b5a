package zfsstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/akadata/bitnet-tool/internal/store"
)

// lockDir is where Linux keeps locks until it is restarted; a store's datasets
// are no place for one, since they come and go.
const lockDir = "/run/lock"

// lock takes the lock of the store with this guid, which stays when the
// dataset is renamed. It says nothing to other machines: a pool is imported by
// one at a time.
func (s *Store) lock(ctx context.Context, guid string) (*store.Lock, error) {
	path := filepath.Join(lockDir, "bitnet-tool-zfs-"+guid+".lock")
	l, err := store.TakeLock(ctx, s.lockWait, func() (*os.File, error) { return openLock(path) })
	if err != nil {
		return nil, fmt.Errorf("lock of zfs:%s: %w", s.dataset, err)
	}
	return l, nil
}

// openLock opens a lock file or makes it. Everybody may read, and so lock it:
// "use" can be delegated to a user. The directory is open to all, so links are
// not followed, and a file that exists is not opened with O_CREAT, which the
// kernel's fs.protected_regular may forbid.
func openLock(path string) (*os.File, error) {
	const flags = os.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK
	for {
		f, err := os.OpenFile(path, flags, 0)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
		f, err = os.OpenFile(path, flags|os.O_CREATE|os.O_EXCL, 0o644)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}
