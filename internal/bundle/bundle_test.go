package bundle

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	goruntime "runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/akadata/bitnet-tool/internal/dirstore"
	"github.com/akadata/bitnet-tool/internal/hubtest"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/store"
)

var ref = store.Ref{Name: "model", Version: "v1"}

// noise is n bytes that nothing compresses.
func noise(seed uint64, n int64) []byte {
	b := make([]byte, n)
	if _, err := hubtest.Random(seed, n).ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		panic(err)
	}
	return b
}

// contents are those of the model that most tests use.
func contents() map[string][]byte {
	return map[string][]byte{
		"config.json": []byte("{}\n"), "empty": nil, "sub/deep/a.bin": noise(1, 3<<20+5), "w.bin": noise(2, 2<<20),
		"trits.bin": masked(noise(3, 100_000)), "zeros.bin": make([]byte, 1<<20),
	}
}

// masked leaves some bits of each byte, as unevenly spread as those of weights.
func masked(b []byte) []byte {
	for i := range b {
		b[i] &= b[i]<<1 | 0x11
	}
	return b
}

func newStore(t *testing.T) *dirstore.Store {
	t.Helper()
	s, err := dirstore.Open(filepath.Join(t.TempDir(), "st"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// put makes a version.
func put(t *testing.T, s store.Store, ref store.Ref, files map[string][]byte) store.Artifact {
	t.Helper()
	tx, err := s.Begin(t.Context(), ref, 0)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		if err := errors.Join(tx.Root().MkdirAll(path.Dir(name), 0o755), tx.Root().WriteFile(name, data, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	m := &store.Manifest{
		Tool: "test", Time: time.Date(2026, 1, 2, 3, 4, 5, 678_000, time.UTC),
		Source: store.Source{Kind: store.FromHub, Repo: "ns/model"},
	}
	if m.Files, err = store.Describe(t.Context(), tx.Root(), progress.Discard); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Commit(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	return open(t, s, ref)
}

func open(t *testing.T, s store.Store, ref store.Ref) store.Artifact {
	t.Helper()
	a, err := s.Open(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// packed is the bundle of a version.
func packed(t *testing.T, a store.Artifact) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(t.Context(), &b, a, progress.Discard); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unpack imports a bundle.
func unpack(ctx context.Context, s store.Store, r io.Reader, as store.Ref) (store.Published, error) {
	b, err := NewReader(ctx, r)
	if err != nil {
		return store.Published{}, err
	}
	defer b.Close()
	if as.Name == "" {
		as = b.Manifest().Ref()
	}
	return Import(ctx, s, b, as, progress.Discard)
}

// nothing makes sure that a store has no version, and no leftovers.
func nothing(t *testing.T, s *dirstore.Store) {
	t.Helper()
	for info, err := range s.List(t.Context()) {
		t.Errorf("in the store: %v, %v", info.Ref, err)
	}
	left, err := os.ReadDir(filepath.Join(s.Dir(), store.MetaDir, "incoming"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestThereAndBack(t *testing.T) {
	first := put(t, newStore(t), ref, contents())
	b := packed(t, first)
	s := newStore(t)
	p, err := unpack(t.Context(), s, bytes.NewReader(b), store.Ref{})
	if err != nil || !p.Changed || !p.Current || p.Ref != ref {
		t.Fatalf("%+v, %v", p, err)
	}
	second := open(t, s, ref)
	if diff := cmp.Diff(first.Manifest(), second.Manifest()); diff != "" {
		t.Error(diff)
	}
	found, err := store.Check(t.Context(), second, nil, progress.Discard)
	if err != nil || len(found) > 0 {
		t.Errorf("fsck: %v, %v", found, err)
	}
	if again := packed(t, second); !bytes.Equal(b, again) {
		t.Error("the bundle of the copy is another")
	}

	p, err = unpack(t.Context(), s, bytes.NewReader(b), store.Ref{})
	if err != nil || p.Changed || p.Digest != first.Manifest().Digest {
		t.Errorf("again: %+v, %v", p, err)
	}
	b[len(b)/2] ^= 1
	if _, err := unpack(t.Context(), s, bytes.NewReader(b), store.Ref{}); !errors.Is(err, ErrFormat) {
		t.Errorf("damaged, of a version that is there: %v", err)
	}
}

func TestNames(t *testing.T) {
	b := packed(t, put(t, newStore(t), ref, contents()))
	s := newStore(t)
	for _, tt := range []struct {
		as, want store.Ref
		err      error
	}{
		{store.Ref{Name: "other"}, store.Ref{Name: "other", Version: "v1"}, nil},
		{store.Ref{Name: "other", Version: "x"}, store.Ref{Name: "other", Version: "x"}, nil},
		{store.Ref{Name: "Other"}, store.Ref{}, store.ErrConflict},
		{store.Ref{Name: "-"}, store.Ref{}, store.ErrName},
	} {
		p, err := unpack(t.Context(), s, bytes.NewReader(b), tt.as)
		if !errors.Is(err, tt.err) || err == nil && p.Ref != tt.want {
			t.Errorf("%v: %v, %v", tt.as, p.Ref, err)
		}
	}
	put(t, s, ref, map[string][]byte{"x": nil})
	if _, err := unpack(t.Context(), s, bytes.NewReader(b), store.Ref{}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("other content under the version: %v", err)
	}
}

// TestSameBytes pins the format: a bundle of today is one of tomorrow, on
// every machine.
func TestSameBytes(t *testing.T) {
	a := put(t, newStore(t), ref, contents())
	defer goruntime.GOMAXPROCS(goruntime.GOMAXPROCS(0))
	for _, threads := range []int{1, 2, 7} {
		goruntime.GOMAXPROCS(threads)
		sum := sha256.Sum256(packed(t, a))
		const want = "eaf04fbf77921d7b679dac9142307755f8141ef75ef495e8760f8787ac14bf6b"
		if got := hex.EncodeToString(sum[:]); got != want {
			t.Errorf("%d threads: %s", threads, got)
		}
	}
}

// TestSpaceFirst: the store is asked for room for all, before anything of it
// is written.
func TestSpaceFirst(t *testing.T) {
	a := put(t, newStore(t), ref, contents())
	s := newStore(t)
	full := &fullStore{Store: s}
	if _, err := unpack(t.Context(), full, bytes.NewReader(packed(t, a)), store.Ref{}); !errors.Is(err, store.ErrSpace) || full.asked != a.Manifest().Size() {
		t.Errorf("asked for %d bytes: %v", full.asked, err)
	}
	nothing(t, s)
}

// fullStore has no room.
type fullStore struct {
	store.Store
	asked int64
}

func (s *fullStore) Begin(_ context.Context, _ store.Ref, size int64) (store.Tx, error) {
	s.asked = size
	return nil, store.ErrSpace
}

func TestWriteFile(t *testing.T) {
	a := put(t, newStore(t), ref, contents())
	name := filepath.Join(t.TempDir(), "m.bundle")
	size, err := WriteFile(t.Context(), name, a, progress.Discard)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(name)
	if err != nil || int64(len(b)) != size || !bytes.Equal(b, packed(t, a)) {
		t.Errorf("%d bytes, %d announced, %v", len(b), size, err)
	}
	if _, err := WriteFile(t.Context(), name, a, progress.Discard); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
}

// TestExportDamaged exports versions that are not what their manifest says.
func TestExportDamaged(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"one bit": func(dir string) error {
			b := noise(2, 2<<20)
			b[1<<20] ^= 4
			return os.WriteFile(filepath.Join(dir, "w.bin"), b, 0o644)
		},
		"cut":     func(dir string) error { return os.Truncate(filepath.Join(dir, "w.bin"), 1<<20) },
		"longer":  func(dir string) error { return os.Truncate(filepath.Join(dir, "w.bin"), 3<<20) },
		"missing": func(dir string) error { return os.Remove(filepath.Join(dir, "w.bin")) },
		"link": func(dir string) error {
			return errors.Join(os.Rename(filepath.Join(dir, "w.bin"), filepath.Join(dir, "x")), os.Symlink("x", filepath.Join(dir, "w.bin")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := put(t, newStore(t), ref, contents())
			if err := spoil(a.Dir()); err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			_, err := WriteFile(t.Context(), filepath.Join(dir, "m"), a, progress.Discard)
			if !errors.Is(err, store.ErrDamaged) || !bytes.Contains([]byte(fmt.Sprint(err)), []byte(`"w.bin"`)) {
				t.Errorf("file: %v", err)
			}
			if _, _, err := WriteParts(t.Context(), filepath.Join(dir, "m"), MinPart, a, progress.Discard); !errors.Is(err, store.ErrDamaged) {
				t.Errorf("parts: %v", err)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			var b bytes.Buffer
			if err := Write(t.Context(), &b, a, progress.Discard); !errors.Is(err, store.ErrDamaged) {
				t.Errorf("stream: %v", err)
			}
			s := newStore(t)
			if _, err := unpack(t.Context(), s, &b, store.Ref{}); !errors.Is(err, ErrFormat) {
				t.Errorf("import of what came: %v", err)
			}
			nothing(t, s)
		})
	}
}

// TestRemovedMeanwhile removes a version while it is exported: the export ends
// with an error, or with all of it.
func TestRemovedMeanwhile(t *testing.T) {
	s := newStore(t)
	a := put(t, s, ref, contents())
	want := packed(t, a)
	var b bytes.Buffer
	removed := false
	w := writerFunc(func(p []byte) (int, error) {
		if !removed {
			removed = true
			if err := s.Remove(t.Context(), ref); err != nil {
				t.Error(err)
			}
		}
		return b.Write(p)
	})
	err := Write(t.Context(), w, a, progress.Discard)
	if !removed || err == nil && !bytes.Equal(b.Bytes(), want) || err != nil && !errors.Is(err, store.ErrDamaged) {
		t.Errorf("%d bytes, %v", b.Len(), err)
	}
	nothing(t, s)
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestWriterFails ends exports and imports from outside.
func TestWriterFails(t *testing.T) {
	a := put(t, newStore(t), ref, contents())
	full := errors.New("full")
	n := 0
	w := writerFunc(func(p []byte) (int, error) {
		if n += len(p); n > 3<<20 {
			return 0, full
		}
		return len(p), nil
	})
	if err := Write(t.Context(), w, a, progress.Discard); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Write(ctx, io.Discard, a, progress.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := unpack(ctx, newStore(t), bytes.NewReader(packed(t, a)), store.Ref{}); !errors.Is(err, context.Canceled) {
		t.Errorf("import, cancelled: %v", err)
	}
}
