package store

import (
	"errors"
	"io/fs"
	"os"
)

// stagingLock is held while the creator of a staging area lives.
const stagingLock = MetaDir + "/lock"

// ClaimStaging marks a new staging folder as being worked on, by a lock that
// dies with the process. The store's lock must be held, so that cleaning does
// not see the folder before it is claimed.
func ClaimStaging(root *os.Root) (*Lock, error) {
	if err := root.Mkdir(MetaDir, 0o755); err != nil {
		return nil, err
	}
	l, err := TryLock(func() (*os.File, error) {
		return root.OpenFile(stagingLock, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	})
	if l == nil && err == nil {
		err = ErrLocked
	}
	return l, err
}

// StagingAlive reports whether the creator of a staging folder lives. Without
// a lock file it does not.
func StagingAlive(root *os.Root) (bool, error) {
	l, err := TryLock(func() (*os.File, error) {
		return root.OpenFile(stagingLock, os.O_RDWR|nonblock, 0)
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case errors.Is(err, fs.ErrPermission):
		return true, nil // another user's: not ours to judge
	case err != nil:
		return false, err
	}
	if l == nil {
		return true, nil
	}
	l.Free()
	return false, nil
}

// UnclaimStaging removes the lock file for good, as the last thing before the
// folder becomes a version. The store's lock must be held, for without the
// file cleaning takes the folder for dead.
func UnclaimStaging(root *os.Root) error {
	if err := root.Remove(stagingLock); err != nil {
		return err
	}
	return syncPath(root, MetaDir)
}
