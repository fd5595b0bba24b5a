package gguf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// arrays is a file with one array of two elements for each element type,
// followed by another key, so that a wrong length shows.
func arrays(version uint32, order binary.AppendByteOrder) *raw {
	r := begin(version, order, 0, 13)
	r.array("u8", 0, 2).u8(1).u8(255)
	r.array("i8", 1, 2).u8(1).u8(255)
	r.array("u16", 2, 2).u16(1).u16(65535)
	r.array("i16", 3, 2).u16(1).u16(65535)
	r.array("u32", 4, 2).u32(1).u32(1<<32 - 1)
	r.array("i32", 5, 2).u32(1).u32(1<<32 - 1)
	r.array("f32", 6, 2).f32(1).f32(-0.5)
	r.array("bool", 7, 2).u8(1).u8(0)
	r.array("str", 8, 2).str("one").str("")
	r.array("u64", 10, 2).u64(1).u64(1<<64 - 1)
	r.array("i64", 11, 2).u64(1).u64(1<<64 - 1)
	r.array("f64", 12, 2).f64(1).f64(-0.5)
	r.key("after", 4).u32(7)
	return r
}

func TestSlice(t *testing.T) {
	want := []entry{
		{"u8", []uint8{1, 255}},
		{"i8", []int8{1, -1}},
		{"u16", []uint16{1, 65535}},
		{"i16", []int16{1, -1}},
		{"u32", []uint32{1, 1<<32 - 1}},
		{"i32", []int32{1, -1}},
		{"f32", []float32{1, -0.5}},
		{"bool", []bool{true, false}},
		{"str", []string{"one", ""}},
		{"u64", []uint64{1, 1<<64 - 1}},
		{"i64", []int64{1, -1}},
		{"f64", []float64{1, -0.5}},
		{"after", uint32(7)},
	}
	for version := uint32(1); version <= 3; version++ {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			t.Run(fmt.Sprintf("version %d %v", version, order), func(t *testing.T) {
				f, err := arrays(version, order).file()
				if err != nil {
					t.Fatal(err)
				}
				got, err := entries(&f.Meta)
				if err != nil {
					t.Fatal(err)
				}
				for _, w := range want[:len(want)-1] {
					v, _ := f.Meta.Value(w.Key)
					if v, err = v.(Array).Read(); err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(w.Value, v); diff != "" {
						t.Errorf("%s (-want +got):\n%s", w.Key, diff)
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}

// Each array read as each type but its own is an error that names the key.
func TestSliceOfWrongType(t *testing.T) {
	f, err := arrays(3, binary.LittleEndian).file()
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range f.Meta.All() {
		a, isArray := v.(Array)
		for elem := Uint8; elem <= Float64; elem++ {
			if elem == ArrayType || isArray && a.Elem == elem {
				continue
			}
			_, err := slice(&f.Meta, k, elem)
			if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), fmt.Sprintf("%q", k)) {
				t.Errorf("%s as %s: %v", k, elem, err)
			}
		}
	}
	if _, _, err := Slice[int](&f.Meta, "i64"); !errors.Is(err, ErrFormat) {
		t.Errorf("as []int: %v", err)
	}
	if _, _, err := Slice[any](&f.Meta, "i64"); !errors.Is(err, ErrFormat) {
		t.Errorf("as []any: %v", err)
	}
}

func TestSliceOfMissingKey(t *testing.T) {
	v, ok, err := Slice[string](&Meta{}, "k")
	if v != nil || ok || err != nil {
		t.Errorf("got %v, %v, %v", v, ok, err)
	}
}

func TestSliceOfSetValue(t *testing.T) {
	m := metaOf(entry{"k", []int32{1, 2}})
	v, ok, err := Slice[int32](m, "k")
	if diff := cmp.Diff([]int32{1, 2}, v); diff != "" || !ok || err != nil {
		t.Errorf("got %v, %v, %v", v, ok, err)
	}
	if _, _, err := Slice[uint32](m, "k"); !errors.Is(err, ErrFormat) {
		t.Errorf("as uint32: %v", err)
	}
}

func TestArrayRaw(t *testing.T) {
	f, err := arrays(1, binary.BigEndian).file()
	if err != nil {
		t.Fatal(err)
	}
	a, ok := Get[Array](&f.Meta, "str")
	if !ok || a.Elem != String || a.Len != 2 {
		t.Fatalf("got %+v, %v", a, ok)
	}
	got, err := io.ReadAll(a.Raw())
	if want := "\x00\x00\x00\x03one\x00\x00\x00\x00"; string(got) != want || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// What was checked when the file was opened may have changed since.
func TestSliceOfChangedFile(t *testing.T) {
	build := func() (*cutFile, *Meta) {
		r := v3(0, 1).array("k", 8, 2).str("one").str("two")
		cut := &cutFile{b: r.b}
		f, err := NewFile(cut, int64(len(r.b)))
		if err != nil {
			t.Fatal(err)
		}
		return cut, &f.Meta
	}
	t.Run("cut", func(t *testing.T) {
		cut, m := build()
		cut.b = cut.b[:len(cut.b)-1]
		if v, _, err := Slice[string](m, "k"); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("got %q, %v", v, err)
		}
	})
	for name, length := range map[string]uint64{"longer": 4, "huge": 1<<64 - 1, "no room for the next length": 10, "all": 14} {
		t.Run(name, func(t *testing.T) {
			cut, m := build()
			binary.LittleEndian.PutUint64(cut.b[len(cut.b)-22:], length)
			if v, _, err := Slice[string](m, "k"); err == nil || !strings.Contains(err.Error(), "changed while in use") {
				t.Errorf("got %q, %v", v, err)
			}
		})
	}
}
