package zfsstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"github.com/akadata/bitnet-tool/internal/store"
)

// Use makes a version the current one. That takes no more than
// "zfs allow USER userprop DATASET".
func (s *Store) Use(ctx context.Context, ref store.Ref) (changed bool, err error) {
	if err := checkVersion(ref); err != nil {
		return false, err
	}
	c, unlock, err := s.change(ctx)
	if err != nil {
		return false, err
	}
	defer unlock()
	if _, ok := c.has(ref); !ok {
		return false, s.notFound(ref)
	}
	changed = c.current(ref.Name) != ref.Version
	if c.names[ref.Name].own(propCurrent) != ref.Version {
		if err := s.setCurrent(ctx, ref); err != nil {
			return false, err
		}
	}
	// This choice is newer than that of a publication that was cut short,
	// which root would have finished by now.
	for _, v := range slices.Concat(c.hidden, c.versions) {
		if _, ok := v.unfinished(); ok && v.ref.Name == ref.Name {
			if err := s.settle(ctx, v.ref); err != nil {
				return false, err
			}
		}
	}
	return changed, nil
}

// Remove destroys a version. It is gone from the store by one renaming, so
// that it is never there in part.
func (s *Store) Remove(ctx context.Context, ref store.Ref) error {
	if err := checkVersion(ref); err != nil {
		return err
	}
	if err := s.mustWrite(); err != nil {
		return err
	}
	c, unlock, err := s.change(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	v, ok := c.has(ref)
	if !ok {
		return s.notFound(ref)
	}
	if c.current(ref.Name) == ref.Version && len(c.of(ref.Name)) > 1 {
		return fmt.Errorf("%w: %s is the current version; make another one current first with: bitnet-tool use %s@VERSION", store.ErrProtected, ref, ref.Name)
	}
	o, err := s.mayDiscard(ctx, v)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishTime)
	defer cancel()
	if err := s.ensureIncoming(ctx, c); err != nil {
		return err
	}
	if err := s.retire(ctx, v, o.mounted); err != nil {
		return err
	}
	trash := s.newStaging()
	if err := s.rename(ctx, v.name, trash); err != nil {
		_, mountErr := mount(ctx, v.name)
		return errors.Join(err, mountErr)
	}
	return s.dispose(ctx, trash)
}

// mayDiscard makes sure that a version is ours to destroy.
func (s *Store) mayDiscard(ctx context.Context, v version) (o owned, err error) {
	if o, err = s.ownership(ctx, v.name); err == nil && !o.held {
		err = fmt.Errorf("%w: %s has no snapshot @%s with the hold %q, so it may not be one that bitnet-tool made", store.ErrProtected, v.name, tag, tag)
	}
	return o, err
}

// retire takes from a version the mark that would have it published again, and
// unmounts it, so that it can go.
func (s *Store) retire(ctx context.Context, v version, mounted bool) error {
	if _, ok := v.unfinished(); ok {
		if err := s.settle(ctx, v.ref); err != nil {
			return err
		}
	}
	if !mounted {
		return nil
	}
	return untilFree(ctx, s.busyWait, func() error { return unmount(ctx, v.name) })
}

// checkVersion refuses references that do not name a version.
func checkVersion(ref store.Ref) error {
	if err := ref.Check(); err != nil {
		return err
	}
	if ref.Version == "" {
		return fmt.Errorf("%w: say which version, as %s@VERSION", store.ErrName, ref.Name)
	}
	return nil
}

// ensureIncoming makes the dataset that holds the staging areas.
func (s *Store) ensureIncoming(ctx context.Context, c *contents) error {
	if c.incoming {
		return nil
	}
	return createOnce(ctx, s.dataset+"/"+incoming, map[string]string{"canmount": "off"})
}

// newStaging names a staging area that is not there yet.
func (s *Store) newStaging() string {
	var id [8]byte
	rand.Read(id[:]) // never fails
	return fmt.Sprintf("%s/%s/%x", s.dataset, incoming, id)
}
