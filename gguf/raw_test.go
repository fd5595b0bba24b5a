package gguf

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
)

// raw builds the bytes of a file field by field, right or wrong, in any version
// and byte order. It shares no code with the package's encoder.
type raw struct {
	b      []byte // since the last hole
	order  binary.AppendByteOrder
	v1     bool
	before []piece // up to the last hole
	start  int64   // of b
}

// begin starts a file with its magic, version and counts.
func begin(version uint32, order binary.AppendByteOrder, tensors, keys uint64) *raw {
	r := &raw{b: []byte("GGUF"), order: order, v1: version == 1}
	return r.u32(version).count(tensors).count(keys)
}

// v3 starts a little-endian file of version 3.
func v3(tensors, keys uint64) *raw { return begin(3, binary.LittleEndian, tensors, keys) }

func (r *raw) u8(v uint8) *raw   { r.b = append(r.b, v); return r }
func (r *raw) u16(v uint16) *raw { r.b = r.order.AppendUint16(r.b, v); return r }
func (r *raw) u32(v uint32) *raw { r.b = r.order.AppendUint32(r.b, v); return r }
func (r *raw) u64(v uint64) *raw { r.b = r.order.AppendUint64(r.b, v); return r }
func (r *raw) bytes(n int) *raw  { r.b = append(r.b, make([]byte, n)...); return r }

// count writes a count, a length or a dimension: 32 bits wide in version 1.
func (r *raw) count(n uint64) *raw {
	if r.v1 {
		return r.u32(uint32(n))
	}
	return r.u64(n)
}

func (r *raw) str(s string) *raw {
	r.count(uint64(len(s)))
	r.b = append(r.b, s...)
	return r
}

// key writes a key and the type of its value, which is to follow.
func (r *raw) key(name string, t ValueType) *raw { return r.str(name).u32(uint32(t)) }

// array writes a key with an array, whose elements are to follow.
func (r *raw) array(name string, elem ValueType, n uint64) *raw {
	return r.key(name, 9).u32(uint32(elem)).count(n)
}

func (r *raw) f32(v float32) *raw { return r.u32(math.Float32bits(v)) }
func (r *raw) f64(v float64) *raw { return r.u64(math.Float64bits(v)) }

// tensor writes one entry of the directory.
func (r *raw) tensor(name string, id uint32, offset uint64, dims ...uint64) *raw {
	r.str(name).u32(uint32(len(dims)))
	for _, d := range dims {
		r.count(d)
	}
	return r.u32(id).u64(offset)
}

// data pads to align and adds n bytes that count up, so that places in the
// data section can be told apart.
func (r *raw) data(align, n int) *raw {
	for len(r.b)%align != 0 {
		r.u8(0)
	}
	for i := range n {
		r.u8(byte(i))
	}
	return r
}

// hole leaves out n bytes, which read as zeros.
func (r *raw) hole(n int64) *raw {
	r.before = append(r.before, piece{r.start, r.b})
	r.start += int64(len(r.b)) + n
	r.b = nil
	return r
}

// sparse gives a file of at least size bytes.
func (r *raw) sparse(size int64) sparse {
	return sparse{append(r.before, piece{r.start, r.b}), max(size, r.start+int64(len(r.b)))}
}

func (r *raw) file() (*File, error) { return parse(r.b) }

func parse(b []byte) (*File, error) { return NewFile(bytes.NewReader(b), int64(len(b))) }

// sparse is a file of size bytes that are zero where no piece lies.
type sparse struct {
	pieces []piece
	size   int64
}

type piece struct {
	off int64
	b   []byte
}

func (s sparse) ReadAt(p []byte, off int64) (int, error) {
	if off >= s.size {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), s.size-off))
	clear(p[:n])
	for _, q := range s.pieces {
		if from := q.off - off; from >= 0 && from < int64(n) {
			copy(p[from:n], q.b)
		} else if from < 0 && -from < int64(len(q.b)) {
			copy(p[:n], q.b[-from:])
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
