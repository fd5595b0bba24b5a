package storetest

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/store"
)

var (
	v1 = store.Ref{Name: "model", Version: "v1"}
	v2 = store.Ref{Name: "model", Version: "v2"}
)

// small is a model with a folder in it, an empty file, and one of several
// blocks.
func small(seed string) Files {
	return Files{
		"config.json":       `{"seed":"` + seed + `"}`,
		"LICENSE":           "MIT",
		"sub/deep/part.bin": strings.Repeat(seed+"0123456789abcdef", 150_000),
		"empty":             "",
	}
}

func testEmpty(t *testing.T, b Backend) {
	s := b.New(t)
	wantRefs(t, s)
	_, err := s.Open(t.Context(), v1)
	wantError(t, "open", err, store.ErrNotFound)
	_, err = s.Current(t.Context(), "model")
	wantError(t, "current", err, store.ErrNotFound)
	_, err = s.Use(t.Context(), v1)
	wantError(t, "use", err, store.ErrNotFound)
	wantError(t, "remove", s.Remove(t.Context(), v1), store.ErrNotFound)
	must(t, s.Clean(t.Context()))
}

func testRoundTrip(t *testing.T, b Backend) {
	s, files := b.New(t), small("a")
	p := Put(t, s, v1, files)
	if !p.Changed || p.Ref != v1 || !p.Current || p.Digest == "" {
		t.Errorf("published %+v", p)
	}
	wantRefs(t, s, "model@v1")

	other := b.Another(t, s)
	a, err := other.Open(t.Context(), store.Ref{Name: "model"}) // the current one
	must(t, err)
	defer a.Close() //nolint:errcheck // a folder that was read
	m := a.Manifest()
	if m.Digest != p.Digest || m.Ref() != v1 || m.Schema != store.Schema || m.Tool != "storetest" || m.Time.IsZero() {
		t.Errorf("manifest %+v", m)
	}
	if m.Digest != store.DigestOf(m.Files) {
		t.Errorf("digest %s is not that of the files", m.Digest)
	}
	if a.Dir() != p.Dir || !filepath.IsAbs(a.Dir()) {
		t.Errorf("folder %q, published in %q", a.Dir(), p.Dir)
	}
	for name, content := range files {
		got, err := fs.ReadFile(a.FS(), name)
		must(t, err)
		if string(got) != content {
			t.Errorf("%s: %d bytes are not the %d that were stored", name, len(got), len(content))
		}
		info, err := os.Lstat(filepath.Join(a.Dir(), name))
		must(t, err)
		if info.Mode() != 0o644 || !info.ModTime().Equal(mtime) {
			t.Errorf("%s: mode %v, modified %v, want -rw-r--r-- and %v", name, info.Mode(), info.ModTime(), mtime)
		}
	}
	if info, err := os.Stat(filepath.Join(a.Dir(), "sub/deep")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("folder: %v, %v", info, err)
	}
	entries, err := os.ReadDir(filepath.Join(a.Dir(), store.MetaDir))
	must(t, err)
	if len(entries) != 1 || entries[0].Name() != "manifest.json" {
		t.Errorf("%s holds %v", store.MetaDir, entries)
	}
}

// testAgain stores the same once more, in all the ways that it can be found to
// be the same.
func testAgain(t *testing.T, b Backend) {
	s, files := b.New(t), small("a")
	first := Put(t, s, v1, files)
	for _, ref := range []store.Ref{v1, {Name: "model"}} {
		p := Put(t, b.Another(t, s), ref, files)
		if p.Changed || p.Ref != v1 || p.Digest != first.Digest || p.Dir != first.Dir {
			t.Errorf("%v again: %+v", ref, p)
		}
	}

	// Commit finds it out too, where two began at the same time.
	tx, err := s.Begin(t.Context(), v1, 1<<20)
	must(t, err)
	o := Source(t, files)
	m := Manifest()
	m.Files, err = store.Copy(t.Context(), tx.Root(), o, progress.Discard)
	must(t, err)
	p, err := tx.Commit(t.Context(), m)
	if err != nil || p.Changed || p.Dir != first.Dir {
		t.Errorf("commit again: %+v, %v", p, err)
	}
	must(t, tx.Abort()) // does nothing now

	// Without a version the content decides.
	c := Put(t, s, store.Ref{Name: "model"}, small("b"))
	if c.Ref.Version != c.Digest.Version() || !c.Changed {
		t.Errorf("without a version: %+v", c)
	}
	wantRefs(t, s, "model@v1", c.Ref.String())
}

func testNames(t *testing.T, b Backend) {
	s := b.New(t)
	for _, ref := range []store.Ref{
		{},
		{Name: ".."},
		{Name: "../x"},
		{Name: "a/b"},
		{Name: "-a"},
		{Name: "a b"},
		{Name: "a@b"},
		{Name: ".bitnet-tool"},
		{Name: "_incoming"},
		{Name: "a\n"},
		{Name: strings.Repeat("a", store.MaxName+1)},
		{Name: "a", Version: ".."},
		{Name: "a", Version: "x/y"},
		{Name: "a", Version: strings.Repeat("a", store.MaxVersion+1)},
	} {
		_, err := s.Begin(t.Context(), ref, 0)
		wantError(t, "begin", err, store.ErrName)
		_, err = s.Open(t.Context(), ref)
		wantError(t, "open", err, store.ErrName)
		_, err = s.Use(t.Context(), ref)
		wantError(t, "use", err, store.ErrName)
		wantError(t, "remove", s.Remove(t.Context(), ref), store.ErrName)
		_, err = s.Current(t.Context(), ref.Name)
		if ref.Version == "" {
			wantError(t, "current", err, store.ErrName)
		}
	}
	_, err := s.Use(t.Context(), store.Ref{Name: "model"})
	wantError(t, "use without version", err, store.ErrName)
	wantError(t, "remove without version", s.Remove(t.Context(), store.Ref{Name: "model"}), store.ErrName)
	wantRefs(t, s)
}

func testConflicts(t *testing.T, b Backend) {
	s := b.New(t)
	of := func(repo string) *store.Manifest {
		m := Manifest()
		m.Source = store.Source{Kind: store.FromHub, Repo: repo}
		return m
	}
	put := func(ref store.Ref, f Files, m *store.Manifest) error {
		_, err := store.Put(t.Context(), s, ref, Source(t, f), m, progress.Discard)
		return err
	}
	must(t, put(v1, small("a"), of("ns/model")))
	wantError(t, "other content", put(v1, small("b"), of("ns/model")), store.ErrConflict)
	wantError(t, "other repository", put(v2, small("b"), of("other/model")), store.ErrConflict)
	wantError(t, "differs in case", put(store.Ref{Name: "Model", Version: "v2"}, small("b"), of("ns/model")), store.ErrConflict)

	// The same found by Commit alone.
	tx, err := s.Begin(t.Context(), v1, 1<<20)
	must(t, err)
	m := of("ns/model")
	m.Files, err = store.Copy(t.Context(), tx.Root(), Source(t, small("b")), progress.Discard)
	must(t, err)
	_, err = tx.Commit(t.Context(), m)
	wantError(t, "other content in commit", err, store.ErrConflict)
	wantRefs(t, s, "model@v1")
}

func testCurrent(t *testing.T, b Backend) {
	s := b.New(t)
	Put(t, s, v1, small("a"))
	Put(t, s, v2, small("b"))
	wantCurrent(t, s, v2)
	changed, err := b.Another(t, s).Use(t.Context(), v1)
	if err != nil || !changed {
		t.Errorf("use: changed %v, %v", changed, err)
	}
	wantCurrent(t, s, v1)
	if changed, err = s.Use(t.Context(), v1); err != nil || changed {
		t.Errorf("use again: changed %v, %v", changed, err)
	}
	// What is stored again is not published, so the choice stays.
	if p := Put(t, s, v2, small("b")); p.Changed || p.Current {
		t.Errorf("stored again: %+v", p)
	}
	wantCurrent(t, s, v1)
	_, err = s.Use(t.Context(), store.Ref{Name: "model", Version: "v3"})
	wantError(t, "use", err, store.ErrNotFound)
	for _, i := range Sound(t, s) {
		if i.Current != (i.Ref == v1) {
			t.Errorf("%v: current is %v", i.Ref, i.Current)
		}
	}
}

func testRemove(t *testing.T, b Backend) {
	s := b.New(t)
	Put(t, s, v1, small("a"))
	Put(t, s, v2, small("b"))
	wantError(t, "remove the current", s.Remove(t.Context(), v2), store.ErrProtected)
	must(t, s.Remove(t.Context(), v1))
	wantRefs(t, s, "model@v2")
	wantError(t, "remove again", s.Remove(t.Context(), v1), store.ErrNotFound)
	must(t, s.Remove(t.Context(), v2)) // current, but the only one
	wantRefs(t, s)
	_, err := s.Current(t.Context(), "model")
	wantError(t, "current", err, store.ErrNotFound)
	// The name is free for another repository.
	m := Manifest()
	m.Source.Repo = "other/model"
	p, err := store.Put(t.Context(), s, v1, Source(t, small("c")), m, progress.Discard)
	if err != nil || !p.Changed {
		t.Errorf("stored after all was removed: %+v, %v", p, err)
	}
}
