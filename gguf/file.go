package gguf

import (
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/akadata/bitnet-tool/quant"
)

// File is a parsed GGUF header over the file's bytes.
type File struct {
	Version    uint32
	ByteOrder  binary.ByteOrder // of header and data
	Alignment  int64            // bytes; of the data section and of each tensor
	DataOffset int64            // where the data section starts in the file
	FileSize   int64
	Meta       Meta
	Tensors    []Tensor // in file order, which is also the order of their data

	r      io.ReaderAt
	closer io.Closer
	byName map[string]int
}

// TensorInfo describes a tensor to be laid out.
type TensorInfo struct {
	Name string
	Dims []int64 // at most four, the contiguous dimension first
	Type quant.Type
}

// Tensor is one entry of a file's directory.
type Tensor struct {
	TensorInfo        // Type is quant.Invalid if the number has no known meaning
	TypeID     uint32 // the number in the file
	Offset     int64  // from the start of the data section
	Size       int64  // bytes; for a type of unknown layout, those up to the next tensor
}

// Cols gives the length of the contiguous dimension.
func (t TensorInfo) Cols() int64 {
	if len(t.Dims) == 0 {
		return 1
	}
	return t.Dims[0]
}

// Rows gives the product of all dimensions but the first. The reader and
// [NewLayout] have checked that it does not overflow.
func (t TensorInfo) Rows() int64 {
	n := int64(1)
	for i := 1; i < len(t.Dims); i++ {
		n *= t.Dims[i]
	}
	return n
}

// Names gives the names of tensors.
func Names(ts []Tensor) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, t := range ts {
			if !yield(t.Name) {
				return
			}
		}
	}
}

// Elements gives the number of weights.
func (t TensorInfo) Elements() int64 { return t.Rows() * t.Cols() }

// Open opens the file at path and parses its header. Close releases it.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%w: not a regular file", ErrFormat)
	}
	var g *File
	if err == nil {
		g, err = NewFile(f, st.Size())
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	g.closer = &opened{File: f, path: path, info: st}
	return g, nil
}

// Close closes the file that [Open] opened.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Disk gives the file that [Open] opened, which stays f's; nil if there is not
// just one.
func (f *File) Disk() *os.File {
	if o, ok := f.closer.(*opened); ok {
		return o.File
	}
	return nil
}

// Tensor finds a tensor by name.
func (f *File) Tensor(name string) (Tensor, bool) {
	i, ok := f.byName[name]
	if !ok {
		return Tensor{}, false
	}
	return f.Tensors[i], true
}

// Section gives the bytes of a tensor of this file.
func (f *File) Section(t Tensor) *io.SectionReader {
	return io.NewSectionReader(f.r, f.DataOffset+t.Offset, t.Size)
}

// Architecture gives general.architecture, "" if absent.
func (f *File) Architecture() string {
	s, _ := Get[string](&f.Meta, archKey)
	return s
}

// NewFile parses the header of the size bytes behind r. It reads the header
// once; the tensor data is not touched. Errors wrap [ErrFormat] and name the
// key, tensor or offset.
func NewFile(r io.ReaderAt, size int64) (*File, error) {
	d := newDecoder(r, size)
	f := &File{FileSize: size, r: r}
	tensors, keys, err := d.head(f)
	if err != nil {
		return nil, err
	}
	if err := d.meta(&f.Meta, keys); err != nil {
		return nil, err
	}
	if f.Alignment, err = alignment(&f.Meta); err != nil {
		return nil, err
	}
	f.byName = make(map[string]int, tensors)
	f.Tensors = make([]Tensor, 0, tensors)
	for i := range tensors {
		t, err := d.tensor()
		if err != nil {
			return nil, fmt.Errorf("tensor %d of %d: %w", i+1, tensors, err)
		}
		if j, dup := f.byName[t.Name]; dup {
			return nil, fmt.Errorf("%w: tensor %q is listed twice, as number %d and %d", ErrFormat, t.Name, j+1, i+1)
		}
		f.byName[t.Name] = int(i)
		f.Tensors = append(f.Tensors, t)
	}
	f.DataOffset = alignUp(d.pos, f.Alignment)
	if err := f.place(); err != nil {
		return nil, err
	}
	return f, nil
}

func alignment(m *Meta) (int64, error) {
	v, ok := m.Value(alignmentKey)
	if !ok {
		return defaultAlign, nil
	}
	a, isU32 := v.(uint32)
	if !isU32 || a < minAlign || a > maxAlign || a&(a-1) != 0 {
		return 0, fmt.Errorf("%w: key %q: %v (%T) is not a uint32 power of two from %d to %d", ErrFormat, alignmentKey, v, v, minAlign, maxAlign)
	}
	return int64(a), nil
}

// alignUp rounds n up to a multiple of align, a power of two.
func alignUp(n, align int64) int64 { return (n + align - 1) &^ (align - 1) }
