package gguf

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// Array is an array value that is still in the file. Its bytes were checked
// when the file was opened; read the elements with [Slice].
type Array struct {
	Elem ValueType
	Len  int

	r     io.ReaderAt
	off   int64
	size  int64
	order binary.ByteOrder
	lenW  int // bytes of a string length: 8, or 4 in version 1
}

// Raw gives the elements' bytes as they are in the file.
func (a Array) Raw() *io.SectionReader { return io.NewSectionReader(a.r, a.off, a.size) }

// Read reads the elements as a slice of the type that Elem says.
func (a Array) Read() (any, error) {
	switch a.Elem {
	case Uint8:
		return readArray[uint8](a)
	case Int8:
		return readArray[int8](a)
	case Uint16:
		return readArray[uint16](a)
	case Int16:
		return readArray[int16](a)
	case Uint32:
		return readArray[uint32](a)
	case Int32:
		return readArray[int32](a)
	case Float32:
		return readArray[float32](a)
	case Bool:
		return readArray[bool](a)
	case Uint64:
		return readArray[uint64](a)
	case Int64:
		return readArray[int64](a)
	case Float64:
		return readArray[float64](a)
	}
	return readArray[string](a)
}

// elemSize gives the bytes of a fixed-size value, 0 for strings and arrays.
func elemSize(t ValueType) int {
	switch t {
	case Uint8, Int8, Bool:
		return 1
	case Uint16, Int16:
		return 2
	case Uint32, Int32, Float32:
		return 4
	case Uint64, Int64, Float64:
		return 8
	}
	return 0
}

// readArray reads the elements of a. T must match a.Elem.
func readArray[T any](a Array) ([]T, error) {
	if a.Elem != valueTypeOf(*new(T)) {
		return nil, fmt.Errorf("%w: array of %s, want elements of %T", ErrFormat, a.Elem, *new(T))
	}
	buf := make([]byte, a.size)
	if _, err := io.ReadFull(a.Raw(), buf); err != nil {
		return nil, fmt.Errorf("read array at offset %d: %w", a.off, err)
	}
	out := make([]T, a.Len)
	if strs, ok := any(out).([]string); ok {
		return out, a.cut(strs, buf)
	}
	if _, err := binary.Decode(buf, a.order, out); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return out, nil
}

// cut cuts the bytes of a string array into strings that share one copy of
// them. The lengths are checked again: the file may have changed since then.
func (a Array) cut(out []string, buf []byte) error {
	all := string(buf)
	p := 0
	for i := range out {
		if len(buf)-p < a.lenW {
			return fmt.Errorf("%w: element %d: file changed while in use", ErrFormat, i)
		}
		n := readLen(buf[p:], a.order, a.lenW)
		p += a.lenW
		if n > uint64(len(buf)-p) {
			return fmt.Errorf("%w: element %d: file changed while in use", ErrFormat, i)
		}
		out[i] = all[p : p+int(n)]
		p += int(n)
	}
	return nil
}

func readLen(b []byte, order binary.ByteOrder, width int) uint64 {
	if width == 4 {
		return uint64(order.Uint32(b))
	}
	return order.Uint64(b)
}

// valueTypeOf gives the wire type of a scalar, or of the elements of a slice.
// Other types give math.MaxUint32.
func valueTypeOf(v any) ValueType {
	switch v.(type) {
	case uint8, []uint8:
		return Uint8
	case int8, []int8:
		return Int8
	case uint16, []uint16:
		return Uint16
	case int16, []int16:
		return Int16
	case uint32, []uint32:
		return Uint32
	case int32, []int32:
		return Int32
	case float32, []float32:
		return Float32
	case bool, []bool:
		return Bool
	case string, []string:
		return String
	case uint64, []uint64:
		return Uint64
	case int64, []int64:
		return Int64
	case float64, []float64:
		return Float64
	}
	return math.MaxUint32
}
