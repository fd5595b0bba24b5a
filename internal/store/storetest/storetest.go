// Package storetest is what every backend of package store must pass. Call
// [Run] from a test of the backend; [Sound] and [Source] help its own tests.
package storetest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/store"
)

// Backend is what the suite has to know of a backend.
type Backend struct {
	// New makes an empty store that lives as long as the test.
	New func(t *testing.T) store.Store

	// Another opens the same store as another process would: nothing in
	// memory is shared.
	Another func(t *testing.T, s store.Store) store.Store

	// Die ends a transaction as the death of its process would: what is
	// locked becomes free, and nothing is removed.
	Die func(t *testing.T, tx store.Tx)

	// Points names the steps of Commit it can be stopped at, in order.
	// CrashAt opens the same store so that Commit stops dead at a point: it
	// returns an error that wraps [ErrCrash], all is left as it is, and what
	// is locked becomes free. Published tells the points from which on the
	// version is there after the next Begin.
	Points    []string
	CrashAt   func(t *testing.T, s store.Store, point string) store.Store
	Published func(point string) bool

	// Small makes an empty store with fewer than free bytes of space. If it
	// is nil, the test of a full store is skipped.
	Small func(t *testing.T, free int64) store.Store
}

// ErrCrash is what a Commit returns that was stopped.
var ErrCrash = errors.New("stopped by the test")

// Run runs the suite.
func Run(t *testing.T, b Backend) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Backend)
	}{
		{"Empty", testEmpty},
		{"RoundTrip", testRoundTrip},
		{"Again", testAgain},
		{"Names", testNames},
		{"Conflicts", testConflicts},
		{"Current", testCurrent},
		{"Remove", testRemove},
		{"Abort", testAbort},
		{"Commit refuses", testCommitRefuses},
		{"Dead and alive", testDeadAndAlive},
		{"At once", testAtOnce},
		{"Crash", testCrash},
		{"Full", testFull},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, b) })
	}
}

// Files is a source: contents by path.
type Files map[string]string

// mtime is the time of modification of all sources.
var mtime = time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)

// Source makes a folder of files and opens it as a source.
func Source(t *testing.T, files Files) store.Origin {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		must(t, os.MkdirAll(filepath.Dir(p), 0o777))
		must(t, os.WriteFile(p, []byte(content), 0o600))
		must(t, os.Chtimes(p, mtime, mtime))
	}
	root, err := os.OpenRoot(dir)
	must(t, err)
	t.Cleanup(func() { root.Close() })
	entries, err := store.Walk(root, ".", nil)
	must(t, err)
	return store.Origin{Root: root, Entries: entries}
}

// Manifest is what is known of a source before it is copied.
func Manifest() *store.Manifest {
	return &store.Manifest{Tool: "storetest", Source: store.Source{Kind: store.FromPath, Path: "test"}, Completeness: store.Complete}
}

// Put stores files and fails the test if that fails.
func Put(t *testing.T, s store.Store, ref store.Ref, files Files) store.Published {
	t.Helper()
	p, err := put(t, s, ref, files)
	must(t, err)
	return p
}

func put(t *testing.T, s store.Store, ref store.Ref, files Files) (store.Published, error) {
	t.Helper()
	return store.Put(t.Context(), s, ref, Source(t, files), Manifest(), progress.Discard)
}

// Sound lists the versions, and fails the test unless each is whole and right
// to the last bit, and consists of plain files.
func Sound(t *testing.T, s store.Store) []store.Info {
	t.Helper()
	var all []store.Info
	for info, err := range s.List(t.Context()) {
		if err != nil {
			t.Fatalf("list: %v: %v", info.Ref, err)
		}
		all = append(all, info)
		a, err := s.Open(t.Context(), info.Ref)
		if err != nil {
			t.Fatalf("open %v: %v", info.Ref, err)
		}
		found, err := store.Check(t.Context(), a, nil, progress.Discard)
		must(t, err)
		if len(found) > 0 {
			t.Fatalf("%v is damaged: %+v", info.Ref, found)
		}
		must(t, fs.WalkDir(a.FS(), ".", func(p string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && !d.Type().IsRegular() {
				t.Errorf("%v: %q is no plain file: %v", info.Ref, p, d.Type())
			}
			return err
		}))
		must(t, a.Close())
	}
	return all
}

// refs lists the versions by name, after proving them.
func refs(t *testing.T, s store.Store) []string {
	t.Helper()
	list := []string{}
	for _, i := range Sound(t, s) {
		list = append(list, i.Ref.String())
	}
	return list
}

func wantRefs(t *testing.T, s store.Store, want ...string) {
	t.Helper()
	if got := refs(t, s); !slices.Equal(got, want) {
		t.Errorf("the store holds %q, want %q", got, want)
	}
}

func wantCurrent(t *testing.T, s store.Store, ref store.Ref) {
	t.Helper()
	got, err := s.Current(t.Context(), ref.Name)
	if err != nil || got != ref {
		t.Errorf("current is %v (%v), want %v", got, err, ref)
	}
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
