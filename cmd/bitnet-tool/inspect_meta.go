package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"reflect"

	"github.com/akadata/bitnet-tool/gguf"
)

// maxListed is the number of elements up to which an array is listed; of
// longer ones, such as vocabularies, the digest is given.
const maxListed = 64

// arrayJSON stands for a long array. The digest is over the elements' bytes as
// they are in the file.
type arrayJSON struct {
	Type   string `json:"type"` // of an element
	Count  int    `json:"count"`
	SHA256 string `json:"sha256"`
}

// kvJSON is one metadata entry with its whole value.
type kvJSON struct {
	Key   string `json:"key"`
	Type  string `json:"type"` // "u32", "str", "str[]", …
	Value any    `json:"value"`
}

// metadataJSON gives all metadata as JSON values.
func metadataJSON(m *gguf.Meta) (map[string]any, error) {
	out := make(map[string]any, m.Len())
	for key, v := range m.All() {
		a, ok := v.(gguf.Array)
		var err error
		switch {
		case !ok:
			out[key] = jsonValue(v)
		case a.Len > maxListed:
			out[key], err = digestArray(a)
		default:
			out[key], err = elements(a)
		}
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", key, err)
		}
	}
	return out, nil
}

func digestArray(a gguf.Array) (arrayJSON, error) {
	h := sha256.New()
	_, err := io.Copy(h, a.Raw())
	return arrayJSON{a.Elem.String(), a.Len, "sha256:" + hex.EncodeToString(h.Sum(nil))}, err
}

// findKV looks up one key.
func findKV(m *gguf.Meta, key string) (*kvJSON, error) {
	v, ok := m.Value(key)
	if !ok {
		f := failf(exitNotFound, "no metadata key %q", key)
		f.object = key
		var keys []string
		for k := range m.All() {
			keys = append(keys, k)
		}
		if n := nearest(key, keys); n != "" {
			return nil, f.suggest("did you mean %s?", printable(n))
		}
		return nil, f
	}
	if a, ok := v.(gguf.Array); ok {
		list, err := elements(a)
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", key, err)
		}
		return &kvJSON{key, a.Elem.String() + "[]", list}, nil
	}
	return &kvJSON{key, typeOf(v), jsonValue(v)}, nil
}

// text writes a value alone, an array with one element a line.
func (kv *kvJSON) text(w io.Writer) {
	list, ok := kv.Value.([]any)
	if !ok {
		fmt.Fprintln(w, lines(fmt.Sprint(kv.Value)))
	}
	for _, v := range list {
		fmt.Fprintln(w, printable(fmt.Sprint(v)))
	}
}

// metadataRows gives key, type and value in one line each.
func metadataRows(m *gguf.Meta) [][]string {
	const width = 60
	var rows [][]string
	for key, v := range m.All() {
		row := []string{"  " + printable(key), typeOf(v), ""}
		if a, ok := v.(gguf.Array); ok {
			row[1] = fmt.Sprintf("%s[%d]", a.Elem, a.Len)
			if list, err := elements(a); a.Len <= maxListed && err == nil {
				row[2] = shorten(printable(fmt.Sprint(list)), width)
			}
		} else {
			row[2] = shorten(printable(fmt.Sprint(v)), width)
		}
		rows = append(rows, row)
	}
	return rows
}

// elements reads an array.
func elements(a gguf.Array) ([]any, error) {
	v, err := a.Read()
	if err != nil {
		return nil, err
	}
	return listed(v), nil
}

// listed gives the elements of a slice as JSON can hold them.
func listed(v any) []any {
	r := reflect.ValueOf(v)
	list := make([]any, r.Len())
	for i := range list {
		list[i] = jsonValue(r.Index(i).Interface())
	}
	return list
}

// jsonValue gives v as JSON can hold it: NaN and infinities as text.
func jsonValue(v any) any {
	var f float64
	switch x := v.(type) {
	case float32:
		f = float64(x)
	case float64:
		f = x
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return fmt.Sprint(f)
	}
	return v
}

// typeOf names the type of a single value as the format does.
func typeOf(v any) string {
	switch v.(type) {
	case uint8:
		return gguf.Uint8.String()
	case int8:
		return gguf.Int8.String()
	case uint16:
		return gguf.Uint16.String()
	case int16:
		return gguf.Int16.String()
	case uint32:
		return gguf.Uint32.String()
	case int32:
		return gguf.Int32.String()
	case float32:
		return gguf.Float32.String()
	case bool:
		return gguf.Bool.String()
	case string:
		return gguf.String.String()
	case uint64:
		return gguf.Uint64.String()
	case int64:
		return gguf.Int64.String()
	case float64:
		return gguf.Float64.String()
	}
	return ""
}
