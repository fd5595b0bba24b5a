package synth

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
)

// shard is one safetensors file.
type shard struct {
	name    string
	header  []byte // with its length before it
	tensors []placed
	size    int64 // of the file
}

// placed is a tensor with the offset of its first byte in the file.
type placed struct {
	tensor
	offset int64
}

// shards distributes tensors in order: a file takes as many as fit into limit
// bytes, and one that is larger than that has a file of its own (transformers,
// modeling_utils.py max_shard_size).
func shards(list []tensor, limit int64) ([]shard, error) {
	var groups [][]tensor
	var size int64
	for _, t := range list {
		if len(groups) == 0 || size+t.bytes() > limit {
			groups, size = append(groups, nil), 0
		}
		last := len(groups) - 1
		groups[last], size = append(groups[last], t), size+t.bytes()
	}
	out := make([]shard, len(groups))
	for i, g := range groups {
		name := "model.safetensors"
		if len(groups) > 1 {
			name = fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, len(groups))
		}
		var err error
		if out[i], err = newShard(name, g); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// newShard lays a file out as the reference writer does: tensors by type, the
// widest first, then by name; the header padded with spaces to a multiple of 8
// (huggingface/safetensors, safetensors/src/tensor.rs).
func newShard(name string, list []tensor) (shard, error) {
	order := []string{"BF16", "F16", "U8"}
	slices.SortFunc(list, func(a, b tensor) int {
		return cmp.Or(slices.Index(order, a.dtype)-slices.Index(order, b.dtype), cmp.Compare(a.name, b.name))
	})
	s := shard{name: name}
	header := object{{"__metadata__", object{{"format", "pt"}}}}
	var at int64
	for _, t := range list {
		header = append(header, member{t.name, object{
			{"dtype", t.dtype},
			{"shape", t.shape},
			{"data_offsets", []int64{at, at + t.bytes()}},
		}})
		s.tensors = append(s.tensors, placed{t, at})
		at += t.bytes()
	}
	text, err := json.Marshal(header)
	if err != nil {
		return s, err
	}
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	s.header = append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)
	for i := range s.tensors {
		s.tensors[i].offset += int64(len(s.header))
	}
	s.size = int64(len(s.header)) + at
	return s, nil
}

// index gives model.safetensors.index.json.
func index(list []shard) ([]byte, error) {
	var total int64
	where := map[string]string{}
	for _, s := range list {
		for _, t := range s.tensors {
			total += t.bytes()
			where[t.name] = s.name
		}
	}
	return json.MarshalIndent(object{
		{"metadata", object{{"total_size", total}}},
		{"weight_map", where}, // encoding/json sorts the names
	}, "", "  ")
}
