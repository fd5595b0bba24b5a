package dirstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/akadata/bitnet-tool/internal/store"
)

// Steps of publishing, as [Store.step] gets them: each before it is done.
const (
	stepSeal    = "seal"    // manifest and syncs
	stepUnclaim = "unclaim" // the lock file goes
	stepIntent  = "intent"  // what is to become current is noted
	stepRename  = "rename"  // the publishing itself
	stepSync    = "sync"    // of the folders renamed between
	stepCurrent = "current" // the note becomes .current
	stepEnd     = "end"
)

// Commit publishes the staging folder.
func (t *tx) Commit(ctx context.Context, m *store.Manifest) (pub store.Published, err error) {
	if t.ended {
		return pub, errors.New("the transaction has ended")
	}
	defer func() {
		if errors.Is(err, errStopped) {
			err = errors.Join(err, t.end())
			return
		}
		err = errors.Join(err, t.Abort()) // what was renamed is no longer there
	}()
	if err := m.Complete(t.ref, time.Now()); err != nil {
		return pub, err
	}
	if err := t.s.step(stepSeal); err != nil {
		return pub, err
	}
	if err := store.Seal(t.root, m); err != nil {
		return pub, noSpace(err)
	}
	err = t.s.change(ctx, t.dir, func() (err error) {
		pub, err = t.publish(m)
		return err
	})
	return pub, noSpace(err)
}

// publish renames the staging folder to its place.
func (t *tx) publish(m *store.Manifest) (store.Published, error) {
	ref := m.Ref()
	if info, same, err := t.s.admit(t.dir, m); same || err != nil {
		return store.Published{Info: info}, err
	}
	fresh, err := t.makeName(ref)
	if err != nil {
		return store.Published{}, err
	}
	target := ref.Name + "/" + ref.Version
	steps := []struct {
		name string
		do   func() error
	}{
		{stepUnclaim, func() error { return store.UnclaimStaging(t.root) }},
		{stepIntent, func() error { return noteIntent(t.dir, ref, t.id) }},
		{stepRename, func() error { return t.dir.Rename(staging(t.id), target) }},
		{stepSync, func() error {
			if fresh {
				return syncDirs(t.dir, ref.Name, incoming, ".")
			}
			return syncDirs(t.dir, ref.Name, incoming)
		}},
		{stepCurrent, func() error { return fulfil(t.dir, ref.Name, t.id) }},
		{stepEnd, func() error { return nil }},
	}
	for _, step := range steps {
		err := t.s.step(step.name)
		if err == nil {
			err = step.do()
		}
		if err != nil {
			return store.Published{}, fmt.Errorf("publish %s (%s): %w", ref, step.name, err)
		}
	}
	info := t.s.info(ref)
	info.Current, info.Manifest, info.Digest = true, m, m.Digest
	return store.Published{Info: info, Changed: true}, nil
}

// makeName makes the folder of a name and reports whether it was not there.
func (t *tx) makeName(ref store.Ref) (fresh bool, err error) {
	err = t.dir.Mkdir(ref.Name, 0o755)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return false, unavailable(err)
	}
	fresh = err == nil
	info, err := t.dir.Lstat(ref.Name)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%w: %s is no folder", store.ErrConflict, filepath.Join(t.s.dir, ref.Name))
	}
	if err == nil {
		err = sameDevice(t.dir, incoming, ref.Name)
	}
	if err != nil {
		return fresh, err
	}
	if _, err := t.dir.Lstat(ref.Name + "/" + ref.Version); err == nil {
		return fresh, fmt.Errorf("%w: %s is there, and no version of this store", store.ErrConflict, t.s.info(ref).Dir)
	}
	return fresh, nil
}

// intentOf is the note that a version is to become current, written before the
// version is there: cleaning can then do what a process could not.
func intentOf(name, id string) string { return name + "/" + currentTag + "." + id }

func noteIntent(root *os.Root, ref store.Ref, id string) error {
	return writeNew(root, intentOf(ref.Name, id), []byte(ref.Version+"\n"))
}

// fulfil makes a note the truth.
func fulfil(root *os.Root, name, id string) error {
	if err := root.Rename(intentOf(name, id), name+"/"+currentTag); err != nil {
		return err
	}
	return syncDirs(root, name)
}
