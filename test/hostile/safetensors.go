package main

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
)

const weightsFile = "model.safetensors"

// safetensorsCases are folders whose weights, or the list of them, are spoilt.
func safetensorsCases() []hostile {
	raw := func(n uint64, header string) func([]byte) []byte {
		return func([]byte) []byte { return append(binary.LittleEndian.AppendUint64(nil, n), header...) }
	}
	head := func(header string) func([]byte) []byte { return raw(uint64(len(header)), header) }
	replace := func(old, other string) func([]byte) []byte {
		return func(good []byte) []byte {
			n := binary.LittleEndian.Uint64(good)
			header := bytes.Replace(good[8:8+n:8+n], []byte(old), []byte(other), 1)
			out := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
			return append(append(out, header...), good[8+n:]...)
		}
	}
	index := func(text string) func([]byte) []byte { return func([]byte) []byte { return []byte(text) } }
	var out []hostile
	for _, c := range []struct {
		name, want string
		spoil      func([]byte) []byte
	}{
		{"empty", weightsFile, raw(0, "")},
		{"header-length", weightsFile, raw(math.MaxInt64, "{}")},
		{"header-beyond", weightsFile, raw(1<<20, "{}")},
		{"header-200-mb", weightsFile, raw(200<<20, "{}")},
		{"header-no-json", weightsFile, head("nonsense")},
		{"header-deep", weightsFile, head(strings.Repeat(`{"a":`, 100_000))},
		{"header-array", weightsFile, head("[]")},
		{"tensor-twice", "t", head(`{"t":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"t":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`)},
		{"offsets-beyond", "t", head(`{"t":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}`)},
		{"offsets-negative", weightsFile, head(`{"t":{"dtype":"F32","shape":[4],"data_offsets":[-16,0]}}`)},
		{"tensors-overlap", weightsFile, head(`{"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"u":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}` + strings.Repeat("\x00", 12))},
		{"tensors-apart", weightsFile, head(`{"t":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}` + strings.Repeat("\x00", 12))},
		{"field-twice", weightsFile, head(`{"t":{"dtype":"F32","dtype":"BF16","shape":[0],"data_offsets":[0,0]}}`)},
		{"shape-nan", weightsFile, head(`{"t":{"dtype":"F32","shape":[NaN],"data_offsets":[0,4]}}`)},
		{"name-control", weightsFile, head(`{"a\u0000\u001b[2Jb":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`)},
		{"offsets-swapped", "t", head(`{"t":{"dtype":"F32","shape":[4],"data_offsets":[16,0]}}`)},
		{"shape-overflow", "t", head(`{"t":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`)},
		{"shape-huge", weightsFile, head(`{"t":{"dtype":"F32","shape":[99999999999999999999999],"data_offsets":[0,0]}}`)},
		{"dtype", "Q9", head(`{"t":{"dtype":"Q9","shape":[1],"data_offsets":[0,4]}}`)},
		{"truncated", weightsFile, func(good []byte) []byte { return good[:len(good)-1] }},
		{"padded", weightsFile, func(good []byte) []byte { return append(good, 0) }},
		{"other-shape", "model.norm.weight", replace(`"model.norm.weight":{"dtype":"BF16","shape":[256]`, `"model.norm.weight":{"dtype":"BF16","shape":[255]`)},
		{"other-name", "model.norm.weight", replace(`"model.norm.weight"`, `"model.morn.weight"`)},
	} {
		out = append(out, hostile{name: "safetensors-" + c.name, want: c.want, file: weightsFile, spoil: c.spoil})
	}
	for _, c := range []struct {
		name, want, text string
	}{
		{"no-json", "model.safetensors.index.json", "nonsense"},
		{"outside", "passwd", `{"weight_map":{"t":"../../../../etc/passwd"}}`},
		{"absolute", "passwd", `{"weight_map":{"t":"/etc/passwd"}}`},
		{"sibling", "../good", `{"weight_map":{"model.norm.weight":"../good/model.safetensors"}}`},
		{"through", "/../", `{"weight_map":{"model.norm.weight":"../index-through/../good/model.safetensors"}}`},
		{"backslash", "good", `{"weight_map":{"model.norm.weight":"..\\good\\model.safetensors"}}`},
		{"folder", "weight", `{"weight_map":{"model.norm.weight":"."}}`},
		{"no-name", "weight", `{"weight_map":{"model.norm.weight":""}}`},
		{"nul", "weight", `{"weight_map":{"model.norm.weight":"model.safetensors\u0000.txt"}}`},
		{"number", "model.safetensors.index.json", `{"weight_map":{"model.norm.weight":7}}`},
		{"tensor-twice", "model.norm.weight", `{"weight_map":{"model.norm.weight":"model.safetensors","model.norm.weight":"other.safetensors"}}`},
		{"shards-overlap", "model.safetensors", `{"weight_map":{"model.norm.weight":"model.safetensors","lm_head.weight":"./model.safetensors"}}`},
		{"incomplete", "weight", `{"weight_map":{"model.norm.weight":"model.safetensors"}}`},
		{"unknown-tensor", "nobody.weight", `{"weight_map":{"nobody.weight":"model.safetensors"}}`},
		{"config", "config.json", `{"weight_map":{"model.norm.weight":"config.json"}}`},
		{"missing-shard", "model-00009", `{"weight_map":{"t":"model-00009-of-00009.safetensors"}}`},
		{"deep", "model.safetensors.index.json", strings.Repeat(`{"weight_map":`, 100_000)},
	} {
		out = append(out, hostile{name: "index-" + c.name, want: c.want, file: "model.safetensors.index.json", spoil: index(c.text)})
	}
	return out
}
