package dirstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/akadata/bitnet-tool/internal/store"
)

// List gives the published versions.
func (s *Store) List(ctx context.Context) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		root, err := s.look()
		if errors.Is(err, store.ErrNotFound) {
			return
		}
		if err != nil {
			yield(store.Info{}, err)
			return
		}
		defer root.Close()
		for info, err := range s.list(root) {
			if cerr := ctx.Err(); cerr != nil {
				yield(store.Info{}, cerr)
				return
			}
			if !yield(info, err) {
				return
			}
		}
	}
}

func (s *Store) list(root *os.Root) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		names, err := fs.ReadDir(root.FS(), ".")
		if err != nil {
			yield(store.Info{}, err)
			return
		}
		for _, n := range names { // sorted
			if !n.IsDir() || !store.ValidName(n.Name()) {
				continue
			}
			for _, row := range s.versions(root, n.Name()) {
				if !yield(row.Info, row.Err) {
					return
				}
			}
		}
	}
}

// versions describes the versions of a name, from the oldest to the newest.
func (s *Store) versions(root *os.Root, name string) []store.Listed {
	var rows []store.Listed
	current := current(root, name)
	for _, version := range versionsOf(root, name) {
		info := s.info(store.Ref{Name: name, Version: version})
		info.Current = version == current
		f, err := store.OpenFolder(info)
		if errors.Is(err, fs.ErrNotExist) && !isVersion(root, info.Ref) {
			continue // removed at this moment
		}
		if err == nil {
			info = f.Info()
			f.Close() //nolint:errcheck // a folder that was read
		}
		rows = append(rows, store.Listed{Info: info, Err: err})
	}
	store.SortListed(rows)
	return rows
}

// info says where a version is.
func (s *Store) info(ref store.Ref) store.Info {
	return store.Info{Ref: ref, Dir: filepath.Join(s.dir, ref.Name, ref.Version)}
}

// admit decides whether a version may be published; see [store.Admit].
func (s *Store) admit(root *os.Root, m *store.Manifest) (there store.Info, same bool, err error) {
	same, err = store.Admit(s.list(root), m)
	if !same || err != nil {
		return there, same, err
	}
	a, err := s.open(root, m.Ref())
	if err != nil {
		return there, false, err
	}
	defer a.Close() //nolint:errcheck // a folder that was read
	return a.Info(), true, nil
}

// Open gives a version.
func (s *Store) Open(_ context.Context, ref store.Ref) (store.Artifact, error) {
	if err := ref.Check(); err != nil {
		return nil, err
	}
	root, err := s.look()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if ref.Version == "" {
		if ref, err = s.current(root, ref.Name); err != nil {
			return nil, err
		}
	}
	return s.open(root, ref)
}

func (s *Store) open(root *os.Root, ref store.Ref) (store.Artifact, error) {
	if !isVersion(root, ref) {
		return nil, s.notFound(root, ref)
	}
	info := s.info(ref)
	info.Current = current(root, ref.Name) == ref.Version
	f, err := store.OpenFolder(info)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %s has no manifest", store.ErrDamaged, ref)
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// notFound names the versions that there are.
func (s *Store) notFound(root *os.Root, ref store.Ref) error {
	there := "there is no " + ref.Name
	if v := versionsOf(root, ref.Name); len(v) > 0 {
		there = ref.Name + " has " + strings.Join(v, ", ")
	}
	return fmt.Errorf("%w: %s in %s; %s", store.ErrNotFound, ref, s.dir, there)
}

// Current finds the current version of a name.
func (s *Store) Current(_ context.Context, name string) (store.Ref, error) {
	if err := (store.Ref{Name: name}).Check(); err != nil {
		return store.Ref{}, err
	}
	root, err := s.look()
	if err != nil {
		return store.Ref{}, err
	}
	defer root.Close()
	return s.current(root, name)
}

func (s *Store) current(root *os.Root, name string) (store.Ref, error) {
	ref := store.Ref{Name: name, Version: current(root, name)}
	if ref.Version != "" {
		return ref, nil
	}
	if len(versionsOf(root, name)) == 0 {
		return store.Ref{}, s.notFound(root, ref)
	}
	return store.Ref{}, fmt.Errorf("%w: no version of %s is current; choose one with: bitnet-tool use %s@VERSION", store.ErrNotFound, name, name)
}

// current is the version that is marked, or the only one there is, or "".
func current(root *os.Root, name string) string {
	if v, ok := readVersion(root, name+"/"+currentTag); ok && isVersion(root, store.Ref{Name: name, Version: v}) {
		return v
	}
	if all := versionsOf(root, name); len(all) == 1 {
		return all[0]
	}
	return ""
}

// readVersion reads a small file that names a version.
func readVersion(root *os.Root, name string) (string, bool) {
	info, err := root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > store.MaxVersion+1 {
		return "", false
	}
	b, err := root.ReadFile(name)
	v := strings.TrimSuffix(string(b), "\n")
	return v, err == nil && store.ValidVersion(v)
}

// versionsOf lists the versions of a name.
func versionsOf(root *os.Root, name string) []string {
	entries, err := fs.ReadDir(root.FS(), name)
	if err != nil {
		return nil
	}
	var versions []string
	for _, e := range entries {
		if store.ValidVersion(e.Name()) && isVersion(root, store.Ref{Name: name, Version: e.Name()}) {
			versions = append(versions, e.Name())
		}
	}
	return versions
}

// isVersion reports whether a folder is a version of the store, and not
// something else that somebody put there.
func isVersion(root *os.Root, ref store.Ref) bool {
	for _, p := range []string{ref.Name, ref.Name + "/" + ref.Version, ref.Name + "/" + ref.Version + "/" + store.MetaDir} {
		if info, err := root.Lstat(p); err != nil || !info.IsDir() {
			return false
		}
	}
	return true
}
