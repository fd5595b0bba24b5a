package dirstore

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/akadata/bitnet-tool/internal/store"
	"github.com/akadata/bitnet-tool/internal/store/storetest"
	"golang.org/x/sys/unix"
)

var (
	ref   = store.Ref{Name: "m", Version: "v1"}
	files = storetest.Files{"config.json": "{}"}
)

// writes tries everything that changes a store.
func writes(t *testing.T, s *Store) map[string]error {
	t.Helper()
	_, begin := s.Begin(t.Context(), store.Ref{Name: "m", Version: "v2"}, 1)
	_, use := s.Use(t.Context(), ref)
	return map[string]error{"begin": begin, "use": use, "remove": s.Remove(t.Context(), ref), "clean": s.Clean(t.Context())}
}

func TestLockBusy(t *testing.T) {
	s := open(t, t.TempDir())
	storetest.Put(t, s, ref, files)
	l, err := store.TryLock(func() (*os.File, error) { return os.OpenFile(filepath.Join(s.dir, lockPath), os.O_RDWR, 0) })
	if l == nil || err != nil {
		t.Fatal(err)
	}
	s.wait = 50 * time.Millisecond
	for what, err := range writes(t, s) {
		if !errors.Is(err, store.ErrLocked) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if got := storetest.Sound(t, s); len(got) != 1 { // reading needs no lock
		t.Errorf("%d versions", len(got))
	}
	l.Free()
	for what, err := range writes(t, s) {
		if errors.Is(err, store.ErrLocked) {
			t.Errorf("%s after the lock was freed: %v", what, err)
		}
	}
}

// mounted mounts a file system of its own at dir, which only root can.
func mounted(t *testing.T, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a file system")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
		t.Skip("no file system can be mounted: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	mounted(t, dir)
	s := open(t, dir)
	storetest.Put(t, s, ref, files)
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	for what, err := range writes(t, s) {
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if got := storetest.Sound(t, s); len(got) != 1 {
		t.Errorf("%d versions", len(got))
	}
	if p := storetest.Put(t, s, ref, files); p.Changed { // it is there, and may be found there
		t.Error("changed")
	}
}

func TestOtherDevice(t *testing.T) {
	for what, at := range map[string]string{"the name": "m", "the staging area": incoming} {
		t.Run(what, func(t *testing.T) {
			s := open(t, t.TempDir())
			storetest.Put(t, s, store.Ref{Name: "other", Version: "v1"}, files)
			mounted(t, filepath.Join(s.dir, at))
			if _, err := s.Begin(t.Context(), ref, 1); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("error %v", err)
			}
			if left, err := os.ReadDir(filepath.Join(s.dir, incoming)); err != nil || len(left) > 0 {
				t.Errorf("left %v, %v", left, err)
			}
		})
	}
}

// TestForeign: what is not the store's own is neither listed nor removed.
func TestForeign(t *testing.T) {
	s := open(t, t.TempDir())
	storetest.Put(t, s, ref, files)
	keep := []string{"notes.txt", "m/notes.txt", "m/v9/data", "empty/", "mine/v1/data", ".hidden/x"}
	for _, name := range keep {
		p := filepath.Join(s.dir, name)
		err := os.MkdirAll(filepath.Dir(p), 0o755)
		if name[len(name)-1] == '/' {
			err = os.MkdirAll(p, 0o755)
		} else if err == nil {
			err = os.WriteFile(p, []byte("x"), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := storetest.Sound(t, s); len(got) != 1 {
		t.Errorf("%d versions", len(got))
	}
	for _, r := range []store.Ref{{Name: "m", Version: "v9"}, {Name: "mine", Version: "v1"}} {
		if err := s.Remove(t.Context(), r); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("remove %v: %v", r, err)
		}
	}
	if err := errors.Join(s.Clean(t.Context()), s.Remove(t.Context(), ref), s.Clean(t.Context())); err != nil {
		t.Fatal(err)
	}
	for _, name := range keep {
		if _, err := os.Stat(filepath.Join(s.dir, name)); err != nil {
			t.Error(err)
		}
	}
}
