package gguf

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"strings"
	"unicode"
	"unicode/utf8"
)

// decoder reads a header front to back. Every method checks what it is about
// to read against the bytes left before it takes memory.
type decoder struct {
	r     *bufio.Reader
	at    io.ReaderAt
	pos   int64
	size  int64
	order binary.ByteOrder
	lenW  int // bytes of a count or length: 8, or 4 in version 1
	held  int64
	buf   [8]byte
}

func newDecoder(r io.ReaderAt, size int64) *decoder {
	return &decoder{
		r: bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 64<<10), at: r, size: size,
		order: binary.LittleEndian, lenW: 8,
	}
}

func (d *decoder) left() int64 { return d.size - d.pos }

func (d *decoder) fail(format string, args ...any) error {
	return fmt.Errorf("%w: offset %d: "+format, append([]any{ErrFormat, d.pos}, args...)...)
}

// fixed reads n ≤ 8 bytes into d.buf.
func (d *decoder) fixed(n int) ([]byte, error) {
	if int64(n) > d.left() {
		return nil, d.fail("file ends, %d bytes short", int64(n)-d.left())
	}
	if _, err := io.ReadFull(d.r, d.buf[:n]); err != nil {
		return nil, fmt.Errorf("read at offset %d: %w", d.pos, err)
	}
	d.pos += int64(n)
	return d.buf[:n], nil
}

func (d *decoder) u32() (uint32, error) {
	b, err := d.fixed(4)
	if err != nil {
		return 0, err
	}
	return d.order.Uint32(b), nil
}

func (d *decoder) u64() (uint64, error) {
	b, err := d.fixed(8)
	if err != nil {
		return 0, err
	}
	return d.order.Uint64(b), nil
}

// length reads a count or length and checks it against a limit, the bytes left
// and the limit of the whole header, given the least bytes one item takes.
func (d *decoder) length(what string, limit int64, itemBytes int64) (int64, error) {
	b, err := d.fixed(d.lenW)
	if err != nil {
		return 0, err
	}
	n := readLen(b, d.order, d.lenW)
	if n > uint64(limit) {
		return 0, d.fail("%s of %d is beyond the limit of %d", what, n, limit)
	}
	need := int64(n) * itemBytes
	if need > d.left() {
		return 0, d.fail("%s of %d does not fit the %d bytes left", what, n, d.left())
	}
	if need > maxHeader-d.pos {
		return 0, d.fail("%s of %d makes the header larger than %d bytes", what, n, int64(maxHeader))
	}
	return int64(n), nil
}

// head reads magic, version and counts.
func (d *decoder) head(f *File) (tensors, keys int64, err error) {
	if d.size < 4 {
		return 0, 0, fmt.Errorf("%w: file of %d bytes is too short", ErrFormat, d.size)
	}
	b, err := d.fixed(4)
	if err != nil {
		return 0, 0, err
	}
	if string(b) != "GGUF" {
		return 0, 0, fmt.Errorf("%w: starts with %q, not with \"GGUF\"%s", ErrFormat, b, magicHint(string(b)))
	}
	v, err := d.u32()
	if err != nil {
		return 0, 0, err
	}
	// A number below 65536 in the other byte order has its low half zero.
	if v&0xffff == 0 {
		d.order, v = binary.BigEndian, bits.ReverseBytes32(v)
	}
	if v < 1 || v > 3 {
		return 0, 0, fmt.Errorf("%w: version %d, this reader knows 1 to 3", ErrFormat, v)
	}
	f.Version, f.ByteOrder = v, d.order
	if v == 1 {
		d.lenW = 4
	}
	if tensors, err = d.length("tensor count", maxTensors, minTensorBytes*int64(d.lenW)/8); err != nil {
		return 0, 0, err
	}
	keys, err = d.length("metadata count", maxKeys, minKVBytes*int64(d.lenW)/8)
	return tensors, keys, err
}

func magicHint(magic string) string {
	switch {
	case magic == "vers":
		return ": this looks like a Git LFS pointer; download the real file"
	case strings.HasPrefix(magic, "<"):
		return ": this looks like a web page saved under the model's name"
	case magic == "ggml" || magic == "lmgg" || magic == "tjgg" || magic == "fmgg":
		return ": this is a GGML file from before GGUF; convert the model again"
	}
	return ""
}

func (d *decoder) meta(m *Meta, keys int64) error {
	m.keys, m.values = make([]string, 0, keys), make(map[string]any, keys)
	for i := range keys {
		key, err := d.text("key", maxKeyLen)
		if err != nil {
			return fmt.Errorf("metadata %d of %d: %w", i+1, keys, err)
		}
		if key == "" {
			return d.fail("metadata %d of %d has an empty key", i+1, keys)
		}
		if err := printable(key); err != nil {
			return d.fail("key %q %w", key, err)
		}
		if _, dup := m.Value(key); dup {
			return d.fail("key %q is there twice", key)
		}
		t, err := d.u32()
		if err != nil {
			return fmt.Errorf("key %q: %w", key, err)
		}
		v, err := d.value(ValueType(t))
		if err != nil {
			return fmt.Errorf("key %q: %w", key, err)
		}
		m.Set(key, v)
	}
	return nil
}

// text reads a string into memory.
func (d *decoder) text(what string, limit int64) (string, error) {
	n, err := d.length(what+" length", limit, 1)
	if err != nil {
		return "", err
	}
	if d.held += n; d.held > maxHeld {
		return "", d.fail("more than %d bytes of strings in the metadata", int64(maxHeld))
	}
	var s strings.Builder
	s.Grow(int(n))
	for s.Len() < int(n) {
		b, err := d.r.Peek(min(int(n)-s.Len(), d.r.Size()))
		if err != nil {
			return "", fmt.Errorf("read at offset %d: %w", d.pos, err)
		}
		s.Write(b)
		if err := d.skip(int64(len(b))); err != nil {
			return "", err
		}
	}
	return s.String(), nil
}

func (d *decoder) value(t ValueType) (any, error) {
	switch t {
	case String:
		return d.text("string", maxStringLen)
	case ArrayType:
		return d.array()
	}
	w := elemSize(t)
	if w == 0 {
		return nil, d.fail("value type %d does not exist; nothing after it can be read", uint32(t))
	}
	b, err := d.fixed(w)
	if err != nil {
		return nil, err
	}
	switch t {
	case Uint8:
		return b[0], nil
	case Int8:
		return int8(b[0]), nil
	case Bool:
		if b[0] > 1 {
			return nil, d.fail("bool of value %d", b[0])
		}
		return b[0] == 1, nil
	case Uint16:
		return d.order.Uint16(b), nil
	case Int16:
		return int16(d.order.Uint16(b)), nil
	case Uint32:
		return d.order.Uint32(b), nil
	case Int32:
		return int32(d.order.Uint32(b)), nil
	case Float32:
		return math.Float32frombits(d.order.Uint32(b)), nil
	case Uint64:
		return d.order.Uint64(b), nil
	case Int64:
		return int64(d.order.Uint64(b)), nil
	}
	return math.Float64frombits(d.order.Uint64(b)), nil
}

// array checks an array's bytes and leaves them in the file.
func (d *decoder) array() (any, error) {
	t, err := d.u32()
	if err != nil {
		return nil, err
	}
	a := Array{Elem: ValueType(t), r: d.at, order: d.order, lenW: d.lenW}
	if a.Elem == ArrayType {
		return nil, d.fail("array of arrays")
	}
	w := int64(elemSize(a.Elem))
	if w == 0 && a.Elem != String {
		return nil, d.fail("array of value type %d, which does not exist", t)
	}
	item := w
	if a.Elem == String {
		item = int64(d.lenW)
	}
	n, err := d.length("array length", maxArrayLen, item)
	if err != nil {
		return nil, err
	}
	a.Len, a.off = int(n), d.pos
	switch a.Elem {
	case String:
		for i := range n {
			l, err := d.length("string length", maxStringLen, 1)
			if err != nil {
				return nil, fmt.Errorf("element %d: %w", i, err)
			}
			if err := d.skip(l); err != nil {
				return nil, err
			}
		}
	case Bool:
		for i := range n {
			b, err := d.fixed(1)
			if err != nil {
				return nil, err
			}
			if b[0] > 1 {
				return nil, d.fail("element %d: bool of value %d", i, b[0])
			}
		}
	default:
		if err := d.skip(n * w); err != nil {
			return nil, err
		}
	}
	a.size = d.pos - a.off
	return a, nil
}

// skip passes over n bytes that are known to be left.
func (d *decoder) skip(n int64) error {
	if _, err := d.r.Discard(int(n)); err != nil {
		return fmt.Errorf("read at offset %d: %w", d.pos, err)
	}
	d.pos += n
	return nil
}

func (d *decoder) tensor() (Tensor, error) {
	var t Tensor
	name, err := d.text("tensor name", maxNameRead)
	if err != nil {
		return t, err
	}
	if err := tensorName(name); err != nil {
		return t, d.fail("name %q %w", name, err)
	}
	t.Name = name
	n, err := d.u32()
	if err != nil {
		return t, fmt.Errorf("%q: %w", name, err)
	}
	if n > maxDims {
		return t, d.fail("%q has %d dimensions, at most %d are possible", name, n, maxDims)
	}
	elements := uint64(1)
	t.Dims = make([]int64, 0, n)
	for i := range n {
		b, err := d.fixed(d.lenW)
		if err != nil {
			return t, fmt.Errorf("%q: %w", name, err)
		}
		dim := readLen(b, d.order, d.lenW)
		if dim == 0 || dim > maxDim {
			return t, d.fail("%q: dimension %d is %d, must be 1 to 2^40", name, i, dim)
		}
		hi, lo := bits.Mul64(elements, dim)
		if hi != 0 || lo > math.MaxInt64 {
			return t, d.fail("%q: the product of its dimensions overflows", name)
		}
		elements = lo
		t.Dims = append(t.Dims, int64(dim))
	}
	if t.TypeID, err = d.u32(); err != nil {
		return t, fmt.Errorf("%q: %w", name, err)
	}
	off, err := d.u64()
	if err != nil {
		return t, fmt.Errorf("%q: %w", name, err)
	}
	if off > math.MaxInt64/2 {
		return t, d.fail("%q: data offset %d is beyond any file", name, off)
	}
	t.Offset = int64(off)
	return t, nil
}

// tensorName refuses names that could harm whoever prints them or makes a file
// name of them.
func tensorName(s string) error {
	switch {
	case s == "":
		return errors.New("is empty")
	case strings.ContainsAny(s, `/\`) || strings.Contains(s, ".."):
		return errors.New("contains a path separator or \"..\"")
	}
	return printable(s)
}

func printable(s string) error {
	if !utf8.ValidString(s) {
		return errors.New("is not UTF-8")
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return fmt.Errorf("contains the control or invisible character %U", r)
		}
	}
	return nil
}
