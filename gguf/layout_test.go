package gguf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/quant"
)

func TestLayoutRefuses(t *testing.T) {
	one := func(name string, typ quant.Type, dims ...int64) []TensorInfo {
		return []TensorInfo{{"first", []int64{1}, quant.F32}, {name, dims, typ}}
	}
	key := func(k string, v any) *Meta { return metaOf(entry{"k", uint8(1)}, entry{k, v}) }
	tests := []struct {
		name string
		m    *Meta
		ts   []TensorInfo
		is   error
		says []string
	}{
		{"empty key", key("", uint8(1)), nil, ErrFormat, []string{"metadata 2", "empty key"}},
		{"key with a control character", key("a\x1b[2J", uint8(1)), nil, ErrFormat, []string{`"a\x1b[2J"`}},
		{"key too long", key(strings.Repeat("k", 65536), uint8(1)), nil, ErrFormat, []string{"key length", "65535"}},
		{"string too long", key("s", strings.Repeat("x", 16<<20+1)), nil, ErrFormat, []string{`key "s"`, "16777216"}},
		{"array too long", key("a", make([]uint8, 4<<20+1)), nil, ErrFormat, []string{`key "a"`, "4194304"}},
		{"value of another type", key("v", 7), nil, ErrFormat, []string{`key "v"`, "int"}},
		{"no value", key("v", nil), nil, ErrFormat, []string{`key "v"`}},
		{"array of arrays", key("v", [][]uint8{{1}}), nil, ErrFormat, []string{`key "v"`}},
		{"bad alignment", key("general.alignment", uint32(24)), nil, ErrFormat, []string{"general.alignment", "24"}},
		{"alignment of another type", key("general.alignment", 32), nil, ErrFormat, []string{"general.alignment", "int"}},

		{"no name", nil, one("", quant.F32, 1), ErrFormat, []string{"tensor 2", "empty"}},
		{"name of 64 bytes", nil, one(strings.Repeat("n", 64), quant.F32, 1), ErrFormat, []string{"nnn", "63"}},
		{"path in a name", nil, one("../x", quant.F32, 1), ErrFormat, []string{`"../x"`}},
		{"same name twice", nil, one("first", quant.F32, 1), ErrFormat, []string{`"first"`, "twice"}},
		{"no dimensions", nil, one("t", quant.F32), ErrFormat, []string{`"t"`, "0 dimensions"}},
		{"five dimensions", nil, one("t", quant.F32, 1, 1, 1, 1, 1), ErrFormat, []string{`"t"`, "5 dimensions"}},
		{"dimension 0", nil, one("t", quant.F32, 4, 0), ErrFormat, []string{`"t"`, "[4 0]"}},
		{"negative dimension", nil, one("t", quant.F32, -4), ErrFormat, []string{`"t"`, "[-4]"}},
		{"dimension beyond 2^40", nil, one("t", quant.F32, 1<<40+1), ErrFormat, []string{`"t"`}},
		{"product overflows", nil, one("t", quant.I8, 1<<40, 1<<23), ErrFormat, []string{`"t"`}},
		{"bytes overflow", nil, one("t", quant.F64, 1<<40, 1<<22), quant.ErrShape, []string{`"t"`, "overflows"}},
		{"file size overflows", nil, []TensorInfo{
			{"a", []int64{1 << 40, 1 << 21}, quant.I8}, {"b", []int64{1 << 40, 1 << 21}, quant.I8},
		}, ErrFormat, []string{`"b"`, "overflows"}},
		{"row of 67.5 blocks", nil, one("t", quant.I2_S, 8640, 2), quant.ErrShape, []string{`"t"`, "8640", "I2_S"}},
		{"type without a number to write", nil, one("t", quant.TL1, 128), ErrFormat, []string{`"t"`, "TL1"}},
		{"no type", nil, one("t", quant.Invalid, 128), ErrFormat, []string{`"t"`}},
		// With 128-byte alignment one I2_S block takes as much room as one of
		// IQ4_NL_4_4, which has the same number.
		{
			"I2_S that reads as another type", metaOf(entry{"general.alignment", uint32(128)}, entry{"general.architecture", "llama"}),
			one("t", quant.I2_S, 128), ErrFormat,
			[]string{`"t"`, "I2_S", "36"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := tt.m
			if m == nil {
				m = &Meta{}
			}
			l, err := NewLayout(m, tt.ts)
			if !errors.Is(err, tt.is) {
				t.Fatalf("got %v, want %v", err, tt.is)
			}
			if l != nil {
				t.Error("a layout besides the error")
			}
			for _, s := range tt.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%q does not say %q", err, s)
				}
			}
		})
	}
}

func TestLayoutTooMany(t *testing.T) {
	ts := make([]TensorInfo, 65537)
	m := &Meta{}
	for i := range ts {
		ts[i] = TensorInfo{fmt.Sprintf("t%d", i), []int64{1}, quant.F32}
		m.Set(fmt.Sprintf("k%d", i), true)
	}
	if _, err := NewLayout(&Meta{}, ts); !errors.Is(err, ErrFormat) {
		t.Errorf("65537 tensors: %v", err)
	}
	if _, err := NewLayout(m, nil); !errors.Is(err, ErrFormat) {
		t.Errorf("65537 keys: %v", err)
	}
}

// An array that is still in a file is copied only if its bytes are all there
// and in the writer's form.
func TestLayoutCopiesArrays(t *testing.T) {
	for _, tt := range []struct {
		name string
		r    *raw
	}{
		{"version 1", everything(1, binary.LittleEndian)},
		{"big-endian", everything(3, binary.BigEndian)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := tt.r.file()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := NewLayout(&f.Meta, nil); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), `key "strings"`) || !strings.Contains(err.Error(), "cannot be copied") {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("file cut since it was opened", func(t *testing.T) {
		r := everything(3, binary.LittleEndian)
		cut := &cutFile{b: r.b}
		f, err := NewFile(cut, int64(len(r.b)))
		if err != nil {
			t.Fatal(err)
		}
		cut.b = cut.b[:bytes.Index(r.b, []byte("ints"))+20]
		if _, err := NewLayout(&f.Meta, nil); !errors.Is(err, io.EOF) || !strings.Contains(err.Error(), `"ints"`) {
			t.Errorf("got %v", err)
		}
	})
}

// cutFile is a file that can shrink.
type cutFile struct{ b []byte }

func (f *cutFile) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(f.b)) {
		return 0, io.EOF
	}
	n := copy(p, f.b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// failing refuses the write at one offset.
type failing struct{ at int64 }

var errWrite = errors.New("disk full")

func (f failing) WriteAt(p []byte, off int64) (int, error) {
	if off == f.at {
		return 0, errWrite
	}
	return len(p), nil
}

func TestWriteFrameReportsErrors(t *testing.T) {
	l, err := NewLayout(&Meta{}, sample)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int64{0, l.DataOffset + 12} {
		if err := l.WriteFrame(failing{at}); !errors.Is(err, errWrite) {
			t.Errorf("write at %d fails: got %v", at, err)
		}
	}
}
