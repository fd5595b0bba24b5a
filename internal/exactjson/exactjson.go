// Package exactjson reads the JSON of other programs as those programs do. Call
// [Unmarshal] where encoding/json's would do but for two liberties of it: it
// takes "Hidden_Size" for "hidden_size", and where a key occurs twice it may put
// both values together.
package exactjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// Unmarshal is [json.Unmarshal] for a pointer to structs, also in slices and
// maps: a key is that of a field only to the letter, and of equal keys the last
// counts alone, as in Python. Fields have to be tagged. A type that reads itself
// does, and has to call Unmarshal for what is in it.
func Unmarshal(data []byte, v any) error {
	if !json.Valid(data) {
		return json.Unmarshal(data, v) // which says where
	}
	return decode(bytes.TrimSpace(data), reflect.ValueOf(v).Elem())
}

func decode(data []byte, v reflect.Value) error {
	if _, itself := v.Addr().Interface().(json.Unmarshaler); !itself && string(data) != "null" {
		switch {
		case v.Kind() == reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
			return decode(data, v.Elem())
		case v.Kind() == reflect.Struct && data[0] == '{':
			return object(data, v)
		case v.Kind() == reflect.Slice && data[0] == '[' && holdsStructs(v.Type()):
			return slice(data, v)
		case v.Kind() == reflect.Map && data[0] == '{' && holdsStructs(v.Type()):
			return table(data, v)
		}
	}
	return json.Unmarshal(data, v.Addr().Interface())
}

func holdsStructs(t reflect.Type) bool { return t.Elem().Kind() == reflect.Struct }

// object reads the fields of a struct.
func object(data []byte, v reflect.Value) error {
	keys := make([]string, v.NumField())
	index := map[string]int{}
	for i := range keys {
		if keys[i], _, _ = strings.Cut(v.Type().Field(i).Tag.Get("json"), ","); keys[i] != "" && keys[i] != "-" {
			index[keys[i]] = i
		}
	}
	values := make([][]byte, len(keys))
	err := members(data, func(key string, value []byte) error {
		if i, ok := index[key]; ok {
			values[i] = value
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, value := range values {
		if value == nil {
			continue
		}
		if err := decode(value, v.Field(i)); err != nil {
			return fmt.Errorf("key %q: %w", keys[i], err)
		}
	}
	return nil
}

// table reads a map from strings to structs.
func table(data []byte, v reflect.Value) error {
	v.Set(reflect.MakeMap(v.Type()))
	return members(data, func(key string, value []byte) error {
		e := reflect.New(v.Type().Elem()).Elem()
		if err := decode(value, e); err != nil {
			return fmt.Errorf("key %q: %w", key, err)
		}
		v.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), e)
		return nil
	})
}

// slice reads an array of structs.
func slice(data []byte, v reflect.Value) error {
	v.SetLen(0)
	for rest := trim(data[1:]); rest[0] != ']'; {
		var value []byte
		value, rest = next(rest)
		e := reflect.New(v.Type().Elem()).Elem()
		if err := decode(value, e); err != nil {
			return fmt.Errorf("element %d: %w", v.Len(), err)
		}
		v.Set(reflect.Append(v, e))
	}
	return nil
}

// members calls f for the keys of an object in their order.
func members(data []byte, f func(key string, value []byte) error) error {
	for rest := trim(data[1:]); rest[0] != '}'; {
		var quoted, value []byte
		quoted, rest = next(rest)
		value, rest = next(rest)
		var key string
		if err := json.Unmarshal(quoted, &key); err != nil {
			return err
		}
		if err := f(key, value); err != nil {
			return err
		}
	}
	return nil
}

// trim passes over what stands between values.
func trim(text []byte) []byte { return bytes.TrimLeft(text, " \t\r\n:,") }

// next gives the first value of text, which is valid JSON from there on, and what
// follows after it.
func next(text []byte) (value, rest []byte) {
	end, depth := 0, 0
	for {
		switch text[end] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			for end++; text[end] != '"'; end++ {
				if text[end] == '\\' {
					end++
				}
			}
		default:
			if depth == 0 { // a number, or a word
				n := bytes.IndexAny(text, " \t\r\n,]}")
				return text[:n], trim(text[n:])
			}
		}
		if end++; depth == 0 {
			return text[:end], trim(text[end:])
		}
	}
}
