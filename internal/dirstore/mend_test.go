package dirstore

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/store"
)

// damagedVersion makes a version of the files a and b, both damaged, and a
// repair that is ready to be swapped in.
func damagedVersion(t *testing.T, s *Store) (a store.Artifact, m store.Mending) {
	t.Helper()
	ref := store.Ref{Name: "m", Version: "v"}
	tx, err := s.Begin(t.Context(), ref, 0)
	if err != nil {
		t.Fatal(err)
	}
	files := []string{"a", "b"}
	for _, f := range files {
		err = errors.Join(err, tx.Root().WriteFile(f, []byte("good"), 0o644))
	}
	man := &store.Manifest{Tool: "test"}
	if err == nil {
		man.Files, err = store.Describe(t.Context(), tx.Root(), progress.Discard)
	}
	if err == nil {
		_, err = tx.Commit(t.Context(), man)
	}
	if err == nil {
		a, err = s.Open(t.Context(), ref)
	}
	if err == nil {
		m, err = s.Mend(t.Context(), ref, 8)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	for _, f := range files {
		if err := errors.Join(os.WriteFile(filepath.Join(a.Dir(), f), []byte("evil"), 0o644), m.Root().WriteFile(f, []byte("good"), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return a, m
}

func bad(t *testing.T, a store.Artifact) int {
	t.Helper()
	found, err := store.Check(t.Context(), a, nil, progress.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

// TestSwapStopped ends a repair as a power cut would, before each file. What
// was swapped is good, the rest is as it was, and the next change cleans.
func TestSwapStopped(t *testing.T) {
	for stop := range 3 {
		s := open(t, t.TempDir())
		a, m := damagedVersion(t, s)
		n := 0
		s.step = func(name string) error {
			if n++; name == stepSwap && n > stop {
				return errStopped
			}
			return nil
		}
		err := m.Swap(t.Context(), a.Manifest().Files)
		if (stop == 2) != (err == nil) {
			t.Errorf("stopped before swap %d: %v", stop, err)
		}
		m.(mending).end() // the death of the process
		if got := bad(t, a); got != 2-stop {
			t.Errorf("stopped before swap %d: %d files are damaged", stop, got)
		}
		if err := open(t, s.dir).Clean(t.Context()); err != nil {
			t.Error(err)
		}
		if left, _ := os.ReadDir(filepath.Join(s.dir, incoming)); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

// TestSwapMeanwhile: what happens to a version while it is repaired decides.
func TestSwapMeanwhile(t *testing.T) {
	t.Run("removed", func(t *testing.T) {
		s := open(t, t.TempDir())
		a, m := damagedVersion(t, s)
		if err := s.Remove(t.Context(), a.Info().Ref); err != nil {
			t.Fatal(err)
		}
		if err := m.Swap(t.Context(), a.Manifest().Files); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%v", err)
		}
		if err := m.Abort(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(s.dir, "m")); err == nil {
			t.Error("the version came back in part")
		}
	})
	t.Run("replaced", func(t *testing.T) {
		s := open(t, t.TempDir())
		a, m := damagedVersion(t, s)
		files := a.Manifest().Files
		files[0].SHA256 = files[0].SHA256[:len(files[0].SHA256)-1] + "0"
		if err := m.Swap(t.Context(), files); !errors.Is(err, store.ErrConflict) {
			t.Errorf("%v", err)
		}
		if bad(t, a) == 0 {
			t.Error("it was swapped in")
		}
	})
	t.Run("a folder in the way", func(t *testing.T) {
		s := open(t, t.TempDir())
		a, m := damagedVersion(t, s)
		if err := errors.Join(os.Remove(filepath.Join(a.Dir(), "a")), os.Mkdir(filepath.Join(a.Dir(), "a"), 0o755)); err != nil {
			t.Fatal(err)
		}
		if err := m.Swap(t.Context(), a.Manifest().Files); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("%v", err)
		}
	})
	t.Run("read", func(t *testing.T) {
		s := open(t, t.TempDir())
		a, m := damagedVersion(t, s)
		f, err := a.FS().Open("a")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := m.Swap(t.Context(), a.Manifest().Files); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 4)
		if _, err := f.Read(b); err != nil || string(b) != "evil" {
			t.Errorf("an open file changed: %q, %v", b, err)
		}
	})
}

func TestMendSpace(t *testing.T) {
	s := open(t, t.TempDir())
	a, _ := damagedVersion(t, s)
	if _, err := s.Mend(t.Context(), a.Info().Ref, 1<<60); !errors.Is(err, store.ErrSpace) {
		t.Errorf("%v", err)
	}
	if _, err := s.Mend(t.Context(), store.Ref{Name: "none", Version: "v"}, 1); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("%v", err)
	}
}
