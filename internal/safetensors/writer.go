package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// Entry describes a tensor of a file that is to be written.
type Entry struct {
	Name  string
	DType DType
	Shape []int64 // the slowest dimension first
}

// Layout is a file that is planned and not yet written: the tensors lie back to
// back in the order given.
type Layout struct {
	Header  []byte  // with its length in front
	Offsets []int64 // of each tensor, in the file
	Size    int64   // bytes of the file
}

// NewLayout plans a file. It fails where the reader would refuse it.
func NewLayout(entries []Entry) (*Layout, error) {
	var b bytes.Buffer
	b.WriteString(`{"__metadata__":{"format":"pt"}`)
	var off int64
	l := &Layout{}
	for _, e := range entries {
		size, err := dataSize(e.Shape, e.DType)
		if err != nil {
			return nil, fmt.Errorf("%w: tensor %q: %w", ErrFormat, e.Name, err)
		}
		name, err := json.Marshal(e.Name)
		if err != nil {
			return nil, err
		}
		shape, err := json.Marshal(append([]int64{}, e.Shape...))
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, `,%s:{"dtype":"%s","shape":%s,"data_offsets":[%d,%d]}`, name, e.DType, shape, off, off+size)
		l.Offsets = append(l.Offsets, off)
		off += size
	}
	b.WriteByte('}')
	for (8+b.Len())%8 != 0 {
		b.WriteByte(' ') // data that may be mapped and cast
	}
	l.Header = slices.Concat(binary.LittleEndian.AppendUint64(nil, uint64(b.Len())), b.Bytes())
	for i := range l.Offsets {
		l.Offsets[i] += int64(len(l.Header))
	}
	l.Size = int64(len(l.Header)) + off
	_, err := NewFile(headerOnly{bytes.NewReader(l.Header)}, l.Size, "planned file")
	return l, err
}

// headerOnly is a file of which only the header exists.
type headerOnly struct{ r *bytes.Reader }

// ReadAt implements [io.ReaderAt]; data are zeros.
func (h headerOnly) ReadAt(p []byte, off int64) (int, error) {
	n, err := h.r.ReadAt(p, off)
	if err == io.EOF {
		clear(p[n:])
		return len(p), nil
	}
	return n, err
}
