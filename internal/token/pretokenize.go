package token

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
)

// pretokenizer is a known way of cutting text into the pieces that BPE works
// on.
type pretokenizer struct {
	name    string
	aliases []string

	// hfRegex is the text of the Split step in tokenizer.json; "" if the form
	// is another one.
	hfRegex string
	// regexes are applied in turn, each to the pieces of the one before. What
	// a regex does not match is a piece too.
	regexes []string

	ignoreMerges bool // a piece that is a token is not merged from its bytes
	addBOS       bool // BOS is added unless the metadata say otherwise
}

// The texts of tokenizer.json, as published with Meta-Llama-3 and Qwen2, and
// GPT-2's, which is built into the ByteLevel step (huggingface/tokenizers
// tokenizers/src/pre_tokenizers/byte_level.rs).
const (
	llama3Regex = contractions + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	qwen2Regex  = contractions + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	gpt2Regex   = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`

	contractions = `(?i:'s|'t|'re|'ve|'m|'ll|'d)`
	// regexp2 ignores case by lower-casing, which leaves the long s alone;
	// oniguruma, which Hugging Face's tokenizers use, folds it to s.
	contractionsFolded = `'(?:[sSſ]|[tT]|[rR][eE]|[vV][eE]|[mM]|[lL][lL]|[dD])`
)

// The names are those of llama.cpp (src/llama-vocab.cpp, c392e509), which is
// also the source of "default". "falcon3" is missing on purpose: llama.cpp and
// bitnet.cpp cut differently under that name.
var pretokenizers = []pretokenizer{
	{name: "llama-bpe", aliases: []string{"llama3", "llama-v3"}, hfRegex: llama3Regex, regexes: []string{llama3Regex}, ignoreMerges: true, addBOS: true},
	{name: "qwen2", hfRegex: qwen2Regex, regexes: []string{qwen2Regex}},
	{name: "gpt-2", regexes: []string{gpt2Regex}},
	{name: preDefault, regexes: []string{
		`[\p{P}\$\+<=>\^~\|]+`,
		`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)`,
		`\p{N}+`,
		`[0-9][0-9][0-9]`,
	}},
}

const (
	preLlama3  = "llama-bpe"
	preGPT2    = "gpt-2"
	preDefault = "default" // what llama.cpp does when a file names none
)

// Pretokenizers lists the names that [Vocab.SetPre] takes.
func Pretokenizers() []string {
	names := make([]string, len(pretokenizers))
	for i, p := range pretokenizers {
		names[i] = p.name
	}
	return names
}

// lookupPre finds a pre-tokenizer by its GGUF name.
func lookupPre(name string) (pretokenizer, error) {
	known := make([]string, 0, len(pretokenizers))
	for _, p := range pretokenizers {
		if p.name == name || slices.Contains(p.aliases, name) {
			return p, nil
		}
		known = append(known, p.name)
	}
	if name == "falcon3" || name == "falcon_e" {
		return pretokenizer{}, fmt.Errorf("%w: pre-tokenizer %q means different rules in llama.cpp and bitnet.cpp; choose one of %s", ErrUnsupported, name, strings.Join(known, ", "))
	}
	return pretokenizer{}, fmt.Errorf("%w: pre-tokenizer %q; known are %s", ErrUnsupported, name, strings.Join(known, ", "))
}

// SamePre reports whether two names mean the same pre-tokenizer.
func SamePre(a, b string) bool {
	p, errA := lookupPre(a)
	q, errB := lookupPre(b)
	return a == b || errA == nil && errB == nil && p.name == q.name
}

// splitter cuts text by a pretokenizer's regexes.
type splitter []*regexp2.Regexp

func (p pretokenizer) compile() (splitter, error) {
	var s splitter
	for _, text := range p.regexes {
		re, err := regexp2.Compile(strings.Replace(text, contractions, contractionsFolded, 1), regexp2.None)
		if err != nil {
			return nil, fmt.Errorf("pre-tokenizer %q: %w", p.name, err)
		}
		re.MatchTimeout = math.MaxInt64 // never; the patterns take linear time
		s = append(s, re)
	}
	return s, nil
}

// split calls yield with the pieces of text, which must be UTF-8, in order.
func (s splitter) split(text string, yield func(piece string)) {
	if len(s) == 0 {
		yield(text)
		return
	}
	re, rest := s[0], s[1:]
	emit := func(n int) { // the next n bytes
		if n > 0 {
			rest.split(text[:n], yield)
			text = text[n:]
		}
	}
	at := 0 // runes of text that are done
	// The error can only be a timeout, which is off.
	for m, _ := re.FindRunesMatch([]rune(text)); m != nil; m, _ = re.FindNextMatch(m) {
		emit(runesLen(text, m.Index-at))
		emit(runesLen(text, m.Length))
		at = m.Index + m.Length
	}
	emit(len(text))
}

// runesLen gives the bytes of the first n characters of s.
func runesLen(s string, n int) int {
	i := 0
	for range n {
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
	}
	return i
}

// Cuts counts the texts that a pre-tokenizer cuts into several pieces. Tokens of
// a vocabulary are never cut by the one it was trained with. Unknown names are
// refused with [ErrUnsupported].
func Cuts(pre string, texts []string) (int, error) {
	p, err := lookupPre(pre)
	if err != nil {
		return 0, err
	}
	s, err := p.compile()
	if err != nil {
		return 0, err
	}
	cut := 0
	for _, text := range texts {
		pieces := 0
		s.split(text, func(string) { pieces++ })
		if pieces > 1 {
			cut++
		}
	}
	return cut, nil
}
