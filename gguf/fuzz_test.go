package gguf

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Any bytes parse or are refused with ErrFormat, never a panic. What parses can
// be read, and, laid out anew, gives the same metadata and tensors again.
func FuzzNewFile(f *testing.F) {
	for version := uint32(1); version <= 3; version++ {
		f.Add(everything(version, binary.LittleEndian).b)
		f.Add(arrays(version, binary.BigEndian).b)
	}
	f.Add(write(f, metaOf(everythingMeta...), sample))
	for _, h := range hostileFiles() {
		if h.head.start == 0 && len(h.head.b) < 1<<14 {
			f.Add(h.head.b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		first, err := parse(b)
		if err != nil {
			if !errors.Is(err, ErrFormat) || first != nil {
				t.Fatalf("%v, %v", first, err)
			}
			return
		}
		for _, tensor := range first.Tensors {
			if _, err := io.Copy(io.Discard, first.Section(tensor)); err != nil {
				t.Fatalf("tensor %q: %v", tensor.Name, err)
			}
			if tensor.TypeName() == "" || tensor.Size <= 0 {
				t.Fatalf("tensor %+v", tensor)
			}
		}
		meta, err := entries(&first.Meta)
		if err != nil {
			t.Fatal(err)
		}
		var infos []TensorInfo
		for _, tensor := range first.Tensors {
			if !rewritable(first, tensor) {
				return
			}
			infos = append(infos, tensor.TensorInfo)
		}
		l, err := NewLayout(metaOf(meta...), infos)
		if err != nil {
			t.Fatalf("cannot be laid out again: %v", err)
		}
		second, err := parse(append(l.Header, make([]byte, l.FileSize-l.DataOffset)...))
		if err != nil {
			t.Fatalf("own layout: %v", err)
		}
		again, err := entries(&second.Meta)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(meta, again, cmpopts.EquateNaNs()); diff != "" {
			t.Fatalf("metadata (-first +second):\n%s", diff)
		}
		if diff := cmp.Diff(first.Tensors, second.Tensors, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("tensors (-first +second):\n%s", diff)
		}
	})
}

// rewritable reports whether the writer, which is stricter than the reader,
// takes a tensor.
func rewritable(f *File, t Tensor) bool {
	if id, ok := typeID(t.Type); !ok || id != t.TypeID {
		return false
	}
	// With a larger alignment two types of one number can take the same room.
	if len(disputedTypes[t.TypeID]) > 1 && f.Alignment > 64 {
		return false
	}
	return len(t.Dims) > 0 && len(t.Name) <= maxNameWrite && f.FileSize < math.MaxInt32
}
