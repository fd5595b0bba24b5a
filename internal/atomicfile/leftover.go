package atomicfile

import (
	"crypto/rand"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/akadata/bitnet-tool/internal/flock"
)

// A partial file or folder is locked as long as somebody writes it, so what a
// killed process leaves behind can be told from it: its lock is free. Where there
// are no locks nothing is removed.

const (
	suffix  = ".partial"
	tagSize = 8
)

// partialOf gives a new name for the partial file of a target.
func partialOf(dir, base string) string {
	return filepath.Join(dir, "."+base+"."+rand.Text()[:tagSize]+suffix)
}

// isPartialOf reports whether partialOf could have given that name.
func isPartialOf(base, name string) bool {
	tag, ok := strings.CutPrefix(name, "."+base+".")
	if !ok {
		return false
	}
	tag, ok = strings.CutSuffix(tag, suffix)
	return ok && len(tag) == tagSize && strings.Trim(tag, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

func newFile(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
}

func newFolder(name string) (*os.File, error) {
	if err := os.Mkdir(name, 0o777); err != nil {
		return nil, err
	}
	f, err := os.Open(name)
	if err != nil {
		_ = os.Remove(name) // the first error counts
	}
	return f, err
}

// createPartial makes and locks a partial file or folder. Between the two
// somebody else may take it for one that was left behind; then there is another
// one.
func createPartial(dir, base string, create func(name string) (*os.File, error)) (f *os.File, locked bool, err error) {
	const tries = 100
	for range tries {
		f, err = create(partialOf(dir, base))
		if err != nil {
			return nil, false, err
		}
		locked, err = flock.Try(f)
		if err != nil || locked && named(f) {
			return f, locked, nil // without locks nobody removes it
		}
		f.Close()
		_ = os.Remove(f.Name()) // whoever has its lock does it too
	}
	return nil, false, fmt.Errorf("%s: another process took %d partial files away", filepath.Join(dir, base), tries)
}

// named reports whether a file still has the name it was opened by.
func named(f *os.File) bool {
	here, err := os.Lstat(f.Name())
	if err != nil {
		return false
	}
	open, err := f.Stat()
	return err == nil && os.SameFile(here, open)
}

// removeLeftovers removes partial files of a target, or folders, that nobody
// writes any more. What it cannot remove stays: nothing depends on it.
func removeLeftovers(dir, base string, typ fs.FileMode, open func(name string) (*os.File, error)) {
	if dir == "" {
		dir = "."
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.Type() == typ && isPartialOf(base, e.Name()) {
			removeLeftover(filepath.Join(dir, e.Name()), open)
		}
	}
}

func removeLeftover(name string, open func(name string) (*os.File, error)) {
	f, err := open(name)
	if err != nil {
		return
	}
	defer f.Close()
	// Whoever made it has no lock on it yet, looks for its name under the lock,
	// and so will make another.
	if locked, err := flock.Try(f); err == nil && locked && named(f) {
		_ = os.RemoveAll(name)
	}
}
