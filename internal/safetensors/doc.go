// Package safetensors reads model weights in the safetensors format, strictly.
//
// Start with [OpenSet] for a model folder (one file, or shards with their
// index), or with [Open] for one file. Both parse and check the whole header at
// once and read no tensor data; [Tensor.Section] then streams the bytes of one
// tensor. The package hands out raw little-endian bytes and their [DType];
// turning them into numbers is the caller's work.
//
//	set, err := safetensors.OpenSet(dir)
//	if err != nil { … }
//	defer set.Close()
//	for _, t := range set.Tensors() {
//		r := t.Section() // t.Size() bytes
//		…
//	}
//	err = set.CheckUnchanged() // nobody wrote to the files meanwhile
//
// A file is taken as hostile until checked. Everything the reference reader
// (huggingface/safetensors, safetensors/src/tensor.rs at 24b0b285) refuses is
// refused here, and so are things it lets pass: duplicate keys, unknown fields,
// names that are not printable ASCII, and files beyond the limits in limits.go.
// docs/formats/safetensors.md describes the format and lists every check.
package safetensors
