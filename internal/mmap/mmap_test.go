package mmap

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func write(t *testing.T, data []byte) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestMap(t *testing.T) {
	for _, size := range []int{0, 1, 4095, 4096, 100_000} {
		want := bytes.Repeat([]byte{1, 2, 3, 5, 7, 11, 13}, size/7+1)[:size]
		f := write(t, want)
		m, err := Map(f)
		if err != nil {
			t.Fatal(err)
		}
		f.Close() // the mapping lives on
		if !bytes.Equal(m.Bytes(), want) {
			t.Errorf("%d bytes: mapped bytes differ", size)
		}
		for range 2 {
			if err := m.Close(); err != nil {
				t.Errorf("%d bytes: close: %v", size, err)
			}
		}
		if m.Bytes() != nil {
			t.Errorf("%d bytes: bytes after close", size)
		}
	}
}

func TestMapRefuses(t *testing.T) {
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if _, err := Map(dir); err == nil {
		t.Error("mapped a directory")
	}
	f := write(t, []byte("x"))
	f.Close()
	if _, err := Map(f); err == nil {
		t.Error("mapped a closed file")
	}
}
