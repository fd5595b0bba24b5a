package gguf

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.gguf")
	if err := os.WriteFile(path, write(t, metaOf(everythingMeta...), sample), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Tensors) != len(sample) {
		t.Errorf("%d tensors", len(f.Tensors))
	}
	b := make([]byte, 1)
	if _, err := f.Section(f.Tensors[2]).Read(b); err != nil || b[0] != 3 {
		t.Errorf("third tensor begins with %d, %v", b[0], err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, err := f.Section(f.Tensors[2]).Read(b); !errors.Is(err, os.ErrClosed) {
		t.Errorf("read after Close: %v", err)
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.gguf")
	if err := os.WriteFile(bad, []byte("GGUF\x09\x00\x00\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, path string
		is         error
	}{
		{"missing", filepath.Join(dir, "missing.gguf"), fs.ErrNotExist},
		{"directory", dir, ErrFormat},
		{"malformed", bad, ErrFormat},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Open(tt.path)
			if f != nil || !errors.Is(err, tt.is) {
				t.Fatalf("got %v, %v, want %v", f, err, tt.is)
			}
			if !strings.Contains(err.Error(), tt.path) {
				t.Errorf("%q does not name the file", err)
			}
		})
	}
}

func TestCloseOfFileNotOpened(t *testing.T) {
	f, err := v3(0, 0).file()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}
