package directio

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"unsafe"
)

// create makes an empty file.
func create(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// write writes content in parts and gives the first error.
func write(t *testing.T, w *Writer, content []byte, length int) error {
	t.Helper()
	var first error
	var parts, done atomic.Int64
	for off := 0; off < len(content) && first == nil; off += length {
		b := Buffer(length)
		parts.Add(1)
		first = w.Write(b[:copy(b, content[off:])], int64(off), func() {
			clear(b) // nobody may read it any more
			done.Add(1)
		})
	}
	err := w.Finish()
	if first == nil {
		first = err
	}
	if parts.Load() != done.Load() {
		t.Errorf("%d parts, done was called %d times", parts.Load(), done.Load())
	}
	return first
}

func TestWriter(t *testing.T) {
	content := make([]byte, directFrom+12345)
	rand.NewChaCha8([32]byte{1}).Read(content)
	for _, tc := range []struct {
		name         string
		size, length int
	}{
		{"nothing", 0, Align},
		{"small", 100, Align},
		{"page cache", directFrom - 1, 1 << 20},
		{"whole parts", directFrom, 1 << 20},
		{"with a rest", directFrom + 12345, 1 << 20},
		{"one part", directFrom + Align, directFrom + Align},
		{"many parts", directFrom + 12345, 8 * Align},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, want := create(t), content[:tc.size]
			w, err := New(f, int64(tc.size))
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("past the page cache: %v", w.direct)
			if err := write(t, w, want, tc.length); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(f.Name())
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes, %v: not what was written", len(got), err)
			}
			// The file is as any other again.
			if _, err := f.WriteAt([]byte("x"), 1); err != nil {
				t.Errorf("odd write afterwards: %v", err)
			}
		})
	}
}

// TestWriterFails: errors of writes that run by themselves come back.
func TestWriterFails(t *testing.T) {
	for _, size := range []int{directFrom / 2, directFrom} {
		f := create(t)
		w, err := New(f, int64(size))
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		err = write(t, w, make([]byte, size), 1<<20)
		if !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%d bytes to a closed file: %v", size, err)
		}
		var p *fs.PathError
		if !errors.As(err, &p) || p.Path != f.Name() {
			t.Errorf("%v does not name the file", err)
		}
	}
}

func TestBuffer(t *testing.T) {
	for _, n := range []int{1, Align, 3*Align + 5} {
		for range 10 {
			b := Buffer(n)
			if len(b) != n || cap(b) != n || uintptr(unsafe.Pointer(unsafe.SliceData(b)))%Align != 0 {
				t.Errorf("%d bytes: %d of %d at %p", n, len(b), cap(b), b)
			}
		}
	}
}
