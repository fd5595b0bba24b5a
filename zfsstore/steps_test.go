package zfsstore

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/internal/store"
	"github.com/akadata/bitnet-tool/internal/store/storetest"
)

// TestCommandFails has one command of a publication fail, as with an I/O error
// that no healthy pool shows: before the renaming nothing is left, after it the
// version is there and the next change of the store finishes it.
func TestCommandFails(t *testing.T) {
	p := newPool(t, 256<<20)
	zfs, err := exec.LookPath("zfs")
	must(t, err)
	s := p.store(t, "models")
	storetest.Put(t, s, v1, files)
	for _, tt := range []struct {
		pattern string // of the shell, for the arguments
		stored  bool
	}{
		{"hold *", false},
		{"rename *", false},
		{"mount */model/*", true},
		{"inherit *", true},
	} {
		t.Run(tt.pattern, func(t *testing.T) {
			dir := t.TempDir()
			script := fmt.Sprintf("#!/bin/sh\ncase \"$*\" in %s) echo \"cannot do it: I/O error\" >&2; exit 1;; esac\nexec %s \"$@\"\n", strings.ReplaceAll(tt.pattern, " ", `\ `), zfs)
			must(t, os.WriteFile(filepath.Join(dir, "zfs"), []byte(script), 0o755))
			t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
			broken := open(t, s.dataset)
			wantError(t, put(t, broken, v2, other), store.ErrUnavailable, "I/O error")
			t.Setenv("PATH", filepath.Dir(zfs)+":"+os.Getenv("PATH"))

			if left := staging(t, s); len(left) > 0 {
				t.Errorf("left: %+v", left)
			}
			must(t, s.Clean(t.Context()))
			current, err := s.Current(t.Context(), "model")
			must(t, err)
			if n := len(storetest.Sound(t, s)); (n == 2) != tt.stored || (current == v2) != tt.stored {
				t.Errorf("%d versions, current is %s", n, current)
			}
			if tt.stored {
				_, err := s.Use(t.Context(), v1)
				must(t, err)
				must(t, s.Remove(t.Context(), v2))
			}
		})
	}
}
