package main

import (
	"encoding/binary"
	"math"
	"strings"
)

// Value types of GGUF (ggml docs/gguf.md).
const (
	typeUint32 = 4
	typeBool   = 7
	typeString = 8
	typeArray  = 9
)

// writer appends little-endian numbers and strings to a header.
type writer []byte

func (w writer) u32(v uint32) writer { return binary.LittleEndian.AppendUint32(w, v) }
func (w writer) u64(v uint64) writer { return binary.LittleEndian.AppendUint64(w, v) }
func (w writer) str(s string) writer { return append(w.u64(uint64(len(s))), s...) }

// head begins a file of so many tensors and keys.
func head(tensors, keys uint64) writer { return writer("GGUF").u32(3).u64(tensors).u64(keys) }

func (w writer) kvString(key, value string) writer { return w.str(key).u32(typeString).str(value) }
func (w writer) kvUint(key string, v uint32) writer {
	return w.str(key).u32(typeUint32).u32(v)
}

// tensor describes a tensor.
func (w writer) tensor(name string, typ uint32, offset uint64, dims ...uint64) writer {
	w = w.str(name).u32(uint32(len(dims)))
	for _, d := range dims {
		w = w.u64(d)
	}
	return w.u32(typ).u64(offset)
}

// data pads the header and appends n bytes of tensor data.
func (w writer) data(n int) []byte {
	for len(w)%32 != 0 {
		w = append(w, 0)
	}
	return append(w, make([]byte, n)...)
}

// ggufCases are single files; each is named after what is wrong with it.
func ggufCases() []hostile {
	const huge = math.MaxInt64
	f32 := func(n int) writer { return head(uint64(n), 0) }
	deep := head(0, 1).str("k").u32(typeArray)
	for range 100_000 {
		deep = deep.u32(typeArray).u64(1)
	}
	return []hostile{
		{name: "empty.gguf", want: "GGUF", data: nil},
		{name: "magic.gguf", want: "magic", data: []byte("GGML\x03\x00\x00\x00")},
		{name: "version.gguf", want: "version", data: writer("GGUF").u32(99).u64(0).u64(0)},
		{name: "key-count.gguf", want: "metadata count", data: head(0, huge)},
		{name: "tensor-count.gguf", want: "tensor count", data: head(huge, 0)},
		{name: "key-length.gguf", want: "key", data: head(0, 1).u64(huge)},
		{name: "string-length.gguf", want: `"k"`, data: head(0, 1).str("k").u32(typeString).u64(huge)},
		{name: "array-length.gguf", want: `"k"`, data: head(0, 1).str("k").u32(typeArray).u32(typeUint32).u64(huge)},
		{name: "array-overflow.gguf", want: `"k"`, data: head(0, 1).str("k").u32(typeArray).u32(typeUint32).u64(1 << 62)},
		{name: "array-of-strings.gguf", want: `"k"`, data: head(0, 1).str("k").u32(typeArray).u32(typeString).u64(1 << 24).u64(huge)},
		{name: "array-of-arrays.gguf", want: `"k"`, data: deep},
		{name: "value-type.gguf", want: `"k"`, data: head(0, 1).str("k").u32(99).u64(0)},
		{name: "bool.gguf", want: `"k"`, data: append(head(0, 1).str("k").u32(typeBool), 2)},
		{name: "key-twice.gguf", want: `"k"`, data: head(0, 2).kvUint("k", 1).kvUint("k", 2)},
		{name: "key-not-utf8.gguf", want: "key", data: head(0, 1).kvUint("\xff\xfe", 1)},
		{name: "alignment-zero.gguf", want: "general.alignment", data: head(0, 1).kvUint("general.alignment", 0)},
		{name: "alignment-odd.gguf", want: "general.alignment", data: head(0, 1).kvUint("general.alignment", 33)},
		{name: "alignment-huge.gguf", want: "general.alignment", data: head(0, 1).kvUint("general.alignment", 1<<31)},
		{name: "alignment-text.gguf", want: "general.alignment", data: head(0, 1).kvString("general.alignment", "32")},
		{name: "dimensions.gguf", want: `"t"`, data: f32(1).str("t").u32(1 << 31).u64(1)},
		{name: "five-dimensions.gguf", want: `"t"`, data: f32(1).tensor("t", 0, 0, 1, 1, 1, 1, 1).data(4)},
		{name: "zero-dimension.gguf", want: `"t"`, data: f32(1).tensor("t", 0, 0, 0, 4).data(0)},
		{name: "huge-dimension.gguf", want: `"t"`, data: f32(1).tensor("t", 0, 0, huge).data(32)},
		{name: "product-wraps.gguf", want: `"t"`, data: f32(1).tensor("t", 0, 0, 1<<42+1, 1<<22, 1, 1).data(1 << 12)},
		{name: "product-is-zero.gguf", want: `"t"`, data: f32(1).tensor("t", 0, 0, 1<<32, 1<<32).data(32)},
		{name: "offset-beyond.gguf", want: `"t"`, data: f32(1).tensor("t", 0, 1<<40, 8).data(32)},
		{name: "offset-wraps.gguf", want: `"t"`, data: f32(1).tensor("t", 0, math.MaxUint64-31, 8).data(32)},
		{name: "offset-unaligned.gguf", want: `"t"`, data: f32(1).tensor("t", 0, 4, 8).data(64)},
		{name: "overlap.gguf", want: `"u"`, data: f32(2).tensor("t", 0, 0, 16).tensor("u", 0, 0, 16).data(128)},
		{name: "gap.gguf", want: `"u"`, data: f32(2).tensor("t", 0, 0, 8).tensor("u", 0, 4096, 8).data(8192)},
		{name: "truncated.gguf", want: `"t"`, data: f32(1).tensor("t", 0, 0, 1<<20).data(1 << 10)},
		{name: "tensor-twice.gguf", want: `"t"`, data: f32(2).tensor("t", 0, 0, 8).tensor("t", 0, 32, 8).data(64)},
		{name: "name-length.gguf", want: "name", data: f32(1).tensor(strings.Repeat("n", 1<<16), 0, 0, 8).data(32)},
		{name: "name-not-utf8.gguf", want: "name", data: f32(1).tensor("\xff", 0, 0, 8).data(32)},
		{name: "block-rest.gguf", want: `"t"`, data: f32(1).tensor("t", 8, 0, 33).data(64)},
		{name: "cut-in-a-key.gguf", want: "key", data: head(0, 1).str("general.architecture")[:30]},
		{name: "cut-in-a-tensor.gguf", want: "tensor", data: f32(1).tensor("t", 0, 0, 8)[:40]},
		{name: "many-layers.gguf", want: "block_count", data: model(map[string]uint32{"block_count": math.MaxUint32})},
		{name: "layers-without-tensors.gguf", want: "block_count", data: model(map[string]uint32{"block_count": 1000})},
		{name: "no-heads.gguf", want: "head", data: model(map[string]uint32{"attention.head_count": 0})},
		{name: "wide.gguf", want: "embedding", data: model(map[string]uint32{"embedding_length": 1 << 30})},
	}
}

// model is a file with the parameters of a model and one tensor.
func model(change map[string]uint32) []byte {
	keys := []string{"context_length", "embedding_length", "block_count", "feed_forward_length", "attention.head_count", "vocab_size"}
	values := []uint32{512, 256, 1, 512, 4, 32}
	w := head(1, uint64(len(keys))+2).kvString("general.architecture", "llama")
	w = w.str("llama.attention.layer_norm_rms_epsilon").u32(6).u32(math.Float32bits(1e-5))
	for i, k := range keys {
		v, ok := change[k]
		if !ok {
			v = values[i]
		}
		w = w.kvUint("llama."+k, v)
	}
	return w.tensor("output_norm.weight", 0, 0, 256).data(1024)
}
