package store

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"slices"
	"strings"
)

// Entry is a file to put into a version.
type Entry struct {
	Path string   // in the version
	From string   // in the source's root
	Size int64    // in bytes
	Hub  Identity // to compare the content with
}

// Origin is an opened source. The entries are read below Root, and through it,
// so that no link leads elsewhere.
type Origin struct {
	Root    *os.Root
	Entries []Entry // sorted by Path
}

// Size is the sum of the entries' sizes.
func (o Origin) Size() int64 {
	var n int64
	for _, e := range o.Entries {
		if n += e.Size; n < 0 {
			return math.MaxInt64
		}
	}
	return n
}

// Walk lists the files in the folder dir of root, "." for root itself. Links
// are followed to plain files anywhere below root: an entry of a Hugging Face
// cache may be two links away from its bytes, outside its repository's folder.
// A link that dangles or leads out, and anything that is neither file nor
// folder, is [ErrSource] and named. What keeps the books of a download
// (.cache/huggingface, CACHEDIR.TAG) is left out at the top of dir. What wanted
// refuses is not looked at; it may be nil.
func Walk(root *os.Root, dir string, wanted func(path string) bool) ([]Entry, error) {
	return walk(root, dir, wanted, false)
}

// walk is Walk; in a staging folder, which is ours, [MetaDir] is left out.
func walk(root *os.Root, dir string, wanted func(path string) bool, staging bool) ([]Entry, error) {
	var entries []Entry
	err := fs.WalkDir(root.FS(), dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		p := within(dir, name)
		switch {
		case p == ".cache/huggingface" && d.IsDir(), p == MetaDir && staging:
			return fs.SkipDir
		case p == "CACHEDIR.TAG", d.IsDir() && p != MetaDir, wanted != nil && !wanted(p):
			return nil
		}
		if len(entries) == MaxFiles {
			return fmt.Errorf("%w: more than %d files", ErrSource, MaxFiles)
		}
		e, err := NewEntry(root, name, p)
		entries = append(entries, e)
		return err
	})
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
	return entries, err
}

// within is a name relative to the folder it is in.
func within(dir, name string) string {
	if dir == "." || name == dir {
		return name
	}
	return strings.TrimPrefix(name, dir+"/")
}

// NewEntry describes the file from, below root, that will be called p.
func NewEntry(root *os.Root, from, p string) (Entry, error) {
	if err := CheckPath(p); err != nil {
		return Entry{}, err
	}
	f, err := openSource(root, from)
	if err != nil {
		return Entry{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Entry{}, err
	}
	return Entry{Path: p, From: from, Size: info.Size()}, nil
}

// openSource opens a plain file and says of a link where it leads.
func openSource(root *os.Root, name string) (*os.File, error) {
	f, err := openPlain(root, name)
	if err == nil {
		return f, nil
	}
	target, lerr := root.Readlink(name)
	switch {
	case lerr != nil: // no link
		return nil, err
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: %q is a link to nothing, %q", ErrSource, name, target)
	case errors.Is(err, ErrSource):
		return nil, fmt.Errorf("%w; it is a link to %q", err, target)
	case errors.Is(err, fs.ErrPermission):
		return nil, err
	}
	// os.Root has no error to tell this by.
	return nil, fmt.Errorf("%w: %q is a link that leads out of %s or in a circle, %q", ErrSource, name, root.Name(), target)
}

// checkEntries refuses paths that cannot stand together in one folder. fold
// says that the target takes names that differ only in case for one.
func checkEntries(entries []Entry, fold bool) error {
	key := func(s string) string { return s }
	if fold {
		key = strings.ToLower
	}
	seen := make(map[string]string, len(entries))
	for _, e := range entries {
		if err := CheckPath(e.Path); err != nil {
			return err
		}
		if other, twice := seen[key(e.Path)]; twice {
			return fmt.Errorf("%w: %q and %q are one file where they are to go", ErrSource, other, e.Path)
		}
		seen[key(e.Path)] = e.Path
	}
	folders := map[string]string{}
	for _, e := range entries {
		for dir := path.Dir(e.Path); dir != "."; dir = path.Dir(dir) {
			if file, clash := seen[key(dir)]; clash {
				return fmt.Errorf("%w: %q is a file, and a folder of %q", ErrSource, file, e.Path)
			}
			if other, there := folders[key(dir)]; there && other != dir {
				return fmt.Errorf("%w: the folders %q and %q are one where they are to go", ErrSource, other, dir)
			}
			folders[key(dir)] = dir
		}
	}
	return nil
}

// foldsCase reports whether names that differ only in case are one file at
// root, a claimed staging folder.
func foldsCase(root *os.Root) bool {
	_, err := root.Lstat(strings.ToUpper(MetaDir))
	return err == nil
}
