package pipeline

import (
	"encoding/binary"
	"os"
	"testing"
	"testing/fstest"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/quant"
	"github.com/google/go-cmp/cmp"
)

func TestLocator(t *testing.T) {
	dir := t.TempDir()
	meta := &gguf.Meta{}
	meta.Set("general.architecture", "bitnet-b1.58")
	l, err := gguf.NewLayout(meta, []gguf.TensorInfo{
		{Name: "first", Dims: []int64{32}, Type: quant.F32}, {Name: "second", Dims: []int64{64}, Type: quant.F32},
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(dir + "/m.gguf")
	if err == nil {
		err = l.WriteFrame(out)
	}
	if err == nil {
		err = out.Truncate(l.FileSize)
	}
	if err != nil {
		t.Fatal(err)
	}
	out.Close()
	data := l.FileSize - 128 - 256 // where the tensors begin

	header := `{"a":{"dtype":"U8","shape":[10],"data_offsets":[0,10]},"b":{"dtype":"U8","shape":[6],"data_offsets":[10,16]}}`
	st := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
	begin := int64(len(st))
	g, err := os.ReadFile(dir + "/m.gguf")
	if err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{
		"m.gguf": {Data: g}, "s/w.safetensors": {Data: append(st, make([]byte, 16)...)},
		"broken.gguf": {Data: g[:40]}, "broken.safetensors": {Data: st[:9]}, "text.json": {Data: []byte("{}")},
	}
	locate := Locator()
	for name, tc := range map[string]struct {
		file           string
		offset, length int64
		want           []string
	}{
		"header":       {"m.gguf", 0, data, nil},
		"first byte":   {"m.gguf", data, 1, []string{"first"}},
		"last byte":    {"m.gguf", data + 127, 1, []string{"first"}},
		"next byte":    {"m.gguf", data + 128, 1, []string{"second"}},
		"both":         {"m.gguf", 0, 1 << 20, []string{"first", "second"}},
		"behind":       {"m.gguf", data + 384, 10, nil},
		"safetensors":  {"s/w.safetensors", begin + 10, 1, []string{"b"}},
		"border":       {"s/w.safetensors", begin + 9, 2, []string{"a", "b"}},
		"broken":       {"broken.gguf", 0, 100, nil},
		"broken too":   {"broken.safetensors", 0, 100, nil},
		"other format": {"text.json", 0, 1, nil},
		"no file":      {"none.gguf", 0, 1, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 { // the second time from memory
				if diff := cmp.Diff(tc.want, locate(fsys, tc.file, tc.offset, tc.length)); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}
