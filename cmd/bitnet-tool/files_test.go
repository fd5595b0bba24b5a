package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/quant"
)

// setkvCmd copies a file with one metadata text changed.
func setkvCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: setkv IN OUT KEY FILE")
	}
	in, err := gguf.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer in.Close()
	in.Meta.Set(args[2], strings.TrimSuffix(ts.ReadFile(args[3]), "\n"))
	for key, v := range in.Meta.All() {
		a, ok := v.(gguf.Array)
		if !ok {
			continue
		}
		switch a.Elem { // what a vocabulary is made of; a writer wants slices
		case gguf.String:
			list, _, err := gguf.Slice[string](&in.Meta, key)
			ts.Check(err)
			in.Meta.Set(key, list)
		case gguf.Int32:
			list, _, err := gguf.Slice[int32](&in.Meta, key)
			ts.Check(err)
			in.Meta.Set(key, list)
		default:
			ts.Fatalf("key %s: array of %v", key, a.Elem)
		}
	}
	var infos []gguf.TensorInfo
	for _, t := range in.Tensors {
		infos = append(infos, t.TensorInfo)
	}
	write(ts, args[1], &in.Meta, infos, func(i int) io.Reader { return in.Section(in.Tensors[i]) })
}

// write makes a file.
func write(ts *testscript.TestScript, path string, m *gguf.Meta, infos []gguf.TensorInfo, data func(int) io.Reader) {
	l, err := gguf.NewLayout(m, infos)
	ts.Check(err)
	out, err := os.Create(ts.MkAbs(path))
	ts.Check(err)
	ts.Check(l.WriteFrame(out))
	for i := range infos {
		_, err := io.Copy(l.Section(out, i), data(i))
		ts.Check(err)
	}
	ts.Check(out.Close())
}

// partsCmd writes a file as parts beside it, of some tensors each.
func partsCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: parts IN PREFIX TENSORS")
	}
	in, err := gguf.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer in.Close()
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	_, err = in.Split(context.Background(), ts.MkAbs(args[1]), n, progress.Discard)
	ts.Check(err)
}

// settypeCmd copies a file with the type number of one tensor changed.
func settypeCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: settype IN OUT TENSOR NUMBER")
	}
	number, err := strconv.ParseUint(args[3], 10, 32)
	ts.Check(err)
	data := []byte(ts.ReadFile(args[0]))
	in, err := gguf.NewFile(bytes.NewReader(data), int64(len(data)))
	ts.Check(err)
	tensor, ok := in.Tensor(args[2])
	if !ok {
		ts.Fatalf("no tensor %s", args[2])
	}
	// An entry is the name's length and the name, the number of dimensions,
	// these, the type and the offset.
	name := binary.LittleEndian.AppendUint64(nil, uint64(len(tensor.Name)))
	name = append(name, tensor.Name...)
	at := bytes.Index(data, name) + len(name) + 4 + 8*len(tensor.Dims)
	binary.LittleEndian.PutUint32(data[at:], uint32(number))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), data, 0o644))
}

// oddCmd makes a file of an unknown architecture with every kind of metadata
// value, some of them hostile to terminals and to JSON.
func oddCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: odd OUT")
	}
	long := make([]uint16, 65)
	for i := range long {
		long[i] = uint16(i)
	}
	m := &gguf.Meta{}
	for _, kv := range []struct {
		key string
		v   any
	}{
		{"general.architecture", "odd"},
		{"odd.escape", "a\x1b[2Jb\u009bc\nd\x00"},
		{"odd.bytes", "\xff\xfe"},
		{"odd.bidi", "a\u202eb"},
		{"odd.empty", ""},
		{"odd.u8", uint8(255)},
		{"odd.i8", int8(-128)},
		{"odd.u16", uint16(65535)},
		{"odd.i16", int16(-1)},
		{"odd.u32", uint32(math.MaxUint32)},
		{"odd.i32", int32(math.MinInt32)},
		{"odd.u64", uint64(math.MaxUint64)},
		{"odd.i64", int64(math.MinInt64)},
		{"odd.f32", float32(0.1)},
		{"odd.f64", 0.1},
		{"odd.nan", float32(math.NaN())},
		{"odd.inf", math.Inf(-1)},
		{"odd.bool", true},
		{"odd.strings", []string{"a", "b\tc"}},
		{"odd.bools", []bool{true, false}},
		{"odd.floats", []float32{1, float32(math.Inf(1))}},
		{"odd.listed", long[:64]},
		{"odd.long", long},
	} {
		m.Set(kv.key, kv.v)
	}
	infos := []gguf.TensorInfo{{Name: "w", Dims: []int64{32, 2}, Type: quant.F16}}
	write(ts, args[0], m, infos, func(int) io.Reader { return bytes.NewReader(make([]byte, 128)) })
}

// manyCmd makes a file of many tensors, each with its number as data.
func manyCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: many OUT N")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	m := &gguf.Meta{}
	m.Set("general.architecture", "odd")
	m.Set("odd.strings", []string{"a", "b"})
	infos := make([]gguf.TensorInfo, n)
	for i := range infos {
		infos[i] = gguf.TensorInfo{Name: "w." + strconv.Itoa(i), Dims: []int64{33}, Type: quant.F32}
	}
	write(ts, args[0], m, infos, func(i int) io.Reader {
		data := make([]byte, 4*33)
		binary.LittleEndian.PutUint32(data, uint32(i))
		return bytes.NewReader(data)
	})
}
