package zfsstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/akadata/bitnet-tool/internal/store"
)

// Begin opens a staging area: a dataset of its own below _incoming.
func (s *Store) Begin(ctx context.Context, ref store.Ref, size int64) (store.Tx, error) {
	if err := s.checkRef(ref); err != nil {
		return nil, err
	}
	if err := s.mustWrite(); err != nil {
		return nil, err
	}
	c, unlock, err := s.change(ctx)
	if errors.Is(err, store.ErrNotFound) {
		if err = s.createDataset(ctx); err == nil {
			c, unlock, err = s.change(ctx)
		}
	}
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := c.mayHold(ref.Name); err != nil {
		return nil, err
	}
	if err := c.usable(size); err != nil {
		return nil, err
	}
	return s.stage(ctx, c, ref)
}

// createDataset makes the store's dataset. An existing one is not changed,
// whoever made it.
func (s *Store) createDataset(ctx context.Context) error {
	if !strings.Contains(s.dataset, "/") {
		return fmt.Errorf("%w: there is no pool %s; zpool list shows those that are imported", store.ErrNotFound, s.dataset)
	}
	return createOnce(ctx, s.dataset, map[string]string{propStore: "1"})
}

// createOnce makes a dataset unless it is there.
func createOnce(ctx context.Context, name string, props map[string]string) error {
	err := createFilesystem(ctx, name, creationWith(props))
	if errors.Is(err, errExists) {
		return nil
	}
	return err
}

// change begins whatever changes the store: it takes the lock, has what dead
// processes left completed or removed, and reads the store.
func (s *Store) change(ctx context.Context) (c *contents, unlock func(), err error) {
	got, err := s.readProperties(ctx, s.dataset, 0, "filesystem", "guid")
	if err != nil {
		return nil, nil, err
	}
	if len(got) != 1 {
		return nil, nil, fmt.Errorf("%w: %s is no filesystem", store.ErrUnavailable, s.dataset)
	}
	l, err := s.lock(ctx, got[0].get("guid"))
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			l.Free()
		}
	}()
	if c, err = s.read(ctx); err != nil {
		return nil, nil, err
	}
	// A user who may do no more than "use" cannot clean, and what cannot be
	// cleaned is in nobody's way.
	if s.mustWrite() == nil {
		if changed, _ := s.recover(ctx, c); changed {
			c, err = s.read(ctx)
		}
	}
	return c, l.Free, err
}

// usable tells whether size more bytes can be stored. What quotas,
// reservations and the pool leave counts; that compression may need less does
// not.
func (c *contents) usable(size int64) error {
	name := c.root.name
	if m := c.root.get("mountpoint"); !strings.HasPrefix(m, "/") {
		return fmt.Errorf("%w: %s has mountpoint=%s: give it a path by sudo zfs set mountpoint=PATH %s", store.ErrUnavailable, name, m, name)
	}
	if p := c.root.props["readonly"]; p.value == "on" {
		return fmt.Errorf("%w: %s has readonly=on (source: %s)", store.ErrUnavailable, name, p.source)
	}
	free, err := strconv.ParseInt(c.root.get("available"), 10, 64)
	if err != nil {
		return fmt.Errorf("zfs get available: %w", err)
	}
	if free < size {
		return fmt.Errorf("%w: %d bytes are needed and %s has %d available (zfs list -o space %s shows why)", store.ErrSpace, size, name, free, name)
	}
	return nil
}

// stage makes a staging area, claims it and returns it. The store is locked.
func (s *Store) stage(ctx context.Context, c *contents, ref store.Ref) (_ store.Tx, err error) {
	if err := s.ensureIncoming(ctx, c); err != nil {
		return nil, err
	}
	t := &tx{store: s, ref: ref, staging: s.newStaging()}
	err = createFilesystem(ctx, t.staging, creationWith(map[string]string{"canmount": "noauto", propState: stateIncoming}))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.Abort())
		}
	}()
	dir, err := mount(ctx, t.staging)
	if err != nil {
		return nil, err
	}
	if t.root, err = os.OpenRoot(dir); err != nil {
		return nil, err
	}
	if t.claim, err = store.ClaimStaging(t.root); err != nil {
		return nil, err
	}
	return t, nil
}
