package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Folder is a folder being filled beside its target. It must end in Commit or
// Abort.
type Folder struct {
	open   *os.File // has the lock
	target string
	done   bool
}

// CreateFolder starts a folder that will become target, which must not be there
// or be an empty folder when it does. What was left of the same target by
// processes that were killed is removed.
func CreateFolder(target string) (*Folder, error) {
	dir, base := filepath.Split(filepath.Clean(target))
	removeLeftovers(dir, base, fs.ModeDir, openFolder)
	f, _, err := createPartial(dir, base, newFolder)
	if err != nil {
		return nil, about(target, err)
	}
	return &Folder{open: f, target: target}, nil
}

// Path gives where the folder is until Commit.
func (f *Folder) Path() string { return f.open.Name() }

// Commit gives the folder its name. The files in it must be on the disk. After an
// error it is gone.
func (f *Folder) Commit() error {
	if f.done {
		return errors.New("atomicfile: committed twice")
	}
	f.done = true
	defer f.open.Close() // its lock must last until it has its name
	err := syncDir(f.Path())
	if err == nil {
		err = os.Rename(f.Path(), f.target)
	}
	if err != nil {
		_ = os.RemoveAll(f.Path()) // the first error counts
		return err
	}
	return syncDir(filepath.Dir(f.target))
}

// Abort removes the folder with all that is in it; after Commit it does nothing,
// so that it can be deferred.
func (f *Folder) Abort() {
	if f.done {
		return
	}
	f.done = true
	defer f.open.Close()
	_ = os.RemoveAll(f.Path()) // what is left over is hidden, and the next one tries again
}
