package safetensors

// Limits keep the memory needed to open any file, good or hostile, under 64 MiB:
// the header itself, its strings once more, and one Tensor for each entry.
const (
	// formatMaxHeader is the limit of the reference reader (MAX_HEADER_SIZE in
	// huggingface/safetensors, safetensors/src/tensor.rs at 24b0b285).
	formatMaxHeader = 100_000_000

	// maxHeader bounds the JSON header of a file, in bytes. The headers of
	// published checkpoints take about 100 bytes a tensor.
	maxHeader = 16 << 20

	// maxTensors bounds the tensors of one file.
	maxTensors = 1 << 16

	// maxMetadata bounds the keys of __metadata__.
	maxMetadata = 1 << 12

	// maxRank bounds the dimensions of a tensor. GGUF, where tensors go from
	// here, knows four.
	maxRank = 8

	// maxName bounds the name of a tensor or file, or any other key, in bytes.
	maxName = 1024

	// maxInteger is the largest number every JSON implementation keeps exactly.
	maxInteger = 1 << 53

	// maxIndex bounds model.safetensors.index.json, in bytes.
	maxIndex = 16 << 20

	// maxSetTensors bounds the tensors of a sharded model.
	maxSetTensors = 1 << 18

	// maxShards bounds the files of a sharded model; each stays open.
	maxShards = 1 << 10

	// maxIndexDepth bounds the nesting in the parts of the index that are
	// skipped over.
	maxIndexDepth = 4

	// maxNumber bounds the length of a number that is skipped over.
	maxNumber = 64

	// maxFolder bounds the folder entries looked at in search of unused shards.
	maxFolder = 1 << 14
)
