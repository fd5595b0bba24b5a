package dirstore

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/akadata/bitnet-tool/internal/store"
)

// Use makes a version the current one.
func (s *Store) Use(ctx context.Context, ref store.Ref) (changed bool, err error) {
	if err := needVersion(ref); err != nil {
		return false, err
	}
	root, err := s.look()
	if err != nil {
		return false, err
	}
	defer root.Close()
	err = s.change(ctx, root, func() error {
		a, err := s.open(root, ref)
		if err != nil {
			return err
		}
		defer a.Close() //nolint:errcheck // a folder that was read
		if v, ok := readVersion(root, ref.Name+"/"+currentTag); ok && v == ref.Version {
			return nil
		}
		changed = !a.Info().Current
		id := newID()
		if err := noteIntent(root, ref, id); err != nil {
			return err
		}
		return fulfil(root, ref.Name, id)
	})
	return changed, noSpace(err)
}

// Remove takes a version away at once, by a rename, and then removes its files.
func (s *Store) Remove(ctx context.Context, ref store.Ref) error {
	if err := needVersion(ref); err != nil {
		return err
	}
	root, err := s.look()
	if err != nil {
		return err
	}
	defer root.Close()
	return s.change(ctx, root, func() error {
		if !isVersion(root, ref) {
			return s.notFound(root, ref)
		}
		others := len(versionsOf(root, ref.Name)) - 1
		if others > 0 && current(root, ref.Name) == ref.Version {
			return fmt.Errorf("%w: %s is the current version; choose another one first with: bitnet-tool use %s@VERSION", store.ErrProtected, ref, ref.Name)
		}
		id := newID()
		if err := root.Rename(ref.Name+"/"+ref.Version, staging(id)); err != nil {
			return err
		}
		if err := syncDirs(root, ref.Name, incoming); err != nil {
			return err
		}
		if others == 0 {
			if err := removeName(root, ref.Name); err != nil {
				return err
			}
		}
		return root.RemoveAll(staging(id))
	})
}

// needVersion checks a reference that must say which version.
func needVersion(ref store.Ref) error {
	if err := ref.Check(); err != nil {
		return err
	}
	if ref.Version == "" {
		return fmt.Errorf("%w: say which version of %s, as %s@VERSION", store.ErrName, ref.Name, ref.Name)
	}
	return nil
}

// noSpace makes the errors of a full disk [store.ErrSpace].
func noSpace(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", store.ErrSpace, err)
	}
	return err
}
