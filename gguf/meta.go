package gguf

import (
	"fmt"
	"iter"
	"math"
)

// ValueType is the wire number of a metadata value's type (GGUF specification,
// ggml docs/gguf.md).
type ValueType uint32

// The value types of GGUF.
const (
	Uint8 ValueType = iota
	Int8
	Uint16
	Int16
	Uint32
	Int32
	Float32
	Bool
	String
	ArrayType
	Uint64
	Int64
	Float64
)

var valueTypeNames = [...]string{"u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "str", "arr", "u64", "i64", "f64"}

func (t ValueType) String() string {
	if int(t) < len(valueTypeNames) {
		return valueTypeNames[t]
	}
	return fmt.Sprintf("ValueType(%d)", uint32(t))
}

// Meta is the ordered metadata of a file. The zero value is empty and ready
// to use.
//
// A value is one of uint8, int8, uint16, int16, uint32, int32, uint64, int64,
// float32, float64, bool, string, a slice of one of these (as a writer sets
// it), or [Array] (as a reader finds it: still in the file).
type Meta struct {
	keys   []string
	values map[string]any
}

// Len gives the number of keys.
func (m *Meta) Len() int { return len(m.keys) }

// All yields keys and values in file order.
func (m *Meta) All() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for _, k := range m.keys {
			if !yield(k, m.values[k]) {
				return
			}
		}
	}
}

// Value gives the value of key as it is stored.
func (m *Meta) Value(key string) (any, bool) {
	v, ok := m.values[key]
	return v, ok
}

// Set stores a value of one of the types named at [Meta]; a new key goes to
// the end, a known one keeps its place. Values of other types are refused when
// the file is laid out.
func (m *Meta) Set(key string, value any) {
	if m.values == nil {
		m.values = map[string]any{}
	}
	if _, ok := m.values[key]; !ok {
		m.keys = append(m.keys, key)
	}
	m.values[key] = value
}

// Delete removes a key; an unknown one is no error.
func (m *Meta) Delete(key string) {
	if _, ok := m.values[key]; !ok {
		return
	}
	delete(m.values, key)
	for i, k := range m.keys {
		if k == key {
			m.keys = append(m.keys[:i:i], m.keys[i+1:]...)
			return
		}
	}
}

// Get gives the value of key if it is there and is stored as a T.
func Get[T any](m *Meta, key string) (T, bool) {
	v, ok := m.values[key].(T)
	return v, ok
}

// Uint gives a non-negative integer of whatever width and sign it is stored
// with; converters disagree about that.
func (m *Meta) Uint(key string) (uint64, bool) {
	var n int64
	switch v := m.values[key].(type) {
	case uint8:
		n = int64(v)
	case uint16:
		n = int64(v)
	case uint32:
		n = int64(v)
	case uint64:
		return v, true
	case int8:
		n = int64(v)
	case int16:
		n = int64(v)
	case int32:
		n = int64(v)
	case int64:
		n = v
	default:
		return 0, false
	}
	if n < 0 {
		return 0, false
	}
	return uint64(n), true
}

// Int gives a [Meta.Uint] that fits an int32, the range of ids and counts.
func (m *Meta) Int(key string) (int, bool) {
	v, ok := m.Uint(key)
	if !ok || v > math.MaxInt32 {
		return 0, false
	}
	return int(v), true
}

// Float gives a floating point number of either width.
func (m *Meta) Float(key string) (float64, bool) {
	switch v := m.values[key].(type) {
	case float32:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// Slice gives the elements of an array value of element type T, reading them
// from the file if they are still there. A missing key is (nil, false, nil);
// an array of another element type is an error.
func Slice[T any](m *Meta, key string) ([]T, bool, error) {
	switch v := m.values[key].(type) {
	case nil:
		return nil, false, nil
	case []T:
		return v, true, nil
	case Array:
		out, err := readArray[T](v)
		if err != nil {
			return nil, true, fmt.Errorf("key %q: %w", key, err)
		}
		return out, true, nil
	default:
		return nil, true, fmt.Errorf("key %q: %w: is %T, want an array of %T", key, ErrFormat, v, *new(T))
	}
}
