// Package token turns text into the numbers a model reads, and back.
//
// A [Vocab] is the vocabulary as data. Read one with [FromHF] from the files
// of a Hugging Face model, or with [FromMeta] from the metadata of a GGUF file;
// [Vocab.SetMeta] writes it there. [New] makes a [Tokenizer] of it, which is
// what [Tokenizer.Encode], [Tokenizer.Decode] and the chat templates
// ([Tokenizer.RenderChat]) belong to.
//
// Two kinds are known: byte-level BPE, that of Llama 3, Qwen and GPT-2 ("gpt2" in
// GGUF), and of it only the pre-tokenizers whose rules are known exactly; and
// SentencePiece BPE with byte fallback, that of Llama 2 ("llama"). All others
// are refused: a tokenizer that is nearly right gives a model that is quietly
// worse. docs/formats/tokenizer.md has the rules.
package token

import "errors"

// The kinds of failure; every error of this package wraps one of them, or one
// of io/fs.
var (
	// ErrFormat: the vocabulary contradicts itself or its format.
	ErrFormat = errors.New("malformed vocabulary")
	// ErrUnsupported: a sound vocabulary whose rules are not known here.
	ErrUnsupported = errors.New("unsupported tokenizer")
	// ErrTemplate: the chat template is missing, failed, or went beyond its
	// limits.
	ErrTemplate = errors.New("chat template failed")
)

// Limits on what comes from outside. The largest published vocabularies have
// 262,144 tokens, 514,906 merges and 33 MB of tokenizer.json.
const (
	maxTokens        = 1 << 20
	maxMerges        = 1 << 20
	maxTokenLen      = 4 << 10  // bytes of one token's text
	maxTokenizerJSON = 64 << 20 // bytes
	maxConfigJSON    = 8 << 20  // bytes, of each smaller JSON file

	maxTokenizerModel = 64 << 20 // bytes; Gemma's has 4.7 MB
)
