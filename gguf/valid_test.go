package gguf

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akadata/bitnet-tool/quant"
)

// everything is a file with each value type and two tensors.
func everything(version uint32, order binary.AppendByteOrder) *raw {
	r := begin(version, order, 2, 17)
	r.key("general.architecture", 8).str("llama")
	r.key("u8", 0).u8(200)
	r.key("i8", 1).u8(0xfe)
	r.key("u16", 2).u16(60000)
	r.key("i16", 3).u16(0xfffe)
	r.key("u32", 4).u32(4000000000)
	r.key("i32", 5).u32(0xfffffffe)
	r.key("f32", 6).f32(1.5)
	r.key("yes", 7).u8(1)
	r.key("no", 7).u8(0)
	r.key("empty", 8).str("")
	r.key("u64", 10).u64(1 << 63)
	r.key("i64", 11).u64(1<<64 - 2)
	r.key("f64", 12).f64(-2.5)
	r.array("strings", 8, 3).str("a").str("").str("ĉĝ")
	r.array("none", 5, 0)
	r.array("ints", 5, 2).u32(7).u32(0xffffffff)
	r.tensor("token_embd.weight", 0, 0, 3, 2)
	r.tensor("blk.0.norm", 1, 32, 5)
	return r.data(32, 64)
}

var everythingMeta = []entry{
	{"general.architecture", "llama"},
	{"u8", uint8(200)},
	{"i8", int8(-2)},
	{"u16", uint16(60000)},
	{"i16", int16(-2)},
	{"u32", uint32(4000000000)},
	{"i32", int32(-2)},
	{"f32", float32(1.5)},
	{"yes", true},
	{"no", false},
	{"empty", ""},
	{"u64", uint64(1 << 63)},
	{"i64", int64(-2)},
	{"f64", -2.5},
	{"strings", []string{"a", "", "ĉĝ"}},
	{"none", []int32{}},
	{"ints", []int32{7, -1}},
}

// entry is a key and its value, arrays as slices.
type entry struct {
	Key   string
	Value any
}

// entries reads all metadata in file order.
func entries(m *Meta) ([]entry, error) {
	var out []entry
	for k, v := range m.All() {
		if a, ok := v.(Array); ok {
			var err error
			if v, err = slice(m, k, a.Elem); err != nil {
				return nil, err
			}
		}
		out = append(out, entry{k, v})
	}
	return out, nil
}

// slice is Slice for an element type known only when running.
func slice(m *Meta, key string, elem ValueType) (v any, err error) {
	switch elem {
	case Uint8:
		v, _, err = Slice[uint8](m, key)
	case Int8:
		v, _, err = Slice[int8](m, key)
	case Uint16:
		v, _, err = Slice[uint16](m, key)
	case Int16:
		v, _, err = Slice[int16](m, key)
	case Uint32:
		v, _, err = Slice[uint32](m, key)
	case Int32:
		v, _, err = Slice[int32](m, key)
	case Float32:
		v, _, err = Slice[float32](m, key)
	case Bool:
		v, _, err = Slice[bool](m, key)
	case String:
		v, _, err = Slice[string](m, key)
	case Uint64:
		v, _, err = Slice[uint64](m, key)
	case Int64:
		v, _, err = Slice[int64](m, key)
	case Float64:
		v, _, err = Slice[float64](m, key)
	default:
		err = fmt.Errorf("array of %s", elem)
	}
	return v, err
}

func TestValidFiles(t *testing.T) {
	for version := uint32(1); version <= 3; version++ {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			t.Run(fmt.Sprintf("version %d %v", version, order), func(t *testing.T) {
				r := everything(version, order)
				f, err := r.file()
				if err != nil {
					t.Fatal(err)
				}
				if f.Version != version || f.ByteOrder != order.(binary.ByteOrder) || f.Alignment != 32 {
					t.Errorf("version %d, %v, alignment %d", f.Version, f.ByteOrder, f.Alignment)
				}
				if want := int64(len(r.b) - 64); f.DataOffset != want || f.FileSize != want+64 {
					t.Errorf("data at %d of %d, want %d", f.DataOffset, f.FileSize, want)
				}
				got, err := entries(&f.Meta)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(everythingMeta, got); diff != "" {
					t.Errorf("metadata (-want +got):\n%s", diff)
				}
				want := []Tensor{
					{TensorInfo{"token_embd.weight", []int64{3, 2}, quant.F32}, 0, 0, 24},
					{TensorInfo{"blk.0.norm", []int64{5}, quant.F16}, 1, 32, 10},
				}
				if diff := cmp.Diff(want, f.Tensors); diff != "" {
					t.Errorf("tensors (-want +got):\n%s", diff)
				}
				if f.Architecture() != "llama" {
					t.Errorf("architecture %q", f.Architecture())
				}
				data, err := io.ReadAll(f.Section(f.Tensors[1]))
				if err != nil || string(data) != "\x20\x21\x22\x23\x24\x25\x26\x27\x28\x29" {
					t.Errorf("data of the second tensor: %x, %v", data, err)
				}
			})
		}
	}
}

func TestUnusualButValid(t *testing.T) {
	tests := []struct {
		name  string
		r     *raw
		check func(f *File) bool
	}{
		{"empty file, header not padded", v3(0, 0), func(f *File) bool { return len(f.Tensors) == 0 && f.Meta.Len() == 0 }},
		{"no tensors, header padded", v3(0, 1).key("k", 0).u8(1).data(32, 0), func(f *File) bool { return f.Meta.Len() == 1 }},
		{"array at the very end", v3(0, 1).array("k", 4, 1).u32(7), func(f *File) bool {
			v, ok, err := Slice[uint32](&f.Meta, "k")
			return ok && err == nil && len(v) == 1 && v[0] == 7
		}},
		{"empty array at the very end", v3(0, 1).array("k", 8, 0), func(f *File) bool {
			v, ok, err := Slice[string](&f.Meta, "k")
			return ok && err == nil && v != nil && len(v) == 0
		}},
		{"last tensor not padded", v3(1, 0).tensor("t", 0, 0, 3).data(32, 12), func(f *File) bool { return f.Tensors[0].Size == 12 }},
		{"last tensor padded", v3(1, 0).tensor("t", 0, 0, 3).data(32, 32), func(f *File) bool { return f.Tensors[0].Size == 12 }},
		{"scalar without dimensions", v3(1, 0).tensor("t", 0, 0).data(32, 4), func(f *File) bool {
			return f.Tensors[0].Elements() == 1 && f.Tensors[0].Cols() == 1 && f.Tensors[0].Size == 4
		}},
		{"four dimensions", v3(1, 0).tensor("t", 24, 0, 2, 3, 5, 7).data(32, 210), func(f *File) bool {
			return f.Tensors[0].Cols() == 2 && f.Tensors[0].Rows() == 105 && f.Tensors[0].Elements() == 210
		}},
		{"alignment 8", v3(2, 1).key("general.alignment", 4).u32(8).
			tensor("a", 24, 0, 1).tensor("b", 24, 8, 1).data(8, 16), func(f *File) bool { return f.Alignment == 8 }},
		{"alignment 1 MiB", v3(1, 1).key("general.alignment", 4).u32(1<<20).
			tensor("a", 24, 0, 1).data(1<<20, 1), func(f *File) bool { return f.Alignment == 1<<20 && f.DataOffset == 1<<20 }},
		{"BF16 in the room that I2_S would take", v3(2, 1).key("general.alignment", 4).u32(256).
			tensor("a", 30, 0, 128).tensor("b", 24, 256, 1).data(256, 257), func(f *File) bool { return f.Tensors[0].Size == 256 }},
		{"key in other letters", v3(0, 1).key("ключ", 0).u8(1), func(f *File) bool { _, ok := f.Meta.Uint("ключ"); return ok }},
		{"name of 255 bytes", v3(1, 0).tensor(strings.Repeat("x", 255), 24, 0, 1).data(32, 1), func(f *File) bool { return len(f.Tensors[0].Name) == 255 }},
		{"string that is not UTF-8", v3(0, 1).key("k", 8).str("\xff\x00"), func(f *File) bool {
			s, ok := Get[string](&f.Meta, "k")
			return ok && s == "\xff\x00"
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := tt.r.file()
			if err != nil {
				t.Fatal(err)
			}
			if !tt.check(f) {
				t.Errorf("read as %+v", f)
			}
		})
	}
}

func TestTensorByName(t *testing.T) {
	f, err := everything(3, binary.LittleEndian).file()
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := f.Tensor("blk.0.norm"); !ok || got.Offset != 32 {
		t.Errorf("got %+v, %v", got, ok)
	}
	if got, ok := f.Tensor("blk.1.norm"); ok {
		t.Errorf("found %+v", got)
	}
}
