package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/akadata/bitnet-tool/internal/flock"
)

// Of waiting for the lock of a store.
const (
	// LockWait is how long a busy lock is waited for.
	LockWait = time.Minute
	// Polls come further and further apart, so that many that wait leave the
	// processor to the one that works.
	minLockPoll = 10 * time.Millisecond
	maxLockPoll = 80 * time.Millisecond
)

// Lock is a locked file. The kernel frees it when the process dies.
type Lock struct{ f *os.File }

// TakeLock opens a lock file with open and locks it, waiting up to wait; then
// the answer is [ErrLocked]. open is called for each try and must create the file
// if need be. Nobody may remove it: whoever locked it would no longer exclude
// those who make another.
func TakeLock(ctx context.Context, wait time.Duration, open func() (*os.File, error)) (*Lock, error) {
	deadline := time.Now().Add(wait)
	for poll := minLockPoll; ; poll = min(2*poll, maxLockPoll) {
		l, err := TryLock(open)
		if l != nil || err != nil {
			return l, err
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%w: another process has held its lock for %v", ErrLocked, wait)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(poll):
		}
	}
}

// TryLock is [TakeLock] without waiting: the lock is nil if another process,
// or another open file of this one, holds it.
func TryLock(open func() (*os.File, error)) (*Lock, error) {
	f, err := open()
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "lock", Path: f.Name(), Err: errors.New("is no plain file")}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	ok, err := flock.Try(f)
	if !ok || err != nil {
		f.Close()
		if err != nil {
			err = fmt.Errorf("%w: its file system has no locks: %s: %w", ErrUnavailable, f.Name(), err)
		}
		return nil, err
	}
	return &Lock{f}, nil
}

// Free gives the lock up. On nil it does nothing.
func (l *Lock) Free() {
	if l != nil {
		l.f.Close()
	}
}
