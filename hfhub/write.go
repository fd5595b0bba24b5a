package hfhub

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"
)

// replace writes a small file and gives it its name when it is on the disk. It
// is written as tmp, which must always be the same for a target: what a killed
// process left there is written over.
func replace(root *os.Root, target, tmp string, data []byte) error {
	for {
		f, err := create(root, tmp, os.O_RDWR, 0o666)
		if err != nil {
			return err
		}
		done, err := replaceOpen(root, target, tmp, f, data)
		err = errors.Join(err, f.Close())
		if done || err != nil {
			return err
		}
	}
}

// replaceOpen does the work if nobody else uses tmp at the moment. Then it is
// not done: another process renames it, and the next try gets a new file.
func replaceOpen(root *os.Root, target, tmp string, f *os.File, data []byte) (bool, error) {
	ok, err := flocked(f)
	if err == nil && !ok {
		time.Sleep(time.Millisecond)
	}
	if err != nil || !ok {
		return false, err
	}
	if same, err := samePath(root, tmp, f); err != nil || !same {
		return false, err
	}
	if err := f.Truncate(0); err != nil {
		return false, err
	}
	if _, err := f.WriteAt(data, 0); err != nil {
		return false, err
	}
	if err := f.Sync(); err != nil {
		return false, err
	}
	return true, root.Rename(tmp, target)
}

// create opens a file that may not be there, nor its folder.
func create(root *os.Root, name string, flag int, mode fs.FileMode) (*os.File, error) {
	f, err := root.OpenFile(name, flag|os.O_CREATE, mode)
	if errors.Is(err, fs.ErrNotExist) {
		if err := mkdirAll(root, name); err != nil {
			return nil, err
		}
		f, err = root.OpenFile(name, flag|os.O_CREATE, mode)
	}
	return f, err
}

// mkdirAll makes the folder of a file.
func mkdirAll(root *os.Root, file string) error { return root.MkdirAll(path.Dir(file), 0o777) }

// folders lists those that names are in, and those that these are in, the inner
// ones first: so are they to be synced.
func folders(names ...string) []string {
	out := map[string]bool{}
	for _, name := range names {
		for dir := path.Dir(name); !out[dir]; dir = path.Dir(dir) {
			out[dir] = true
		}
	}
	return slices.SortedFunc(maps.Keys(out), func(a, b string) int {
		return cmp.Or(cmp.Compare(depth(b), depth(a)), cmp.Compare(a, b))
	})
}

func depth(dir string) int {
	if dir == "." {
		return -1
	}
	return strings.Count(dir, "/")
}

// syncFolders makes the names in folders last, as far as the system can.
func syncFolders(root *os.Root, folders []string) error {
	for _, name := range folders {
		d, err := root.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		_ = d.Sync() // not every system knows that of folders
		if err := d.Close(); err != nil {
			return err
		}
	}
	return nil
}

// remove removes a file that may not be there.
func remove(root *os.Root, name string) error {
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// readSmall reads a file of at most limit bytes. It does not wait where a FIFO is
// in its place.
func readSmall(root *os.Root, name string, limit int64) ([]byte, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readLimited(f, name, limit)
}
