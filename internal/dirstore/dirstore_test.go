package dirstore

import (
	"errors"
	"testing"

	"github.com/akadata/bitnet-tool/internal/store"
	"github.com/akadata/bitnet-tool/internal/store/storetest"
)

// open gives the store in dir.
func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	storetest.Run(t, storetest.Backend{
		New:     func(t *testing.T) store.Store { return open(t, t.TempDir()) },
		Another: func(t *testing.T, s store.Store) store.Store { return open(t, s.(*Store).dir) },
		Die:     func(_ *testing.T, x store.Tx) { x.(*tx).end() },
		Points:  []string{stepSeal, stepUnclaim, stepIntent, stepRename, stepSync, stepCurrent, stepEnd},
		CrashAt: func(t *testing.T, s store.Store, point string) store.Store {
			c := open(t, s.(*Store).dir)
			c.step = func(name string) error {
				if name == point {
					return errors.Join(errStopped, storetest.ErrCrash)
				}
				return nil
			}
			return c
		},
		Published: func(point string) bool { return point == stepSync || point == stepCurrent || point == stepEnd },
		Small:     smallStore,
	})
}

// TestNoteWithoutVersion: the process died after it noted what is to become
// current and before it was there.
func TestNoteWithoutVersion(t *testing.T) {
	s := open(t, t.TempDir())
	for _, version := range []string{"v1", "v2"} {
		storetest.Put(t, s, store.Ref{Name: "m", Version: version}, storetest.Files{"version": version})
	}
	root, err := s.look()
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := errors.Join(noteIntent(root, store.Ref{Name: "m", Version: "v3"}, "x"), s.Clean(t.Context())); err != nil {
		t.Fatal(err)
	}
	if ref, err := s.Current(t.Context(), "m"); err != nil || ref.Version != "v2" {
		t.Errorf("current is %v, %v", ref, err)
	}
	if _, err := root.Stat(intentOf("m", "x")); err == nil {
		t.Error("the note is still there")
	}
}
