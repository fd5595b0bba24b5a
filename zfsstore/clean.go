package zfsstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/akadata/bitnet-tool/internal/store"
)

// Clean completes or removes what processes that died have left. What it must
// not remove, since it is somebody else's or somebody holds on to it, it names
// in an error.
func (s *Store) Clean(ctx context.Context) error {
	if err := s.mustWrite(); err != nil {
		return err
	}
	c, unlock, err := s.change(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return nil // there is no store
	}
	if err != nil {
		return err
	}
	defer unlock()
	_, err = s.recover(ctx, c) // again, for what was left as it could not be cleaned
	return err
}

// recover completes or removes what dead processes left, and reports whether
// the store may have changed. The store is locked.
func (s *Store) recover(ctx context.Context, c *contents) (changed bool, err error) {
	var errs []error
	halfway := false // a repair was, and could not be finished
	for _, d := range c.staging {
		if i, ok := d.complete(); ok {
			changed = true
			err := s.republish(ctx, d, i)
			halfway = halfway || i.repair && err != nil
			errs = append(errs, err)
		}
	}
	// Only now, since it may be the damaged version that one of those repairs.
	for _, d := range c.staging {
		if _, ok := d.complete(); !ok && !halfway {
			alive, err := s.recoverStaging(ctx, d)
			changed = changed || !alive
			errs = append(errs, err)
		}
	}
	for _, v := range slices.Concat(c.hidden, c.versions) {
		i, unfinished := v.unfinished()
		var err error
		switch {
		case unfinished:
			err = s.finish(ctx, i, v.mounted())
		case !v.mounted() && v.local(propState) != "":
			_, err = mount(ctx, v.name)
		default:
			continue
		}
		changed = true
		errs = append(errs, err)
	}
	return changed, errors.Join(errs...)
}

// recoverStaging removes a staging area whose creator died before it was
// complete, or that was being removed.
func (s *Store) recoverStaging(ctx context.Context, d dataset) (alive bool, err error) {
	if dir := d.dir(); dir != "" {
		if alive, err = stagingAlive(dir); alive || err != nil {
			return alive, err
		}
	}
	return false, s.dispose(ctx, d.name)
}

// republish does again what follows the completion of a staging area. If there
// is such a version, it was published, or its damaged one was not yet moved out
// of the way: then the repair has not happened.
func (s *Store) republish(ctx context.Context, d dataset, i intent) error {
	if d.mounted() {
		if err := unmount(ctx, d.name); err != nil {
			return err
		}
	}
	err := createOnce(ctx, s.nameDataset(i.ref.Name), ofName(i.ref))
	if err == nil {
		err = s.rename(ctx, d.name, s.versionDataset(i.ref))
	}
	switch {
	case errors.Is(err, errExists):
		return s.dispose(ctx, d.name)
	case err != nil:
		return err
	}
	return s.finish(ctx, i, false)
}

func stagingAlive(dir string) (bool, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return false, err
	}
	defer root.Close()
	return store.StagingAlive(root)
}

// finish does again what comes after the renaming of a version.
func (s *Store) finish(ctx context.Context, i intent, mounted bool) error {
	if !mounted {
		if _, err := mount(ctx, s.versionDataset(i.ref)); err != nil {
			return err
		}
	}
	if !i.repair {
		if err := s.setCurrent(ctx, i.ref); err != nil {
			return err
		}
	}
	return s.settle(ctx, i.ref)
}

// ofName are properties of the dataset of a name, which only holds versions. A
// current version makes it known as ours; that this one is not there yet does
// no harm, nor does a recorded one that was removed.
func ofName(first store.Ref) map[string]string {
	return map[string]string{"canmount": "off", propCurrent: first.Version}
}

// rename moves a dataset and leaves mounting as it is.
func (s *Store) rename(ctx context.Context, from, to string) error {
	return s.zfs(ctx, "rename", "-u", from, to)
}

func (s *Store) setCurrent(ctx context.Context, ref store.Ref) error {
	return setProperty(ctx, s.nameDataset(ref.Name), propCurrent, ref.Version)
}

// settle records that a version's publication is finished.
func (s *Store) settle(ctx context.Context, ref store.Ref) error {
	return s.zfs(ctx, "inherit", propPublish, s.versionDataset(ref))
}

// dispose destroys a dataset of ours in _incoming, with our snapshot.
func (s *Store) dispose(ctx context.Context, name string) error {
	if parts, ok := s.within(name); !ok || len(parts) != 2 || parts[0] != incoming {
		return fmt.Errorf("%w: %s is not a staging area", store.ErrProtected, name)
	}
	o, err := s.ownership(ctx, name)
	if err != nil {
		return err
	}
	if o.mounted {
		if err := untilFree(ctx, s.busyWait, func() error { return unmount(ctx, name) }); err != nil {
			return err
		}
	}
	if o.held {
		if err := s.zfs(ctx, "release", tag, name+"@"+tag); err != nil {
			return err
		}
	}
	if o.snapshot {
		if err := destroy(ctx, name+"@"+tag); err != nil {
			return err
		}
	}
	return destroy(ctx, name)
}

// owned is what there is of ours in a dataset that holds nothing else.
type owned struct{ mounted, snapshot, held bool }

// ownership makes sure that a dataset was made here and that nobody else has
// anything in it or hangs on to it: a snapshot, bookmark, child, clone or hold.
// Otherwise the answer is [store.ErrProtected], naming that.
func (s *Store) ownership(ctx context.Context, name string) (o owned, err error) {
	all, err := s.readProperties(ctx, name, 1, "all", "mounted", "clones", "userrefs", propState)
	if err != nil {
		return o, err
	}
	snapshot := name + "@" + tag
	for _, d := range all {
		switch d.name {
		case name:
			o.mounted = d.mounted()
			if d.local(propState) == "" {
				return o, fmt.Errorf("%w: %s was not made by bitnet-tool on this machine", store.ErrProtected, name)
			}
		case snapshot:
			o.snapshot = true
			if clones := d.get("clones"); clones != "" && clones != "-" {
				return o, fmt.Errorf("%w: %s has the clone %s", store.ErrProtected, snapshot, clones)
			}
			if o.held, err = s.heldByUs(ctx, snapshot, d.get("userrefs")); err != nil {
				return o, err
			}
		default:
			return o, fmt.Errorf("%w: %s is there as well", store.ErrProtected, d.name)
		}
	}
	return o, nil
}

// heldByUs tells whether our hold is on a snapshot; another one is
// [store.ErrProtected].
func (s *Store) heldByUs(ctx context.Context, snapshot, userrefs string) (held bool, err error) {
	if userrefs == "0" {
		return false, nil
	}
	out, err := run(ctx, s.commands.zfs, "holds", "-H", snapshot)
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(out) { // snapshot, tag, time
		f := strings.Split(line, "\t")
		switch {
		case len(f) < 2:
			return false, fmt.Errorf("zfs holds: cannot read the line %.200q", line)
		case f[1] != tag:
			return false, fmt.Errorf("%w: %s is held by %q (zfs release %s %s)", store.ErrProtected, snapshot, f[1], f[1], snapshot)
		}
		held = true
	}
	return held, nil
}
