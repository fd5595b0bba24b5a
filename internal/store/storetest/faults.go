package storetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/store"
)

// begin starts a version and copies files into it.
func begin(t *testing.T, s store.Store, ref store.Ref, f Files) (store.Tx, *store.Manifest) {
	t.Helper()
	o := Source(t, f)
	tx, err := s.Begin(t.Context(), ref, o.Size())
	must(t, err)
	m := Manifest()
	m.Files, err = store.Copy(t.Context(), tx.Root(), o, progress.Discard)
	must(t, err)
	return tx, m
}

func testAbort(t *testing.T, b Backend) {
	s := b.New(t)
	tx, _ := begin(t, s, v1, small("a"))
	dir := tx.Root().Name()
	wantRefs(t, s) // nothing is seen before it is published
	must(t, tx.Abort())
	must(t, tx.Abort())
	wantRefs(t, s)
	wantGone(t, dir)

	// A store that was interrupted leaves nothing either.
	ctx, cancel := context.WithCancel(t.Context())
	o := Source(t, small("a"))
	_, err := store.Put(ctx, s, v1, o, Manifest(), stopper{cancel})
	wantError(t, "interrupted", err, context.Canceled)
	wantRefs(t, b.Another(t, s))
}

// stopper cancels when the first bytes are copied.
type stopper struct{ cancel func() }

func (s stopper) Start(string, int64) progress.Task { return s }
func (s stopper) Add(int64)                         { s.cancel() }
func (s stopper) Done(error)                        {}

func wantGone(t *testing.T, path string) {
	t.Helper()
	if entries, err := os.ReadDir(path); err == nil && len(entries) > 0 {
		t.Errorf("%s is still there", path)
	}
}

// testCommitRefuses commits folders that are not what the manifest says.
func testCommitRefuses(t *testing.T, b Backend) {
	s := b.New(t)
	for name, spoil := range map[string]func(root *os.Root) error{
		"missing": func(r *os.Root) error { return r.Remove("LICENSE") },
		"extra":   func(r *os.Root) error { return r.WriteFile("more", nil, 0o644) },
		"size":    func(r *os.Root) error { return r.WriteFile("LICENSE", []byte("other"), 0o644) },
		"link":    func(r *os.Root) error { return errors.Join(r.Remove("LICENSE"), r.Symlink("abc", "LICENSE")) },
	} {
		tx, m := begin(t, s, v1, Files{"config.json": "{}", "LICENSE": "MIT"})
		must(t, spoil(tx.Root()))
		_, err := tx.Commit(t.Context(), m)
		wantError(t, name, err, store.ErrDamaged)
	}
	wantRefs(t, b.Another(t, s))
}

// testDeadAndAlive: the next Begin removes what dead processes left, and
// nothing else.
func testDeadAndAlive(t *testing.T, b Backend) {
	s := b.New(t)
	alive, m := begin(t, s, v1, small("a"))
	dead, _ := begin(t, b.Another(t, s), v2, small("b"))
	dir := dead.Root().Name()
	b.Die(t, dead)
	wantRefs(t, s)

	other := b.Another(t, s)
	third, err := other.Begin(t.Context(), v2, 0)
	must(t, err)
	wantGone(t, dir)
	must(t, third.Abort())
	p, err := alive.Commit(t.Context(), m)
	if err != nil || !p.Changed {
		t.Fatalf("commit of the one alive: %+v, %v", p, err)
	}
	wantRefs(t, other, "model@v1")
}

// testAtOnce: of several that store the same, one does it.
func testAtOnce(t *testing.T, b Backend) {
	const n = 8
	s := b.New(t)
	origins := make([]store.Origin, n)
	stores := make([]store.Store, n)
	for i := range n {
		origins[i], stores[i] = Source(t, small("a")), b.Another(t, s)
	}
	var changed atomic.Int32
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			p, err := store.Put(t.Context(), stores[i], v1, origins[i], Manifest(), progress.Discard)
			if err != nil {
				t.Errorf("store %d: %v", i, err)
			}
			if p.Changed {
				changed.Add(1)
			}
			if p.Ref != v1 || p.Dir == "" {
				t.Errorf("store %d: %+v", i, p)
			}
		})
	}
	wg.Wait()
	if changed.Load() != 1 {
		t.Errorf("%d of %d changed the store, want 1", changed.Load(), n)
	}
	wantRefs(t, s, "model@v1")
	wantCurrent(t, s, v1)
}

// testCrash stops Commit at every point. After it the store must be sound, with
// the old version there and the new one there as a whole or not, and to store
// the same again must end the work.
func testCrash(t *testing.T, b Backend) {
	for _, point := range b.Points {
		t.Run(point, func(t *testing.T) {
			s := b.New(t)
			Put(t, s, v1, small("a"))
			_, err := put(t, b.CrashAt(t, s, point), v2, small("b"))
			wantError(t, "commit", err, ErrCrash)

			other := b.Another(t, s)
			if there := refs(t, other); !slices.Contains(there, "model@v1") {
				t.Fatalf("after the crash the store holds %q", there)
			}
			if p := Put(t, other, v2, small("b")); p.Changed == b.Published(point) || !p.Current {
				t.Errorf("stored again: changed is %v, current %v", p.Changed, p.Current)
			}
			wantRefs(t, other, "model@v1", "model@v2")
			wantCurrent(t, other, v2)
		})
	}
}

// testFull: a store that is too small says so before it writes, and one that
// gets full meanwhile is as it was.
func testFull(t *testing.T, b Backend) {
	if b.Small == nil {
		t.Skip("the backend gives no store that is nearly full")
	}
	const free = 8 << 20
	s := b.Small(t, free)
	big := Files{"big.bin": strings.Repeat("0123456789abcdef", free/8)}
	_, err := s.Begin(t.Context(), v1, 2*free)
	wantError(t, "begin", err, store.ErrSpace)
	_, err = put(t, s, v1, big)
	wantError(t, "put", err, store.ErrSpace)
	wantRefs(t, s)

	tx, err := s.Begin(t.Context(), v1, 1) // a lie: another process may fill the disk
	must(t, err)
	_, err = store.Copy(t.Context(), tx.Root(), incompressible(t, 2*free), progress.Discard)
	wantError(t, "copy", err, store.ErrSpace)
	must(t, tx.Abort())
	wantRefs(t, s)
	Put(t, s, v1, Files{"config.json": "{}"}) // the space is back
	wantRefs(t, s, "model@v1")
}

// incompressible is a source that no file system makes smaller.
func incompressible(t *testing.T, size int) store.Origin {
	t.Helper()
	data, x := make([]byte, size), uint64(1)
	for i := range data { // xorshift64, Marsaglia 2003
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		data[i] = byte(x)
	}
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "random.bin"), data, 0o644))
	root, err := os.OpenRoot(dir)
	must(t, err)
	t.Cleanup(func() { root.Close() })
	entries, err := store.Walk(root, ".", nil)
	must(t, err)
	return store.Origin{Root: root, Entries: entries}
}
