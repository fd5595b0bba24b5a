package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/akadata/bitnet-tool/gguf"
)

// parseAssignment reads KEY=VALUE or KEY:TYPE=VALUE. Without a type the key
// keeps the one it has.
func parseAssignment(m *gguf.Meta, arg string) (key string, v any, err error) {
	left, text, ok := strings.Cut(arg, "=")
	if !ok || left == "" {
		return "", nil, usagef("%q is not KEY=VALUE", arg)
	}
	key, typ, typed := strings.Cut(left, ":")
	old, known := m.Value(key)
	switch {
	case !typed && !known:
		return "", nil, usagef("%s is a new key, so its type must be given", key).suggest("for example %s:str=%s or %s:u32=1", key, word(text), key)
	case !typed:
		if a, ok := old.(gguf.Array); ok {
			typ = a.Elem.String() + "[]"
		} else {
			typ = typeOf(old)
		}
	}
	if v, err = parseValue(typ, text); err != nil {
		return "", nil, usagef("%s: %w", key, err)
	}
	return key, v, nil
}

// valueTypes gives a Go value of each type of metadata by its name.
var valueTypes = map[string]reflect.Type{
	"u8": reflect.TypeFor[uint8](), "i8": reflect.TypeFor[int8](),
	"u16": reflect.TypeFor[uint16](), "i16": reflect.TypeFor[int16](),
	"u32": reflect.TypeFor[uint32](), "i32": reflect.TypeFor[int32](),
	"u64": reflect.TypeFor[uint64](), "i64": reflect.TypeFor[int64](),
	"f32": reflect.TypeFor[float32](), "f64": reflect.TypeFor[float64](),
	"bool": reflect.TypeFor[bool](), "str": reflect.TypeFor[string](),
}

// parseValue reads the text of a value of the named type; arrays are JSON.
func parseValue(name, text string) (any, error) {
	elem, isArray := strings.CutSuffix(name, "[]")
	t, ok := valueTypes[elem]
	if !ok {
		return nil, fmt.Errorf("there is no type %q; see %s help meta", name, program)
	}
	if isArray {
		if elem == "u8" { // JSON takes []uint8 for base64
			return parseBytes(text)
		}
		list := reflect.New(reflect.SliceOf(t))
		if err := json.Unmarshal([]byte(text), list.Interface()); err != nil {
			return nil, fmt.Errorf("%q is no JSON array of %s", text, elem)
		}
		if list.Elem().IsNil() {
			return nil, fmt.Errorf("%q is no JSON array of %s", text, elem)
		}
		return list.Elem().Interface(), nil
	}
	v := reflect.New(t).Elem()
	var err error
	switch {
	case t.Kind() == reflect.String:
		v.SetString(text)
	case t.Kind() == reflect.Bool:
		var b bool
		b, err = strconv.ParseBool(text)
		v.SetBool(b)
	case v.CanUint():
		var n uint64
		n, err = strconv.ParseUint(text, 10, t.Bits())
		v.SetUint(n)
	case v.CanInt():
		var n int64
		n, err = strconv.ParseInt(text, 10, t.Bits())
		v.SetInt(n)
	default:
		var x float64
		x, err = strconv.ParseFloat(text, t.Bits())
		v.SetFloat(x)
	}
	if err != nil {
		return nil, fmt.Errorf("%q is no %s", text, name)
	}
	return v.Interface(), nil
}

func parseBytes(text string) (any, error) {
	var wide []uint16
	if err := json.Unmarshal([]byte(text), &wide); err != nil || wide == nil {
		return nil, fmt.Errorf("%q is no JSON array of u8", text)
	}
	out := make([]uint8, len(wide))
	for i, n := range wide {
		if n > 255 {
			return nil, fmt.Errorf("%d is no u8", n)
		}
		out[i] = uint8(n)
	}
	return out, nil
}

// newKV describes a value that parseValue made.
func newKV(key string, v any) *kvJSON {
	r := reflect.ValueOf(v)
	if r.Kind() != reflect.Slice {
		return &kvJSON{key, typeOf(v), jsonValue(v)}
	}
	return &kvJSON{key, typeOf(reflect.Zero(r.Type().Elem()).Interface()) + "[]", listed(v)}
}
