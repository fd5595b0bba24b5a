package dirstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"github.com/akadata/bitnet-tool/internal/store"
)

var _ store.Mender = (*Store)(nil)

// stepSwap is before each file of a repair is put in its place.
const stepSwap = "swap"

// mending is a repair below incoming.
type mending struct{ *tx }

// MendsWhole is false: damaged files are replaced, others stay.
func (s *Store) MendsWhole() bool { return false }

// Mend makes a staging folder for new files of a version.
func (s *Store) Mend(ctx context.Context, ref store.Ref, size int64) (store.Mending, error) {
	if err := needVersion(ref); err != nil {
		return nil, err
	}
	a, err := s.Open(ctx, ref)
	if err != nil {
		return nil, err
	}
	a.Close() //nolint:errcheck // a folder that was read
	t, err := s.Begin(ctx, ref, size)
	if err != nil {
		return nil, err
	}
	return mending{t.(*tx)}, nil
}

// Swap renames each file over the old one.
func (t mending) Swap(ctx context.Context, files []store.File) error {
	if t.ended {
		return errors.New("the repair has ended")
	}
	return noSpace(t.s.change(ctx, t.dir, func() error {
		a, err := t.s.open(t.dir, t.ref)
		if err != nil {
			return err
		}
		defer a.Close() //nolint:errcheck // a folder that was read
		version := t.ref.Name + "/" + t.ref.Version
		changed := map[string]bool{}
		for _, f := range files {
			if now, ok := a.Manifest().File(f.Path); !ok || now.SHA256 != f.SHA256 || now.Size != f.Size {
				return fmt.Errorf("%w: %s was replaced while it was repaired", store.ErrConflict, t.ref)
			}
			if err := t.s.step(stepSwap); err != nil {
				return err
			}
			if err := t.swap(version, f.Path, changed); err != nil {
				return fmt.Errorf("%s: %w", f.Path, err)
			}
		}
		for dir := range changed {
			if err := syncDirs(t.dir, dir); err != nil {
				return err
			}
		}
		return nil
	}))
}

// swap puts one file in its place, and notes the folders that changed.
func (t mending) swap(version, file string, changed map[string]bool) error {
	for _, dir := range parents(file) {
		info, err := t.dir.Lstat(version + "/" + dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if err := t.dir.Mkdir(version+"/"+dir, 0o755); err != nil {
				return err
			}
			changed[path.Dir(version+"/"+dir)] = true
		case err != nil:
			return err
		case !info.IsDir(): // a link may lead to another version
			return inTheWay(t.s.info(t.ref).Dir, dir)
		}
	}
	target := version + "/" + file
	if info, err := t.dir.Lstat(target); err == nil && info.IsDir() {
		return inTheWay(t.s.info(t.ref).Dir, file)
	}
	if err := t.dir.Rename(staging(t.id)+"/"+file, target); err != nil {
		return err
	}
	changed[path.Dir(target)] = true
	return nil
}

func inTheWay(dir, name string) error {
	return fmt.Errorf("%w: something else is in its place; move %s away", store.ErrDamaged, dir+string(os.PathSeparator)+name)
}

// parents lists the folders that a file is in, the outermost first.
func parents(file string) []string {
	var dirs []string
	for dir := path.Dir(file); dir != "."; dir = path.Dir(dir) {
		dirs = append([]string{dir}, dirs...)
	}
	return dirs
}
