package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestReserve(t *testing.T) {
	dir := t.TempDir()
	f, err := Create(filepath.Join(dir, "x"), false)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Abort()
	if err := f.Reserve(1 << 20); err != nil {
		t.Fatal(err)
	}
	if st, err := f.Stat(); err != nil || st.Size() != 1<<20 {
		t.Errorf("size %d, %v", st.Size(), err)
	}
	f.WriteBack(0, 1<<20)
}

func TestReserveTooMuch(t *testing.T) {
	dir := t.TempDir()
	if _, known := FreeSpace(dir); !known {
		t.Skip("free space is not known here")
	}
	f, err := Create(filepath.Join(dir, "x"), false)
	if err != nil {
		t.Fatal(err)
	}
	err = f.Reserve(1 << 50)
	// File systems with a limit on the size of a file may name that.
	if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EFBIG) {
		t.Errorf("a petabyte: %v", err)
	}
	if err != nil && !strings.Contains(err.Error(), "1125899906842624 bytes are needed") {
		t.Errorf("%q does not say what is needed", err)
	}
	f.Abort()
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
