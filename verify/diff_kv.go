package verify

import (
	"errors"
	"fmt"

	"github.com/akadata/bitnet-tool/gguf"
)

// diffMeta compares metadata. The order of keys does not count.
func diffMeta(a, b *gguf.Meta) ([]Difference, error) {
	var ds []Difference
	for key, x := range a.All() {
		y, ok := b.Value(key)
		if !ok {
			ds = append(ds, Difference{DiffKV, key, spell(x) + " in the first file only"})
			continue
		}
		detail, err := diffValue(a, b, key, x, y)
		if err != nil {
			return nil, err
		}
		if detail != "" {
			ds = append(ds, Difference{DiffKV, key, detail})
		}
	}
	for key, y := range b.All() {
		if _, ok := a.Value(key); !ok {
			ds = append(ds, Difference{DiffKV, key, spell(y) + " in the second file only"})
		}
	}
	return ds, nil
}

// spell gives a value for people.
func spell(v any) string {
	switch v := v.(type) {
	case string:
		const most = 60
		if len(v) > most {
			return fmt.Sprintf("%.60q… (%d bytes)", v, len(v))
		}
		return fmt.Sprintf("%q", v)
	case gguf.Array:
		return fmt.Sprintf("%d of %s", v.Len, v.Elem)
	}
	return fmt.Sprint(v)
}

func diffValue(a, b *gguf.Meta, key string, x, y any) (string, error) {
	xa, isArray := x.(gguf.Array)
	ya, both := y.(gguf.Array)
	if isArray && both && xa.Elem == ya.Elem {
		return diffArray(a, b, key, xa.Elem)
	}
	switch {
	case x == y || x != x && y != y: // NaN is as good as NaN
		return "", nil
	case fmt.Sprintf("%T", x) != fmt.Sprintf("%T", y):
		return fmt.Sprintf("%s (%T), then %s (%T)", spell(x), x, spell(y), y), nil
	}
	return spell(x) + ", then " + spell(y), nil
}

// diffArray compares arrays of one element type.
func diffArray(a, b *gguf.Meta, key string, elem gguf.ValueType) (string, error) {
	switch elem {
	case gguf.Uint8:
		return diffSlices[uint8](a, b, key)
	case gguf.Int8:
		return diffSlices[int8](a, b, key)
	case gguf.Uint16:
		return diffSlices[uint16](a, b, key)
	case gguf.Int16:
		return diffSlices[int16](a, b, key)
	case gguf.Uint32:
		return diffSlices[uint32](a, b, key)
	case gguf.Int32:
		return diffSlices[int32](a, b, key)
	case gguf.Uint64:
		return diffSlices[uint64](a, b, key)
	case gguf.Int64:
		return diffSlices[int64](a, b, key)
	case gguf.Float32:
		return diffSlices[float32](a, b, key)
	case gguf.Float64:
		return diffSlices[float64](a, b, key)
	case gguf.Bool:
		return diffSlices[bool](a, b, key)
	}
	return diffSlices[string](a, b, key)
}

func diffSlices[T comparable](a, b *gguf.Meta, key string) (string, error) {
	x, _, errX := gguf.Slice[T](a, key)
	y, _, errY := gguf.Slice[T](b, key)
	if err := errors.Join(errX, errY); err != nil {
		return "", err
	}
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] && (x[i] == x[i] || y[i] == y[i]) {
			return fmt.Sprintf("element %d: %s, then %s", i, spell(x[i]), spell(y[i])), nil
		}
	}
	if len(x) != len(y) {
		return fmt.Sprintf("%d elements, then %d", len(x), len(y)), nil
	}
	return "", nil
}
