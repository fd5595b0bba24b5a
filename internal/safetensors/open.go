package safetensors

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// folder is what os.Root and hostFS have in common.
type folder interface {
	OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error)
	Stat(name string) (fs.FileInfo, error)
}

// hostFS is the file system without bounds, for paths that the user gave.
type hostFS struct{}

func (hostFS) OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	return os.OpenFile(name, flag, perm)
}

func (hostFS) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

// watch remembers what a path led to.
type watch struct {
	in     folder
	path   string
	opened fs.FileInfo
}

// openRegular opens a regular file for reading. Without O_NONBLOCK the open of a
// named pipe would wait for a writer, perhaps for ever.
func openRegular(in folder, path string) (*os.File, *watch, error) {
	f, err := in.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = malformed(filepath.Base(path), errors.New("not a regular file"))
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, &watch{in: in, path: path, opened: info}, nil
}

// check reports an error when the path leads to another file now, or when size
// or modification time of the file have changed.
func (w *watch) check() error {
	now, err := w.in.Stat(w.path)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrChanged, err)
	case !os.SameFile(w.opened, now):
		return fmt.Errorf("%s: %w: another file has taken its place", w.path, ErrChanged)
	case now.Size() != w.opened.Size():
		return fmt.Errorf("%s: %w: %d bytes, it had %d when it was opened", w.path, ErrChanged, now.Size(), w.opened.Size())
	case !now.ModTime().Equal(w.opened.ModTime()):
		return fmt.Errorf("%s: %w: it was written to", w.path, ErrChanged)
	}
	return nil
}

// linkBound returns the folder that links in dir may not leave: dir, or the
// cache around it when dir is <cache>/models--<name>/snapshots/<commit> or below.
// The links there lead to <cache>/models--<name>/blobs, and from there at times
// to <cache>/blobs (huggingface/hub-docs, docs/hub/local-cache.md).
func linkBound(dir string) string {
	for commit := dir; ; {
		snapshots := filepath.Dir(commit)
		model := filepath.Dir(snapshots)
		if filepath.Base(snapshots) == "snapshots" && strings.HasPrefix(filepath.Base(model), "models--") {
			return filepath.Dir(model)
		}
		if snapshots == commit {
			return dir
		}
		commit = snapshots
	}
}
