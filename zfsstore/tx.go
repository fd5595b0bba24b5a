package zfsstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/akadata/bitnet-tool/internal/store"
)

// tx is a version being made in a staging area.
type tx struct {
	store   *Store
	ref     store.Ref
	staging string // its dataset
	root    *os.Root
	claim   *store.Lock

	ended bool // committed, aborted, or stopped in a test
}

// Root is the folder to write into.
func (t *tx) Root() *os.Root { return t.root }

// publishTime bounds the steps from the first snapshot on, which are not
// interrupted. Each waits for the pool to write, a fraction of a second where
// there is little else to do.
const publishTime = 10 * time.Minute

// Commit publishes the version.
func (t *tx) Commit(ctx context.Context, m *store.Manifest) (p store.Published, err error) {
	if t.ended {
		return p, errors.New("the transaction has ended")
	}
	defer func() { // whatever was not published goes
		if abortErr := t.Abort(); err != nil {
			err = errors.Join(err, abortErr)
		}
	}()
	if err := m.Complete(t.ref, time.Now()); err != nil {
		return p, err
	}
	if err := t.store.checkRef(m.Ref()); err != nil {
		return p, err
	}
	// Before the lock, so that nobody waits for this process's disk.
	if err := t.steps(step{"seal", func() error { return store.Seal(t.root, m) }}); err != nil {
		return p, err
	}
	c, unlock, err := t.store.change(ctx)
	if err != nil {
		return p, err
	}
	defer unlock()
	existing, err := c.admit(m)
	if err == nil {
		err = c.mayHold(m.Name)
	}
	if err != nil {
		return p, err
	}
	if existing != nil {
		return store.Published{Info: *existing}, nil
	}
	if err := ctx.Err(); err != nil {
		return p, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishTime)
	defer cancel()
	if err := t.complete(ctx, m, intent{ref: m.Ref()}); err != nil {
		return p, err
	}
	info, err := t.publish(ctx, c, m.Ref())
	info.Manifest, info.Digest = m, m.Digest
	return store.Published{Info: info, Changed: true}, err
}

// admit asks whether the version may be published beside the others. If it is
// there already, that is described.
func (c *contents) admit(m *store.Manifest) (existing *store.Info, err error) {
	rows := c.inspect()
	same, err := store.Admit(func(yield func(store.Info, error) bool) {
		for _, row := range rows {
			if !yield(row.Info, row.Err) {
				return
			}
		}
	}, m)
	if err != nil || !same {
		return nil, err
	}
	v, _ := c.has(m.Ref())
	info := c.row(v).Info
	return &info, nil
}

// complete makes the sealed staging area what is to be published: unmounted,
// read-only, with a held snapshot. After its last step the next Begin would
// fulfil the intent. Each step but the first is in the pool when its command
// returns.
func (t *tx) complete(ctx context.Context, m *store.Manifest, i intent) error {
	s, snapshot := t.store, t.staging+"@"+tag
	return t.steps(
		step{"unmount", func() error {
			if err := store.UnclaimStaging(t.root); err != nil {
				return err
			}
			t.close()
			return untilFree(ctx, s.busyWait, func() error { return unmount(ctx, t.staging) })
		}},
		step{"snapshot", func() error {
			return s.zfs(ctx, "snapshot", "-o", propDigest+"="+string(m.Digest), snapshot)
		}},
		step{"hold", func() error { return s.zfs(ctx, "hold", tag, snapshot) }},
		step{"complete", func() error {
			return s.zfs(ctx, "set", "readonly=on", "canmount=on", propState+"="+stateComplete, propPublish+"="+i.String(), t.staging)
		}},
	)
}

// publish makes a complete staging area a version.
func (t *tx) publish(ctx context.Context, c *contents, ref store.Ref) (store.Info, error) {
	s, target := t.store, t.store.versionDataset(ref)
	info := store.Info{Ref: ref, Snapshot: target + "@" + tag}
	err := t.steps(
		step{"name", func() error {
			if _, there := c.names[ref.Name]; there {
				return nil
			}
			return createOnce(ctx, s.nameDataset(ref.Name), ofName(ref))
		}},
		step{"rename", func() error { return s.rename(ctx, t.staging, target) }},
	)
	if err != nil {
		return info, err
	}
	t.ended = true
	err = t.steps(
		step{"mount", func() (err error) { info.Dir, err = mount(ctx, target); return err }},
		step{"current", func() error { return s.setCurrent(ctx, ref) }},
		step{"settle", func() error { return s.settle(ctx, ref) }},
	)
	if err != nil {
		return info, fmt.Errorf("%s is stored, but the next command has to finish that: %w", ref, err)
	}
	info.Current = true
	return info, nil
}

// step is one change of the pool, or one that must come before the next.
type step struct {
	name string
	do   func() error
}

func (t *tx) steps(steps ...step) error {
	for _, st := range steps {
		if t.store.stop != nil {
			if err := t.store.stop(st.name); err != nil {
				t.close()
				t.ended = true
				return err
			}
		}
		if err := st.do(); err != nil {
			return err
		}
	}
	return nil
}

// Abort removes the staging area.
func (t *tx) Abort() error {
	t.close()
	if t.ended {
		return nil
	}
	t.ended = true
	ctx, cancel := context.WithTimeout(context.Background(), publishTime)
	defer cancel()
	err := t.store.dispose(ctx, t.staging)
	if errors.Is(err, store.ErrNotFound) {
		return nil // somebody cleaned
	}
	return err
}

// close gives up every open file of the staging area: with one it could not
// be unmounted.
func (t *tx) close() {
	if t.root != nil {
		t.root.Close()
	}
	t.claim.Free()
}
