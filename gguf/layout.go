package gguf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/akadata/bitnet-tool/quant"
)

// Layout is a file that is fully planned and not yet written: version 3,
// little-endian, tensors back to back in the given order, each padded with
// zeros to the alignment. The same metadata and tensors always give the same
// bytes.
type Layout struct {
	Header     []byte // up to and including the padding before the data section
	Tensors    []Tensor
	DataOffset int64 // len(Header)
	FileSize   int64
	align      int64
}

// NewLayout plans a file. general.alignment is honoured if set; no key is
// added. Errors name the key or tensor.
func NewLayout(m *Meta, ts []TensorInfo) (*Layout, error) {
	entries := make([]Tensor, len(ts))
	for i, info := range ts {
		var err error
		if entries[i], err = NewTensor(info); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", info.Name, err)
		}
	}
	return LayoutOf(m, entries)
}

// LayoutOf plans a file of tensors that are in other files already: their type
// numbers and sizes stay, whether or not their layout is known; offsets are
// assigned anew.
func LayoutOf(m *Meta, ts []Tensor) (*Layout, error) {
	align, err := alignment(m)
	if err != nil {
		return nil, err
	}
	l := &Layout{align: align}
	if l.Tensors, err = place(ts, align); err != nil {
		return nil, err
	}

	e := encoder{}
	e.WriteString("GGUF")
	e.u32(writeVersion)
	e.u64(uint64(len(ts)))
	e.u64(uint64(m.Len()))
	for k, v := range m.All() {
		e.text(k)
		if err := e.value(v); err != nil {
			return nil, fmt.Errorf("key %q: %w", k, err)
		}
	}
	for _, t := range l.Tensors {
		e.text(t.Name)
		e.u32(uint32(len(t.Dims)))
		for _, d := range t.Dims {
			e.u64(uint64(d))
		}
		e.u32(t.TypeID)
		e.u64(uint64(t.Offset))
	}
	e.Write(make([]byte, alignUp(int64(e.Len()), align)-int64(e.Len())))
	l.Header = e.Bytes()
	l.DataOffset = int64(len(l.Header))
	l.FileSize = l.DataOffset
	if n := len(l.Tensors); n > 0 {
		last := l.Tensors[n-1]
		l.FileSize += last.Offset + alignUp(last.Size, align)
	}
	if err := l.check(); err != nil {
		return nil, err
	}
	return l, nil
}

// check reads the planned header back, so that no file is written that the
// reader refuses or takes for something else. It is what enforces the limits on
// names, lengths and counts that both sides share.
func (l *Layout) check() error {
	f, err := NewFile(bytes.NewReader(l.Header), l.FileSize)
	if err != nil {
		return err
	}
	for i, t := range l.Tensors {
		// What was not known before may be so now.
		if f.Tensors[i].Type != t.Type && t.Type != quant.Invalid || f.Tensors[i].TypeID != t.TypeID {
			return fmt.Errorf("%w: tensor %q: %s of %v weights cannot be told from another type of number %d with alignment %d",
				ErrFormat, t.Name, t.TypeName(), t.Dims, t.TypeID, l.align)
		}
	}
	return nil
}

// place assigns offsets.
func place(ts []Tensor, align int64) ([]Tensor, error) {
	var off int64
	out := make([]Tensor, 0, len(ts))
	for _, t := range ts {
		if t.Size < 0 || t.Size > math.MaxInt64/2-off {
			return nil, fmt.Errorf("%w: tensor %q: file size overflows", ErrFormat, t.Name)
		}
		t.Offset = off
		off += alignUp(t.Size, align)
		out = append(out, t)
	}
	return out, nil
}

// NewTensor gives the entry of a tensor that is to be written, with type number
// and size; where it goes is up to [LayoutOf].
func NewTensor(info TensorInfo) (Tensor, error) {
	t := Tensor{TensorInfo: info}
	if len(info.Name) > maxNameWrite {
		return t, fmt.Errorf("%w: name of %d bytes, ggml reads at most %d", ErrFormat, len(info.Name), maxNameWrite)
	}
	if len(info.Dims) == 0 || len(info.Dims) > maxDims {
		return t, fmt.Errorf("%w: %d dimensions", ErrFormat, len(info.Dims))
	}
	elements := int64(1)
	for _, d := range info.Dims {
		if d < 1 || d > maxDim || elements > math.MaxInt64/d {
			return t, fmt.Errorf("%w: dimensions %v", ErrFormat, info.Dims)
		}
		elements *= d
	}
	var ok bool
	if t.TypeID, ok = typeID(info.Type); !ok {
		return t, fmt.Errorf("%w: type %s is not written to files", ErrFormat, info.Type)
	}
	c, _ := quant.Lookup(info.Type)
	var err error
	t.Size, err = c.Size(t.Rows(), t.Cols())
	return t, err
}

// Section gives a writer at the place of tensor i; exactly Tensors[i].Size
// bytes belong there. Sections may be written at the same time.
func (l *Layout) Section(w io.WriterAt, i int) *io.OffsetWriter {
	return io.NewOffsetWriter(w, l.DataOffset+l.Tensors[i].Offset)
}

// WriteFrame writes all that is not tensor data: the header and the zeros
// after each tensor.
func (l *Layout) WriteFrame(w io.WriterAt) error {
	if _, err := w.WriteAt(l.Header, 0); err != nil {
		return err
	}
	zeros := make([]byte, l.align)
	for _, t := range l.Tensors {
		if pad := alignUp(t.Size, l.align) - t.Size; pad > 0 {
			if _, err := w.WriteAt(zeros[:pad], l.DataOffset+t.Offset+t.Size); err != nil {
				return err
			}
		}
	}
	return nil
}

// encoder writes the wire format of version 3, little-endian.
type encoder struct{ bytes.Buffer }

func (e *encoder) u32(v uint32) { e.Write(binary.LittleEndian.AppendUint32(nil, v)) }
func (e *encoder) u64(v uint64) { e.Write(binary.LittleEndian.AppendUint64(nil, v)) }
func (e *encoder) text(s string) {
	e.u64(uint64(len(s)))
	e.WriteString(s)
}

func (e *encoder) value(v any) error {
	switch v := v.(type) {
	case string:
		e.u32(uint32(String))
		e.text(v)
	case []string:
		e.array(String, len(v))
		for _, s := range v {
			e.text(s)
		}
	case Array:
		return e.copyArray(v)
	case []uint8, []int8, []uint16, []int16, []uint32, []int32, []float32, []bool, []uint64, []int64, []float64:
		t := valueTypeOf(v)
		e.array(t, binary.Size(v)/elemSize(t))
		return binary.Write(e, binary.LittleEndian, v)
	case uint8, int8, uint16, int16, uint32, int32, float32, bool, uint64, int64, float64:
		e.u32(uint32(valueTypeOf(v)))
		return binary.Write(e, binary.LittleEndian, v)
	default:
		return fmt.Errorf("%w: a %T is no metadata value", ErrFormat, v)
	}
	return nil
}

func (e *encoder) array(t ValueType, n int) {
	e.u32(uint32(ArrayType))
	e.u32(uint32(t))
	e.u64(uint64(n))
}

// copyArray copies an array of another file as it is.
func (e *encoder) copyArray(a Array) error {
	if a.order != binary.LittleEndian || a.lenW != 8 {
		return fmt.Errorf("%w: an array of a version 1 or big-endian file cannot be copied", ErrUnsupported)
	}
	e.array(a.Elem, a.Len)
	if _, err := io.CopyN(e, a.Raw(), a.size); err != nil {
		return fmt.Errorf("copy array at offset %d: %w", a.off, err)
	}
	return nil
}
