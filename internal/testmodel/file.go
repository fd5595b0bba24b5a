package testmodel

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/akadata/bitnet-tool/gguf"
)

// File is a GGUF file in memory.
type File struct {
	Meta    gguf.Meta
	Tensors []Tensor
}

// Tensor is a tensor's description and bytes.
type Tensor struct {
	gguf.TensorInfo
	Data []byte
}

// Copy reads all of f.
func Copy(tb testing.TB, f *gguf.File) *File {
	tb.Helper()
	c := &File{}
	for k, v := range f.Meta.All() {
		c.Meta.Set(k, v)
	}
	for _, t := range f.Tensors {
		b, err := io.ReadAll(f.Section(t))
		if err != nil {
			tb.Fatal(err)
		}
		c.Tensors = append(c.Tensors, Tensor{t.TensorInfo, b})
	}
	return c
}

// Tensor gives the tensor of that name, to be changed.
func (f *File) Tensor(tb testing.TB, name string) *Tensor {
	tb.Helper()
	for i := range f.Tensors {
		if f.Tensors[i].Name == name {
			return &f.Tensors[i]
		}
	}
	tb.Fatalf("no tensor %q", name)
	return nil
}

// Delete removes the tensor of that name.
func (f *File) Delete(name string) {
	f.Tensors = slices.DeleteFunc(f.Tensors, func(t Tensor) bool { return t.Name == name })
}

// Bytes gives the file as it is stored.
func (f *File) Bytes(tb testing.TB) []byte {
	tb.Helper()
	infos := make([]gguf.TensorInfo, len(f.Tensors))
	for i, t := range f.Tensors {
		infos[i] = t.TensorInfo
	}
	l, err := gguf.NewLayout(&f.Meta, infos)
	if err != nil {
		tb.Fatal(err)
	}
	out := make([]byte, l.FileSize)
	copy(out, l.Header)
	for i, t := range f.Tensors {
		if int64(len(t.Data)) != l.Tensors[i].Size {
			tb.Fatalf("tensor %q has %d bytes, want %d", t.Name, len(t.Data), l.Tensors[i].Size)
		}
		copy(out[l.DataOffset+l.Tensors[i].Offset:], t.Data)
	}
	return out
}

// Open parses the file's bytes.
func (f *File) Open(tb testing.TB) *gguf.File {
	tb.Helper()
	b := f.Bytes(tb)
	g, err := gguf.NewFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		tb.Fatal(err)
	}
	return g
}

// Write writes the file into a directory of the test's own and gives its path.
func (f *File) Write(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "model.gguf")
	if err := os.WriteFile(path, f.Bytes(tb), 0o644); err != nil {
		tb.Fatal(err)
	}
	return path
}
