package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// entries lists a folder, so that tests see leftovers too.
func entries(t *testing.T, dir string) []string {
	t.Helper()
	es, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range es {
		names = append(names, e.Name())
	}
	return names
}

func write(t *testing.T, target string, force bool, content string) *File {
	t.Helper()
	f, err := Create(target, force)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(content); err != nil {
		t.Fatal(err)
	}
	return f
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestInvisibleUntilCommit(t *testing.T) {
	target := filepath.Join(t.TempDir(), "model.gguf")
	f := write(t, target, false, "whole")
	if _, err := os.Stat(target); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("target exists before commit: %v", err)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	f.Abort()
	if got := content(t, target); got != "whole" {
		t.Fatalf("content %q", got)
	}
	if got := entries(t, filepath.Dir(target)); len(got) != 1 {
		t.Fatalf("leftovers: %q", got)
	}
}

func TestAbortLeavesNothing(t *testing.T) {
	target := filepath.Join(t.TempDir(), "model.gguf")
	write(t, target, false, "half").Abort()
	if got := entries(t, filepath.Dir(target)); len(got) != 0 {
		t.Fatalf("leftovers: %q", got)
	}
}

func TestExistingTarget(t *testing.T) {
	target := filepath.Join(t.TempDir(), "model.gguf")
	if err := os.WriteFile(target, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(target, false); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("Create over a file without force: %v", err)
	}
	if err := write(t, target, true, "new").Commit(); err != nil {
		t.Fatal(err)
	}
	if got := content(t, target); got != "new" {
		t.Fatalf("content %q", got)
	}
}

func TestTargetMadeMeanwhile(t *testing.T) {
	target := filepath.Join(t.TempDir(), "model.gguf")
	f := write(t, target, false, "mine")
	if err := os.WriteFile(target, []byte("theirs"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("commit over a new file: %v", err)
	}
	if got := content(t, target); got != "theirs" {
		t.Fatalf("content %q", got)
	}
	if got := entries(t, filepath.Dir(target)); len(got) != 1 {
		t.Fatalf("leftovers: %q", got)
	}
}
