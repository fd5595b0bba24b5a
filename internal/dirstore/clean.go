package dirstore

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/akadata/bitnet-tool/internal/store"
)

// Clean completes or removes what processes that died have left.
func (s *Store) Clean(ctx context.Context) error {
	root, err := s.look()
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer root.Close()
	return s.change(ctx, root, func() error { return nil })
}

// clean is done under the lock. It touches staging folders, notes, and names
// that have no version left; nothing that is not the store's own.
func clean(root *os.Root) error {
	ids, err := fs.ReadDir(root.FS(), incoming)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, id := range ids {
		// One that its maker removes at this moment may be gone.
		if err := cleanStaging(root, id.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	names, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return err
	}
	for _, n := range names {
		if !n.IsDir() || !store.ValidName(n.Name()) {
			continue
		}
		if err := cleanName(root, n.Name()); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return nil
}

// cleanStaging removes a staging folder whose maker does not live.
func cleanStaging(root *os.Root, id string) error {
	info, err := root.Lstat(staging(id))
	if err == nil && !info.IsDir() {
		return root.Remove(staging(id))
	}
	if err != nil {
		return err
	}
	staged, err := root.OpenRoot(staging(id))
	if errors.Is(err, fs.ErrPermission) {
		return nil // another user's
	}
	if err != nil {
		return err
	}
	alive, err := store.StagingAlive(staged)
	staged.Close()
	if alive || err != nil {
		return err
	}
	return root.RemoveAll(staging(id))
}

// cleanName fulfils or removes the notes of a name, and removes a name whose
// last version was being removed.
func cleanName(root *os.Root, name string) error {
	entries, err := fs.ReadDir(root.FS(), name)
	if err != nil {
		return err
	}
	ours := false
	for _, e := range entries {
		id, isNote := strings.CutPrefix(e.Name(), currentTag+".")
		ours = ours || isNote || e.Name() == currentTag
		if !isNote {
			continue
		}
		if version, ok := readVersion(root, name+"/"+e.Name()); ok && isVersion(root, store.Ref{Name: name, Version: version}) {
			err = fulfil(root, name, id)
		} else {
			err = root.Remove(name + "/" + e.Name())
		}
		if err != nil {
			return err
		}
	}
	if !ours || len(versionsOf(root, name)) > 0 {
		return nil
	}
	return removeName(root, name)
}

// removeName removes the folder of a name without versions. What else somebody
// put there keeps it.
func removeName(root *os.Root, name string) error {
	if err := root.Remove(name + "/" + currentTag); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if left, err := fs.ReadDir(root.FS(), name); err != nil || len(left) > 0 {
		return err
	}
	if err := root.Remove(name); err != nil {
		return err
	}
	return syncDirs(root, ".")
}
