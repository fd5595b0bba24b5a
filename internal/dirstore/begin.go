package dirstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/akadata/bitnet-tool/internal/atomicfile"
	"github.com/akadata/bitnet-tool/internal/store"
)

// tx is a version being made below incoming.
type tx struct {
	s     *Store
	ref   store.Ref
	id    string
	dir   *os.Root // of the store
	root  *os.Root // of the staging folder
	claim *store.Lock
	ended bool
}

// Begin makes a staging folder.
func (s *Store) Begin(ctx context.Context, ref store.Ref, size int64) (store.Tx, error) {
	if err := ref.Check(); err != nil {
		return nil, err
	}
	dir, err := s.make()
	if err != nil {
		return nil, err
	}
	t := &tx{s: s, ref: ref, id: newID(), dir: dir}
	err = s.change(ctx, dir, func() error {
		if err := checkSpace(s.dir, size); err != nil {
			return err
		}
		for _, name := range []string{".", ref.Name} {
			if err := sameDevice(dir, incoming, name); err != nil {
				return err
			}
		}
		return t.claimNew()
	})
	if err != nil {
		return nil, errors.Join(err, t.end())
	}
	return t, nil
}

// newID names a staging folder.
func newID() string { return strings.ToLower(rand.Text()[:16]) }

func staging(id string) string { return incoming + "/" + id }

func (t *tx) claimNew() (err error) {
	if err := t.dir.Mkdir(staging(t.id), 0o755); err != nil {
		return unavailable(err)
	}
	if t.root, err = t.dir.OpenRoot(staging(t.id)); err != nil {
		return err
	}
	t.claim, err = store.ClaimStaging(t.root)
	return err
}

// Root is the staging folder.
func (t *tx) Root() *os.Root { return t.root }

// Abort removes the staging folder.
func (t *tx) Abort() error {
	if t.ended {
		return nil
	}
	return errors.Join(t.dir.RemoveAll(staging(t.id)), t.end())
}

// end closes what is open, which frees the claim. It does nothing the second
// time.
func (t *tx) end() error {
	if t.ended {
		return nil
	}
	t.ended = true
	t.claim.Free()
	var err error
	if t.root != nil {
		err = t.root.Close()
	}
	return errors.Join(err, t.dir.Close())
}

// checkSpace refuses to begin what cannot end.
func checkSpace(dir string, size int64) error {
	free, known := atomicfile.FreeSpace(dir)
	if known && size > free {
		return fmt.Errorf("%w: %s: %d bytes are needed and %d are free", store.ErrSpace, dir, size, free)
	}
	return nil
}

// sameDevice tells whether a rename from one folder to the other can work; to
// need not be there.
func sameDevice(dir *os.Root, from, to string) error {
	a, err := dir.Stat(from)
	if err != nil {
		return err
	}
	b, err := dir.Stat(to)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if deviceOf(a) != deviceOf(b) {
		return fmt.Errorf("%w: %s and %s in %s are on different file systems, so nothing can be published at once; unmount one of them",
			store.ErrUnavailable, from, to, dir.Name())
	}
	return nil
}
