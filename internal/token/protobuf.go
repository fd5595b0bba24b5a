package token

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"
)

// field is one field of a message in protocol buffers' wire format
// (https://protobuf.dev/programming-guides/encoding/).
type field struct {
	number uint64
	wire   uint64
	value  uint64 // of a number
	data   []byte // of a string or message
}

// Kinds of values on the wire.
const (
	wireVarint = 0
	wire64     = 1
	wireBytes  = 2
	wire32     = 5
)

// fields hands out the fields of a message in order.
func fields(data []byte, yield func(field) error) error {
	for at := 0; at < len(data); {
		f, n, err := nextField(data[at:])
		if err != nil {
			return fmt.Errorf("%w: at byte %d: %w", ErrFormat, at, err)
		}
		if err := yield(f); err != nil {
			return err
		}
		at += n
	}
	return nil
}

// wireError says what is wrong with the bytes of a field.
type wireError string

func (e wireError) Error() string { return string(e) }

func nextField(b []byte) (f field, n int, err error) {
	tag, n := binary.Uvarint(b)
	if n <= 0 || tag>>3 == 0 {
		return f, 0, wireError("no field begins here")
	}
	f.number, f.wire, b = tag>>3, tag&7, b[n:]
	var size int
	switch f.wire {
	case wireVarint:
		if f.value, size = binary.Uvarint(b); size <= 0 {
			return f, 0, wireError("a number is cut off")
		}
	case wire64:
		size = 8
	case wire32:
		size = 4
	case wireBytes:
		length, k := binary.Uvarint(b)
		if k <= 0 || length > uint64(len(b)-k) {
			return f, 0, wireError("a field is longer than what is left")
		}
		f.data = b[k : k+int(length)]
		size = k + int(length)
	default:
		return f, 0, wireError(fmt.Sprintf("wire type %d", f.wire))
	}
	if size > len(b) {
		return f, 0, wireError("a number is cut off")
	}
	switch f.wire {
	case wire64:
		f.value = binary.LittleEndian.Uint64(b)
	case wire32:
		f.value = uint64(binary.LittleEndian.Uint32(b))
	}
	return f, n + size, nil
}

func (f field) is(wire uint64) error {
	if f.wire != wire {
		return fmt.Errorf("%w: field %d has wire type %d, want %d", ErrFormat, f.number, f.wire, wire)
	}
	return nil
}

func (f field) message(yield func(field) error) error {
	if err := f.is(wireBytes); err != nil {
		return err
	}
	return fields(f.data, yield)
}

func (f field) bytes() ([]byte, error) { return f.data, f.is(wireBytes) }

func (f field) text() (string, error) {
	if err := f.is(wireBytes); err != nil {
		return "", err
	}
	if !utf8.Valid(f.data) {
		return "", fmt.Errorf("%w: text that is not UTF-8", ErrFormat)
	}
	return string(f.data), nil
}

func (f field) float() (float32, error) {
	return math.Float32frombits(uint32(f.value)), f.is(wire32)
}

func (f field) uint() (uint64, error) { return f.value, f.is(wireVarint) }

func (f field) bool() (bool, error) { return f.value != 0, f.is(wireVarint) }

// int32 reads a number of the type int32, negative ones as 64 bits.
func (f field) int32() (int32, error) {
	if n := int64(f.value); n != int64(int32(n)) {
		return 0, fmt.Errorf("%w: field %d is %d", ErrFormat, f.number, n)
	}
	return int32(f.value), f.is(wireVarint)
}
