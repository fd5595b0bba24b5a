// Package gguf reads and lays out GGUF files: header, metadata and where each
// tensor's bytes are. It knows how the type numbers of different programs
// differ, and no maths.
//
// To read, [Open] a path (or [NewFile] over any io.ReaderAt): the header is
// parsed and checked once, tensor data stays in the file until asked for by
// [File.Section]. To write, put metadata and tensor descriptions into
// [NewLayout]: it computes every offset before a byte is written, so that
// tensors can be written in any order and by several workers.
//
// [OpenModel] also takes the first part of a model that is split over several
// files and reads all of them as one. [File.Copy] writes a file with other
// metadata, and [File.Split] as parts; tensors keep their bytes.
//
// The reader trusts nothing: every length is checked against the bytes that
// are left before memory is taken for it, and a tensor directory with gaps,
// overlaps or a wrong order is refused, as ggml does.
package gguf

import "errors"

// ErrFormat is wrapped by all errors about malformed files.
var ErrFormat = errors.New("malformed GGUF")

// Limits of the reader, at or below those of the strictest common reader
// (@huggingface/gguf and ggml); the largest published vocabularies need
// arrays of 280,147 merges and 262,144 tokens.
const (
	maxKeys        = 1 << 16
	maxTensors     = 1 << 16
	maxKeyLen      = 1<<16 - 1
	maxStringLen   = 16 << 20
	maxArrayLen    = 4 << 20
	maxHeld        = 24 << 20  // metadata kept in memory, without arrays
	maxHeader      = 128 << 20 // all of the header, arrays included
	maxNameRead    = 255
	maxNameWrite   = 63 // ggml: GGML_MAX_NAME is 64 with the NUL
	maxDims        = 4
	maxDim         = 1 << 40
	defaultAlign   = 32
	minAlign       = 8
	maxAlign       = 1 << 20
	writeVersion   = 3
	alignmentKey   = "general.alignment"
	archKey        = "general.architecture"
	minKVBytes     = 13
	minTensorBytes = 24
)
