// Package dirstore keeps models in a plain folder. [Open] gives the store; what
// it does is said in package store.
//
//	DIR/.bitnet-tool/store.json      marks the folder as a store
//	DIR/.bitnet-tool/lock            locked while the store is changed
//	DIR/.bitnet-tool/incoming/ID/    versions being made or removed
//	DIR/NAME/.current                the current version and a newline
//	DIR/NAME/VERSION/                a version, see package store
//
// Everything is made durable below incoming and then renamed to its place, so
// a version is there whole or not at all, whenever the process or the machine
// stops. What was left is found by the lock that its maker no longer holds,
// and is removed, or completed if it was published but not yet current.
package dirstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/akadata/bitnet-tool/internal/store"
)

// Names in the folder of a store, slash-separated as [os.Root] takes them.
const (
	markerPath = store.MetaDir + "/store.json"
	lockPath   = store.MetaDir + "/lock"
	incoming   = store.MetaDir + "/incoming"
	currentTag = ".current"
)

// marker is what store.json holds.
type marker struct {
	Schema int `json:"schema"`
}

const schema = 1

// Store is a store in a folder.
type Store struct {
	dir  string
	wait time.Duration // for the lock

	// step is called before each step of publishing, for tests that stop there
	// with errStopped.
	step func(name string) error
}

// errStopped ends a transaction as the death of its process would.
var errStopped = errors.New("stopped")

var _ store.Store = (*Store)(nil)

// Open gives the store in the folder dir, which need not be there yet: the
// first Begin makes it.
func Open(dir string) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	return &Store{dir: dir, wait: store.LockWait, step: func(string) error { return nil }}, nil
}

// Dir is the folder's absolute path.
func (s *Store) Dir() string { return s.dir }

// look opens the folder for reading. A folder that is not there or no store is
// [store.ErrNotFound].
func (s *Store) look() (*os.Root, error) {
	info, err := os.Stat(s.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: there is no folder %s", store.ErrNotFound, s.dir)
	case err != nil:
		return nil, unavailable(err)
	case !info.IsDir():
		return nil, fmt.Errorf("%w: %s is no folder", store.ErrUnavailable, s.dir)
	}
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return nil, err
	}
	if err := readMarker(root); err != nil {
		root.Close()
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w: %s is not a store", store.ErrNotFound, s.dir)
		}
		return nil, err
	}
	return root, nil
}

// make opens the folder for changes, and makes it a store if it is none.
func (s *Store) make() (*os.Root, error) {
	if err := makeFolder(s.dir); err != nil {
		return nil, unavailable(err)
	}
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return nil, unavailable(err)
	}
	if err := root.MkdirAll(incoming, 0o755); err != nil {
		root.Close()
		return nil, unavailable(err)
	}
	return root, nil
}

// makeFolder makes a folder and those it is in, and makes them last.
func makeFolder(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	outer := filepath.Dir(dir)
	if outer == dir {
		return nil
	}
	if err := makeFolder(outer); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	root, err := os.OpenRoot(outer)
	if errors.Is(err, fs.ErrPermission) {
		return nil // it may be written to and not read
	}
	if err != nil {
		return err
	}
	defer root.Close()
	return syncDirs(root, ".")
}

// unavailable says what to do where the folder cannot be written to.
func unavailable(err error) error {
	return fmt.Errorf("%w: %w; choose a folder you can write to with --dir", store.ErrUnavailable, err)
}

// change does f under the store's lock, after cleaning.
func (s *Store) change(ctx context.Context, root *os.Root, f func() error) error {
	l, err := store.TakeLock(ctx, s.wait, func() (*os.File, error) {
		return root.OpenFile(lockPath, os.O_RDWR|os.O_CREATE, 0o644)
	})
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		err = unavailable(err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.dir, err)
	}
	defer l.Free()
	err = readMarker(root)
	if errors.Is(err, fs.ErrNotExist) {
		err = writeMarker(root)
	}
	if err != nil {
		return err
	}
	if err := clean(root); err != nil {
		return fmt.Errorf("clean %s: %w", s.dir, err)
	}
	return f()
}

func readMarker(root *os.Root) error {
	b, err := root.ReadFile(markerPath)
	if err != nil {
		return err
	}
	var m marker
	if err := json.Unmarshal(b, &m); err != nil || m.Schema < 1 {
		return fmt.Errorf("%w: %s is not what marks a store", store.ErrDamaged, markerPath)
	}
	if m.Schema > schema {
		return fmt.Errorf("%w: %s has %d, and this program knows %d", store.ErrUnsupported, markerPath, m.Schema, schema)
	}
	return nil
}

// writeMarker makes the folder a store.
func writeMarker(root *os.Root) error {
	b, err := json.Marshal(marker{schema})
	if err != nil {
		return err
	}
	if err := replace(root, markerPath, markerPath+".new", append(b, '\n')); err != nil {
		return err
	}
	return syncDirs(root, store.MetaDir, ".")
}

// replace writes a small file under a passing name, and gives it its own when
// it is on the disk. The folder remains to be synced.
func replace(root *os.Root, name, passing string, data []byte) error {
	if err := writeNew(root, passing, data); err != nil {
		return err
	}
	return root.Rename(passing, name)
}

// writeNew writes a small file and syncs it.
func writeNew(root *os.Root, name string, data []byte) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncDirs makes the entries of folders durable.
func syncDirs(root *os.Root, dirs ...string) error {
	for _, dir := range dirs {
		d, err := root.Open(dir)
		if err != nil {
			return err
		}
		err = d.Sync()
		d.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
	}
	return nil
}
