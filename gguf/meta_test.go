package gguf

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMetaKeepsOrder(t *testing.T) {
	m := &Meta{}
	m.Delete("a") // of an empty Meta
	for _, k := range []string{"a", "b", "c", "d"} {
		m.Set(k, uint8(0))
	}
	m.Set("b", "changed in place")
	m.Delete("c")
	m.Delete("not there")
	m.Set("c", "again, at the end")
	m.Delete("a")
	got, err := entries(m)
	if err != nil {
		t.Fatal(err)
	}
	want := []entry{{"b", "changed in place"}, {"d", uint8(0)}, {"c", "again, at the end"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if m.Len() != 3 {
		t.Errorf("%d keys", m.Len())
	}
	for k := range m.All() {
		if k != "b" {
			t.Errorf("first key is %q", k)
		}
		break // All must stop here
	}
}

func TestMetaIntegers(t *testing.T) {
	tests := []struct {
		name   string
		value  any
		uint   uint64
		isUint bool
		isInt  bool // and then has the same value
	}{
		{"u8", uint8(200), 200, true, true},
		{"u16", uint16(60000), 60000, true, true},
		{"u32", uint32(7), 7, true, true},
		{"u64", uint64(7), 7, true, true},
		{"i8", int8(100), 100, true, true},
		{"i16", int16(7), 7, true, true},
		{"i32", int32(7), 7, true, true},
		{"i64", int64(7), 7, true, true},
		{"zero", int32(0), 0, true, true},
		{"largest int32", uint32(math.MaxInt32), math.MaxInt32, true, true},
		{"beyond int32", uint32(math.MaxInt32 + 1), math.MaxInt32 + 1, true, false},
		{"largest u64", uint64(math.MaxUint64), math.MaxUint64, true, false},
		{"2^32 + 1 does not wrap", uint64(1<<32 + 1), 1<<32 + 1, true, false},
		{"negative i8", int8(-1), 0, false, false},
		{"negative i16", int16(-1), 0, false, false},
		{"negative i32", int32(-1), 0, false, false},
		{"negative i64", int64(math.MinInt64), 0, false, false},
		{"float", float32(7), 0, false, false},
		{"string", "7", 0, false, false},
		{"bool", true, 0, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := metaOf(entry{"k", tt.value})
			if got, ok := m.Uint("k"); got != tt.uint || ok != tt.isUint {
				t.Errorf("Uint gives %d, %v", got, ok)
			}
			want := 0
			if tt.isInt {
				want = int(tt.uint)
			}
			if got, ok := m.Int("k"); got != want || ok != tt.isInt {
				t.Errorf("Int gives %d, %v", got, ok)
			}
		})
	}
	if got, ok := (&Meta{}).Uint("k"); got != 0 || ok {
		t.Errorf("Uint of a missing key gives %d, %v", got, ok)
	}
}

func TestMetaFloat(t *testing.T) {
	m := metaOf(entry{"f32", float32(1e-5)}, entry{"f64", 0.1}, entry{"u32", uint32(1)}, entry{"s", "1"})
	for k, want := range map[string]float64{"f32": float64(float32(1e-5)), "f64": 0.1} {
		if got, ok := m.Float(k); got != want || !ok {
			t.Errorf("Float(%q) gives %v, %v", k, got, ok)
		}
	}
	for _, k := range []string{"u32", "s", "missing"} {
		if got, ok := m.Float(k); got != 0 || ok {
			t.Errorf("Float(%q) gives %v, %v", k, got, ok)
		}
	}
}

func TestGet(t *testing.T) {
	m := metaOf(entry{"b", true}, entry{"s", "x"})
	if v, ok := Get[bool](m, "b"); !v || !ok {
		t.Errorf("bool: %v, %v", v, ok)
	}
	if v, ok := Get[string](m, "s"); v != "x" || !ok {
		t.Errorf("string: %q, %v", v, ok)
	}
	if v, ok := Get[string](m, "b"); v != "" || ok {
		t.Errorf("bool as string: %q, %v", v, ok)
	}
	if v, ok := Get[bool](&Meta{}, "b"); v || ok {
		t.Errorf("missing: %v, %v", v, ok)
	}
}

func TestValueTypeNames(t *testing.T) {
	for typ, want := range map[ValueType]string{Uint8: "u8", String: "str", ArrayType: "arr", Float64: "f64", 13: "ValueType(13)"} {
		if typ.String() != want {
			t.Errorf("%d is called %q, want %q", uint32(typ), typ, want)
		}
	}
}
