package synth

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// tokens is the kind of a checkpoint's tokenizer.
type tokens int

const (
	llama3 tokens = iota
	qwen2
	sentencePiece
)

// minVocab holds bytes, letters, special tokens and some words.
const minVocab = 512

// vocabulary is what a tokenizer of a given size is made of: pieces of text,
// the shorter first, and the special tokens after them.
type vocabulary struct {
	base    int // ids below are ordinary tokens
	special []string
	bos     int // -1: none
	eos     int
	eot     int // -1: none
}

// specials of Llama 3, in their order; the other names are "reserved".
var llama3Specials = []string{
	"<|begin_of_text|>", "<|end_of_text|>", "", "", "<|finetune_right_pad_id|>", "",
	"<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>",
}

func newVocabulary(kind tokens, size int) vocabulary {
	switch kind {
	case qwen2:
		return vocabulary{base: size - 3, special: []string{"<|endoftext|>", "<|im_start|>", "<|im_end|>"}, bos: -1, eos: size - 3, eot: size - 1}
	case sentencePiece: // two tokens are added to the model's own
		return vocabulary{base: size - 2, special: []string{"<pad>", "</line>"}, bos: 1, eos: 2, eot: -1}
	}
	count := 256
	if size < 8192 {
		count = 64
	}
	special := append([]string(nil), llama3Specials...)
	reserved := 0
	for i := range count {
		if i >= len(special) {
			special = append(special, "")
		}
		if special[i] == "" {
			special[i] = fmt.Sprintf("<|reserved_special_token_%d|>", reserved)
			reserved++
		}
	}
	base := size - count
	return vocabulary{base: base, special: special, bos: base, eos: base + 1, eot: base + 9}
}

// merge is a token made of two others.
type merge struct{ left, right string }

// merges gives n merges: all pairs of two letters, then of three and so on; in
// place of the first letter may be the sign for a space. No two give the same
// text, and each is made of a token before it and a letter.
func merges(space string, n int) []merge {
	const letters = "abcdefghijklmnopqrstuvwxyz"
	stems := append([]string{space}, strings.Split(letters, "")...)
	var out []merge
	for {
		var longer []string
		for _, stem := range stems {
			for _, letter := range letters {
				if len(out) == n {
					return out
				}
				out = append(out, merge{stem, string(letter)})
				longer = append(longer, stem+string(letter))
			}
		}
		stems = longer
	}
}

// The Split patterns of tokenizer.json as published with Meta-Llama-3 and
// Qwen2; they differ in how many digits make a piece.
const (
	splitLlama3 = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	splitQwen2  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// object is JSON whose members keep their order.
type object []member

type member struct {
	key   string
	value any
}

// MarshalJSON implements [json.Marshaler].
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(m.key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// bpeFiles gives the files of a byte-level BPE tokenizer.
func bpeFiles(kind tokens, v vocabulary) (map[string][]byte, error) {
	alphabet := byteAlphabet()
	list := merges(alphabet[' '], v.base-len(alphabet))
	vocab := make(object, 0, v.base)
	for i, text := range alphabet {
		vocab = append(vocab, member{text, i})
	}
	lines := make([]string, len(list))
	for i, m := range list {
		vocab = append(vocab, member{m.left + m.right, len(alphabet) + i})
		lines[i] = m.left + " " + m.right
	}
	var added []object
	for i, text := range v.special {
		added = append(added, object{
			{"id", v.base + i},
			{"content", text},
			{"single_word", false},
			{"lstrip", false},
			{"rstrip", false},
			{"normalized", false},
			{"special", true},
		})
	}
	split := splitLlama3
	if kind == qwen2 {
		split = splitQwen2
	}
	byteLevel := object{{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}}
	data, err := json.Marshal(object{
		{"version", "1.0"},
		{"truncation", nil},
		{"padding", nil},
		{"added_tokens", added},
		{"normalizer", nil},
		{"pre_tokenizer", object{{"type", "Sequence"}, {"pretokenizers", []object{
			{{"type", "Split"}, {"pattern", object{{"Regex", split}}}, {"behavior", "Isolated"}, {"invert", false}},
			byteLevel,
		}}}},
		{"post_processor", postProcessor(v)},
		{"decoder", byteLevel},
		{"model", object{
			{"type", "BPE"},
			{"dropout", nil},
			{"unk_token", nil},
			{"continuing_subword_prefix", nil},
			{"end_of_word_suffix", nil},
			{"fuse_unk", false},
			{"byte_fallback", false},
			{"ignore_merges", kind == llama3},
			{"vocab", vocab},
			{"merges", lines},
		}},
	})
	return map[string][]byte{"tokenizer.json": data}, err
}

// postProcessor puts BOS before a text, or without one EOS behind it.
func postProcessor(v vocabulary) object {
	text := object{{"Sequence", object{{"id", "A"}, {"type_id", 0}}}}
	id := v.bos
	if id < 0 {
		id = v.eos
	}
	name := v.special[id-v.base]
	token := object{{"SpecialToken", object{{"id", name}, {"type_id", 0}}}}
	single := []object{token, text}
	if v.bos < 0 {
		single = []object{text, token}
	}
	return object{
		{"type", "TemplateProcessing"},
		{"single", single},
		{"pair", []object{}},
		{"special_tokens", object{{name, object{{"id", name}, {"ids", []int{id}}, {"tokens", []string{name}}}}}},
	}
}

// byteAlphabet gives the characters that stand for the 256 bytes: printable
// ones for themselves, the others from U+0100 on (openai/gpt-2, src/encoder.py
// bytes_to_unicode).
func byteAlphabet() []string {
	out := make([]string, 256)
	next := rune(256)
	for b := range 256 {
		r := rune(b)
		if printable := '!' <= r && r <= '~' || '¡' <= r && r <= '¬' || '®' <= r && r <= 'ÿ'; !printable {
			r = next
			next++
		}
		out[b] = string(r)
	}
	return out
}
