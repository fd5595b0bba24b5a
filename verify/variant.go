package verify

import (
	"fmt"
	"io"

	"github.com/akadata/bitnet-tool/gguf"
)

// variant is the file as it would be if something about it were otherwise. It
// lives in memory only as far as it is read.
type variant struct {
	file   *gguf.File
	set    map[string]any                                // metadata in place of the file's
	from   func(name string) string                      // whose bytes a tensor has; nil: its own
	change func(t gguf.Tensor, b []byte) ([]byte, error) // what becomes of them; nil: nothing
}

// open gives the variant as a file of its own.
func (v *variant) open() (*gguf.File, error) {
	meta := &gguf.Meta{}
	for key, value := range v.file.Meta.All() {
		if a, ok := value.(gguf.Array); ok {
			var err error
			if value, err = a.Read(); err != nil {
				return nil, fmt.Errorf("key %q: %w", key, err)
			}
		}
		meta.Set(key, value)
	}
	for key, value := range v.set {
		meta.Set(key, value)
	}
	infos := make([]gguf.TensorInfo, len(v.file.Tensors))
	for i, t := range v.file.Tensors {
		infos[i] = t.TensorInfo
	}
	l, err := gguf.NewLayout(meta, infos)
	if err != nil {
		return nil, err
	}
	return gguf.NewFile(&variantReader{v: v, layout: l, at: -1}, l.FileSize)
}

// variantReader makes the variant's bytes when they are asked for, and keeps
// the last tensor it made.
type variantReader struct {
	v      *variant
	layout *gguf.Layout
	at     int // index of the tensor whose bytes are there
	bytes  []byte
}

func (r *variantReader) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	if off < r.layout.DataOffset {
		n = copy(p, r.layout.Header[off:])
	}
	for n < len(p) {
		b, err := r.from(off + int64(n))
		if err != nil {
			return n, err
		}
		n += copy(p[n:], b)
	}
	return n, nil
}

// from gives bytes from an offset on, up to the end of a tensor or of the zeros
// after it.
func (r *variantReader) from(off int64) ([]byte, error) {
	off -= r.layout.DataOffset
	for i, t := range r.layout.Tensors {
		switch {
		case off < t.Offset:
			return make([]byte, t.Offset-off), nil
		case off < t.Offset+t.Size:
			err := r.make(i)
			if err != nil {
				return nil, err
			}
			return r.bytes[off-t.Offset:], nil
		}
	}
	if left := r.layout.FileSize - r.layout.DataOffset - off; left > 0 {
		return make([]byte, left), nil
	}
	return nil, io.EOF
}

func (r *variantReader) make(i int) error {
	if r.at == i {
		return nil
	}
	t := r.layout.Tensors[i]
	name := t.Name
	if r.v.from != nil {
		name = r.v.from(name)
	}
	source, ok := r.v.file.Tensor(name)
	if !ok || source.Size != t.Size || source.Type != t.Type {
		return fmt.Errorf("tensor %q cannot stand for %q", name, t.Name)
	}
	b := make([]byte, t.Size)
	if _, err := io.ReadFull(r.v.file.Section(source), b); err != nil {
		return err
	}
	if r.v.change != nil {
		var err error
		if b, err = r.v.change(t, b); err != nil {
			return fmt.Errorf("tensor %q: %w", t.Name, err)
		}
	}
	r.at, r.bytes = i, b
	return nil
}
