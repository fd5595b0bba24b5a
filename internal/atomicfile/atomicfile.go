// Package atomicfile writes a file that appears under its name only when it is
// complete and on the disk. Call [Create], write, and [File.Commit]; for a folder
// [CreateFolder].
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// File is a file being written beside its target. It must end in Commit or
// Abort.
type File struct {
	*os.File
	target string
	force  bool
	locked bool // against removal by others
	done   bool
}

// Create starts a file that will become target, in target's folder so that
// the final rename stays on one file system. Unless force is set a target that
// exists is an error (fs.ErrExist), checked now and again on Commit. What was
// left of the same target by processes that were killed is removed.
func Create(target string, force bool) (*File, error) {
	if !force {
		if _, err := os.Lstat(target); err == nil {
			return nil, &fs.PathError{Op: "create", Path: target, Err: fs.ErrExist}
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	dir, base := filepath.Split(target)
	removeLeftovers(dir, base, 0, openPlain)
	f, locked, err := createPartial(dir, base, newFile)
	if err != nil {
		return nil, about(target, err)
	}
	return &File{File: f, target: target, force: force, locked: locked}, nil
}

// Commit makes the file durable and gives it its name. After an error nothing
// has changed under the target's name, unless all that failed is to make that
// name last or to remove the other one, and the partial file is gone.
func (f *File) Commit() error {
	if f.done {
		return errors.New("atomicfile: committed twice")
	}
	err := f.Sync()
	f.done = true
	if f.locked { // its lock must last until it has its name
		defer f.Close()
	} else if cerr := f.Close(); err == nil { // systems without locks may not rename what is open
		err = cerr
	}
	if err == nil {
		err = f.publish()
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the first error counts
		return fmt.Errorf("%s: %w", f.target, err)
	}
	return syncDir(filepath.Dir(f.target))
}

// publish renames. Without force it links first, which fails if another
// process made the target meanwhile; file systems that cannot link get a
// rename after one more look.
func (f *File) publish() error {
	if f.force {
		return os.Rename(f.Name(), f.target)
	}
	err := os.Link(f.Name(), f.target)
	switch {
	case err == nil:
		return os.Remove(f.Name())
	case errors.Is(err, fs.ErrExist):
		return fs.ErrExist
	}
	if _, err := os.Lstat(f.target); err == nil {
		return fs.ErrExist
	}
	return os.Rename(f.Name(), f.target)
}

// Abort removes the partial file; after Commit it does nothing, so that it can
// be deferred.
func (f *File) Abort() {
	if f.done {
		return
	}
	f.done = true
	f.Close()
	_ = os.Remove(f.Name()) // what is left over is hidden, and the next Create tries again
}

// about names the target in an error about its partial file, which nobody knows.
func about(target string, err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return &fs.PathError{Op: "create", Path: target, Err: p.Err}
	}
	return err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
