package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/akadata/bitnet-tool/internal/dirstore"
	"github.com/akadata/bitnet-tool/internal/store"
)

// flipCmd turns over one bit of a file.
func flipCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flip FILE OFFSET")
	}
	offset, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR, 0)
	ts.Check(err)
	defer f.Close()
	b := make([]byte, 1)
	_, err = f.ReadAt(b, offset)
	ts.Check(err)
	b[0] ^= 0x08
	_, err = f.WriteAt(b, offset)
	ts.Check(err)
}

// TestStoreAtOnce: of several processes that store the same, all succeed and
// one does it.
func TestStoreAtOnce(t *testing.T) {
	const n = 8
	dir, src := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(src, "model.bin"), make([]byte, 3<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var changed atomic.Int32
	for range n {
		wg.Go(func() {
			cmd := exec.Command(exe)
			cmd.Args = []string{program, "store", src, "--dir", dir, "--as", "m@v1", "--json"} // see TestMain
			out, err := cmd.Output()
			if err != nil {
				t.Errorf("%v: %s", err, out)
			}
			var answer struct{ Changed bool }
			if err := json.Unmarshal(out, &answer); err != nil {
				t.Error(err)
			}
			if answer.Changed {
				changed.Add(1)
			}
		})
	}
	wg.Wait()
	if changed.Load() != 1 {
		t.Errorf("%d processes changed the store, want 1", changed.Load())
	}
	s, err := dirstore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	wantState(t, s, "m@v1", "m@v1")
	if left, err := os.ReadDir(filepath.Join(dir, store.MetaDir, "incoming")); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

// TestStoreExitCodes: what a store's errors are to scripts, whatever lies
// beneath them.
func TestStoreExitCodes(t *testing.T) {
	for sentinel, want := range map[error]exitCode{
		store.ErrName: 2, store.ErrSource: 4, store.ErrIncomplete: 4, store.ErrDamaged: 4, store.ErrNotFound: 5,
		store.ErrConflict: 6, store.ErrProtected: 6, store.ErrUnsupported: 7, store.ErrSpace: 8, store.ErrUnavailable: 8, store.ErrLocked: 10,
	} {
		for _, beneath := range []error{fs.ErrNotExist, fs.ErrExist, fs.ErrPermission, syscall.ENOSPC, syscall.ENOTDIR} {
			err := fmt.Errorf("m@v1: %w: %w", sentinel, beneath)
			if got := codeOf(err); got != want {
				t.Errorf("%v: exit code %d, want %d", err, got, want)
			}
		}
	}
}
