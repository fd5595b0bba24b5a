package zfsstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/akadata/bitnet-tool/internal/store"
)

// mending is a version being made anew in a staging area, to take the place of
// a damaged one.
type mending struct {
	*tx
	manifest *store.Manifest
}

// MendsWhole is true: a version is a dataset that is never written to again.
func (s *Store) MendsWhole() bool { return true }

// Mend makes a staging area for all files of a version.
func (s *Store) Mend(ctx context.Context, ref store.Ref, size int64) (store.Mending, error) {
	if err := checkVersion(ref); err != nil {
		return nil, err
	}
	if err := s.mustWrite(); err != nil {
		return nil, err
	}
	c, unlock, err := s.change(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	v, ok := c.has(ref)
	if !ok {
		return nil, s.notFound(ref)
	}
	m, err := s.replaceable(ctx, c, v)
	if err != nil {
		return nil, err
	}
	if err := c.usable(size); err != nil {
		return nil, err
	}
	t, err := s.stage(ctx, c, ref)
	if err != nil {
		return nil, err
	}
	return mending{t.(*tx), m}, nil
}

// replaceable makes sure that nothing but what a version's manifest lists goes
// when another dataset takes its place, and gives the manifest.
func (s *Store) replaceable(ctx context.Context, c *contents, v version) (*store.Manifest, error) {
	if _, err := s.mayDiscard(ctx, v); err != nil {
		return nil, err
	}
	folder, err := c.open(v)
	if err != nil {
		return nil, err
	}
	defer folder.Close() //nolint:errcheck // a folder that was read
	m := folder.Manifest()
	return m, fs.WalkDir(folder.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case p == store.MetaDir, err != nil: // what cannot be read is damaged
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		if _, known := m.File(p); !known {
			return fmt.Errorf("%w: %s/%s is not in the manifest of %s and would be lost: move it away", store.ErrProtected, v.dir(), p, v.ref)
		}
		return nil
	})
}

// Swap moves the damaged version away and the new one to its place, by two
// renamings. Until the first one the next process takes the new one back, from
// then on it does what is left.
func (t mending) Swap(ctx context.Context, files []store.File) error {
	if t.ended {
		return errors.New("the repair has ended")
	}
	if store.DigestOf(files) != t.manifest.Digest {
		return fmt.Errorf("%w: %s was replaced while it was repaired", store.ErrConflict, t.ref)
	}
	if err := t.steps(step{"seal", func() error { return store.Seal(t.root, t.manifest) }}); err != nil {
		return err
	}
	s := t.store
	c, unlock, err := s.change(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	v, ok := c.has(t.ref)
	if !ok {
		return s.notFound(t.ref)
	}
	m, err := s.replaceable(ctx, c, v)
	switch {
	case err != nil:
		return err
	case m.Digest != t.manifest.Digest:
		return fmt.Errorf("%w: %s was replaced while it was repaired", store.ErrConflict, t.ref)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishTime)
	defer cancel()
	return t.replace(ctx, v)
}

// replace does the steps of the swap.
func (t mending) replace(ctx context.Context, v version) error {
	s, damaged := t.store, t.store.newStaging()
	err := t.steps(step{"retire", func() error { return s.retire(ctx, v, v.mounted()) }})
	if err == nil {
		err = t.complete(ctx, t.manifest, intent{t.ref, true})
	}
	if err == nil {
		err = t.steps(step{"out", func() error { return s.rename(ctx, v.name, damaged) }})
	}
	if err != nil {
		return t.undo(ctx, v, err)
	}
	if err := t.steps(step{"in", func() error { return s.rename(ctx, t.staging, v.name) }}); err != nil {
		if t.ended {
			return err
		}
		if backErr := s.rename(ctx, damaged, v.name); backErr != nil {
			t.ended = true // what is complete must stay for the next process
			return errors.Join(err, backErr)
		}
		return t.undo(ctx, v, err)
	}
	t.ended = true
	err = t.steps(
		step{"mount", func() error { _, err := mount(ctx, v.name); return err }},
		step{"settle", func() error { return s.settle(ctx, t.ref) }},
		step{"dispose", func() error { return s.dispose(ctx, damaged) }},
	)
	if err != nil {
		return fmt.Errorf("%s is repaired, but the next command has to finish that: %w", t.ref, err)
	}
	return nil
}

// undo mounts the damaged version again after a failed step, if it is not.
func (t mending) undo(ctx context.Context, v version, err error) error {
	if t.ended {
		return err // stopped in a test
	}
	got, readErr := t.store.readProperties(ctx, v.name, 0, "filesystem", "mounted")
	if readErr == nil && len(got) == 1 && !got[0].mounted() {
		_, readErr = mount(ctx, v.name)
	}
	return errors.Join(err, readErr)
}
