package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
)

// Seal makes a staging folder whole and durable, the last step before a
// backend publishes it. It checks that the folder holds exactly the files of
// the manifest, with their sizes, and that all are plain files; gives files the
// mode 0644 and folders 0755, whatever the user's umask; syncs every file, then the folders from the innermost out; writes and syncs the manifest;
// and syncs the folder itself. m must be complete (see [Manifest.Complete]).
// What remains is [UnclaimStaging], under the store's lock.
//
// An error of a sync is final: what the disk holds is then not known, and
// asking again could hide it.
func Seal(root *os.Root, m *Manifest) error {
	dirs, err := sameTree(root, m)
	if err != nil {
		return err
	}
	for _, f := range m.Files {
		if err := syncPath(root, f.Path); err != nil {
			return err
		}
	}
	for _, dir := range slices.Backward(dirs) { // a folder comes before those in it
		if dir == "." {
			continue // last
		}
		if err := syncPath(root, dir); err != nil {
			return err
		}
	}
	if err := writeManifest(root, m); err != nil {
		return fmt.Errorf("%s: %w", ManifestPath, err)
	}
	for _, dir := range []string{MetaDir, "."} {
		if err := syncPath(root, dir); err != nil {
			return err
		}
	}
	return nil
}

// sameTree compares a folder with the manifest and lists its folders, "." and
// outer ones first.
func sameTree(root *os.Root, m *Manifest) (dirs []string, err error) {
	left := make(map[string]int64, len(m.Files))
	for _, f := range m.Files {
		left[f.Path] = f.Size
	}
	err = fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case p == MetaDir:
			return fs.SkipDir
		case d.IsDir():
			dirs = append(dirs, p)
			return root.Chmod(p, 0o755)
		}
		size, known := left[p]
		if !known {
			return fmt.Errorf("%w: %q is not in the manifest", ErrDamaged, p)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() || info.Size() != size {
			return fmt.Errorf("%w: %q is %s of %d bytes, not a file of %d", ErrDamaged, p, kindOf(info.Mode()), info.Size(), size)
		}
		delete(left, p)
		return root.Chmod(p, 0o644)
	})
	if err != nil {
		return nil, err
	}
	for p := range left {
		return nil, fmt.Errorf("%w: %q is not there", ErrDamaged, p)
	}
	return dirs, nil
}

func writeManifest(root *os.Root, m *Manifest) error {
	b, err := m.Encode()
	if err != nil {
		return err
	}
	if len(b) > MaxManifest {
		return fmt.Errorf("%d bytes are more than %d", len(b), MaxManifest)
	}
	f, err := root.OpenFile(ManifestPath, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = errors.Join(f.Chmod(0o644), root.Chmod(MetaDir, 0o755))
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncPath makes a file or folder durable.
func syncPath(root *os.Root, name string) error {
	f, err := root.OpenFile(name, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("%s: %w", path.Clean(name), err)
	}
	return nil
}
