//go:build unix

package runtime_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/internal/mmap"
	"github.com/akadata/bitnet-tool/runtime"
)

// TestFileCutWhileInUse: mapped weights that are gone are an error and not the
// end of the process, whoever reads them; the session can be used again when
// the file is back.
func TestFileCutWhileInUse(t *testing.T) {
	if !faultsHaveAddresses(t) {
		t.Skip("this machine (an emulator, then) does not tell where a fault was")
	}
	for _, threads := range []int{1, 3} {
		f := ternary(t)
		good := f.Bytes(t)
		path := f.Write(t)
		m, err := runtime.Open(path, runtime.Options{Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		s := session(t, m, runtime.SessionOptions{})
		want := evalAll(t, s, []int32{1, 2, 3})
		for _, size := range []int64{0, int64(len(good) / 2)} {
			if err := os.Truncate(path, size); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Eval(t.Context(), []int32{95}); !errors.Is(err, runtime.ErrFileChanged) {
				t.Errorf("%d threads, file of %d bytes: error %v", threads, size, err)
			}
			if s.Pos() != 3 {
				t.Errorf("session is at %d after the error", s.Pos())
			}
		}
		restored, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err == nil {
			_, err = restored.WriteAt(good, 0)
			restored.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Rewind(0); err != nil {
			t.Fatal(err)
		}
		same(t, "file restored", evalAll(t, s, []int32{1, 2, 3}), want)
	}
}

// TestPartCutWhileInUse: the same of a part of a split model.
func TestPartCutWhileInUse(t *testing.T) {
	if !faultsHaveAddresses(t) {
		t.Skip("this machine (an emulator, then) does not tell where a fault was")
	}
	first := parts(t, ternary(t))
	m, err := runtime.Open(first, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := os.Truncate(strings.Replace(first, "-00001-", "-00002-", 1), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := session(t, m, runtime.SessionOptions{}).Eval(t.Context(), []int32{95}); !errors.Is(err, runtime.ErrFileChanged) {
		t.Errorf("error %v", err)
	}
}

// faultsHaveAddresses touches a mapped file that is gone. User-mode QEMU
// reports address 0, which looks like a nil pointer.
func faultsHaveAddresses(t *testing.T) (known bool) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, make([]byte, 4096), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := mmap.Map(f)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { _, known = recover().(interface{ Addr() uintptr }) }()
	t.Errorf("read %d from a file that is empty", m.Bytes()[0])
	return false
}
