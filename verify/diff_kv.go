package verify

import (
	"errors"
	"fmt"
	"reflect"

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
		detail, err := diffValue(key, x, y)
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

func diffValue(key string, x, y any) (string, error) {
	xa, isArray := x.(gguf.Array)
	ya, both := y.(gguf.Array)
	if isArray && both && xa.Elem == ya.Elem {
		detail, err := diffArray(xa, ya)
		if err != nil {
			err = fmt.Errorf("key %q: %w", key, err)
		}
		return detail, err
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
func diffArray(a, b gguf.Array) (string, error) {
	x, errX := a.Read()
	y, errY := b.Read()
	if err := errors.Join(errX, errY); err != nil {
		return "", err
	}
	p, q := reflect.ValueOf(x), reflect.ValueOf(y)
	for i := range min(p.Len(), q.Len()) {
		if v, w := p.Index(i).Interface(), q.Index(i).Interface(); v != w && (v == v || w == w) {
			return fmt.Sprintf("element %d: %s, then %s", i, spell(v), spell(w)), nil
		}
	}
	if p.Len() != q.Len() {
		return fmt.Sprintf("%d elements, then %d", p.Len(), q.Len()), nil
	}
	return "", nil
}
