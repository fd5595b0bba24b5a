package token

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Kind says what a token is for, with the numbers of GGUF's
// tokenizer.ggml.token_type.
type Kind int32

// The kinds. Undefined tokens are treated as Normal ones.
const (
	Undefined   Kind = iota
	Normal           // a piece of text; of byte-level BPE, in GPT-2's byte alphabet
	Unknown          // stands for what cannot be encoded
	Control          // steers the model; recognised in text on request only
	UserDefined      // recognised in any text
	Unused           // fills a hole between ids
	Byte             // one byte, of SentencePiece vocabularies
)

// Vocab is a vocabulary as data. Ids are indices of Tokens; an id of -1 means
// that the vocabulary has no such token.
type Vocab struct {
	Model  string    // algorithm, by GGUF's name: "gpt2" is byte-level BPE, "llama" SentencePiece BPE
	Pre    string    // pre-tokenizer, by GGUF's name; SentencePiece has none
	Tokens []string  // text of each token; of Normal ones of "gpt2" in the byte alphabet
	Scores []float32 // of "llama", as long as Tokens; higher ones are merged first
	Kinds  []Kind    // as long as Tokens
	Merges []string  // of "gpt2": "left right", most preferred first

	BOS, EOS         int32 // begin and end of a text
	EOT, EOM         int32 // end of a turn, end of a message
	Unknown, Padding int32
	AddBOS, AddEOS   bool // whether encoding a whole text adds BOS, EOS
	SpacePrefix      bool // of "llama": whether text begins with a space more

	ChatTemplate string   // Jinja source, "" if there is none
	Warnings     []string // what was odd but not wrong, for people to read

	addBOSUnstated bool // AddBOS follows from Pre
}

// GGUF's names of byte-level BPE and of SentencePiece BPE.
const (
	modelBPE = "gpt2"
	modelSPM = "llama"
)

func newVocab() *Vocab {
	return &Vocab{Model: modelBPE, BOS: -1, EOS: -1, EOT: -1, EOM: -1, Unknown: -1, Padding: -1}
}

func (v *Vocab) warnf(format string, args ...any) {
	v.Warnings = append(v.Warnings, fmt.Sprintf(format, args...))
}

// SetPre replaces the pre-tokenizer, as a user may wish who knows better than
// the file. If the file does not say whether BOS is added, the pre-tokenizer's
// custom is followed. Unknown names are refused with [ErrUnsupported].
func (v *Vocab) SetPre(name string) error {
	p, err := lookupPre(name)
	if err != nil {
		return err
	}
	if v.Model == modelSPM {
		return fmt.Errorf("%w: a SentencePiece vocabulary is cut by no pre-tokenizer, so %q cannot be one", ErrUnsupported, name)
	}
	v.Pre = name
	if v.addBOSUnstated {
		v.AddBOS = p.addBOS && v.BOS >= 0
	}
	return nil
}

// UsuallyBOS reports whether models with this pre-tokenizer are trained on texts
// that begin with BOS.
func (v *Vocab) UsuallyBOS() bool {
	p, err := lookupPre(v.Pre)
	return err == nil && p.addBOS
}

// Pad appends unused tokens until there are n, the number of rows of the
// embedding matrix. More tokens than n is an error.
func (v *Vocab) Pad(n int) error {
	if len(v.Tokens) > n {
		return fmt.Errorf("%w: %d tokens, but the model has room for %d; check vocab_size in config.json", ErrFormat, len(v.Tokens), n)
	}
	if n > maxTokens {
		return fmt.Errorf("%w: %d tokens, at most %d are possible", ErrFormat, n, maxTokens)
	}
	for id := len(v.Tokens); id < n; id++ {
		v.Tokens = append(v.Tokens, padText(id))
		v.Kinds = append(v.Kinds, Unused)
		if v.Model == modelSPM {
			v.Scores = append(v.Scores, holeScore)
		}
	}
	return nil
}

// padText names the token of a hole as llama.cpp's converters do.
func padText(id int) string { return fmt.Sprintf("[PAD%d]", id) }

// Texts that end a turn whatever the metadata say, as in llama.cpp
// src/llama-vocab.cpp (c392e509): many files name only one end token. Where that
// is the end of a turn, as with Llama 3's Instruct models, a text ends as well.
var (
	endOfTurnTexts = []string{"<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<EOT>"}
	endOfMessage   = "<|eom_id|>"
	endOfText      = "<|end_of_text|>"
)

// endsText reports whether a token ends a generation by its text.
func endsText(text string) bool {
	return text == endOfMessage || text == endOfText || slices.Contains(endOfTurnTexts, text)
}

// findEnds fills EOT and EOM by the tokens' texts where they are absent.
func (v *Vocab) findEnds(ids map[string]int32) {
	for _, text := range endOfTurnTexts {
		if id, ok := ids[text]; ok && v.EOT < 0 {
			v.EOT = id
		}
	}
	if id, ok := ids[endOfMessage]; ok && v.EOM < 0 {
		v.EOM = id
	}
}

// index is what encoding needs of a vocabulary.
type index struct {
	ids    map[string]int32 // tokens by text
	merges mergeTable
}

// index checks the whole vocabulary on the way. Errors name the token, merge or
// id.
func (v *Vocab) index() (x index, err error) {
	if err := checkModel(v.Model); err != nil {
		return x, err
	}
	switch {
	case len(v.Tokens) == 0:
		return x, fmt.Errorf("%w: no tokens", ErrFormat)
	case len(v.Tokens) > maxTokens:
		return x, fmt.Errorf("%w: %d tokens, at most %d are possible", ErrFormat, len(v.Tokens), maxTokens)
	case len(v.Kinds) != len(v.Tokens):
		return x, fmt.Errorf("%w: %d tokens but %d token types", ErrFormat, len(v.Tokens), len(v.Kinds))
	case v.Model == modelSPM && len(v.Scores) != len(v.Tokens):
		return x, fmt.Errorf("%w: %d tokens but %d scores", ErrFormat, len(v.Tokens), len(v.Scores))
	case len(v.Merges) > maxMerges:
		return x, fmt.Errorf("%w: %d merges, at most %d are possible", ErrFormat, len(v.Merges), maxMerges)
	}
	ids, err := v.ids()
	if err != nil {
		return x, err
	}
	return v.indexBy(ids)
}

// indexBy is index for a vocabulary that ids has been made of.
func (v *Vocab) indexBy(ids map[string]int32) (x index, err error) {
	x.ids = ids
	if x.merges, err = newMergeTable(v.Merges, x.ids); err != nil {
		return x, err
	}
	return x, v.checkRoles()
}

// checkModel refuses algorithms that are not known here.
func checkModel(name string) error {
	if name != modelBPE && name != modelSPM {
		return fmt.Errorf("%w: tokenizer model %q; known are %q (byte-level BPE) and %q (SentencePiece BPE)", ErrUnsupported, name, modelBPE, modelSPM)
	}
	return nil
}

func (v *Vocab) ids() (map[string]int32, error) {
	ids := make(map[string]int32, len(v.Tokens))
	for i, text := range v.Tokens {
		switch {
		case len(text) > maxTokenLen:
			return nil, fmt.Errorf("%w: token %d is %d bytes long, at most %d are possible", ErrFormat, i, len(text), maxTokenLen)
		case !utf8.ValidString(text):
			return nil, fmt.Errorf("%w: token %d (%q) is not UTF-8", ErrFormat, i, text)
		case v.Kinds[i] < Undefined || v.Kinds[i] > Byte:
			return nil, fmt.Errorf("%w: token %d (%q) has type %d", ErrFormat, i, text, v.Kinds[i])
		case text == "" && matchable(v.Kinds[i]):
			return nil, fmt.Errorf("%w: token %d is special and empty", ErrFormat, i)
		}
		ids[text] = int32(i)
		if len(ids) == i { // it was there
			return nil, fmt.Errorf("%w: tokens %d and %d are both %q", ErrFormat, slices.Index(v.Tokens, text), i, text)
		}
	}
	return ids, nil
}

// matchable tells whether tokens of this kind are found literally in text.
func matchable(k Kind) bool { return k == Control || k == Unknown || k == UserDefined }

func (v *Vocab) checkRoles() error {
	for _, role := range v.roles() {
		if *role.id < -1 || int(*role.id) >= len(v.Tokens) {
			return fmt.Errorf("%w: %s is token %d, but there are %d", ErrFormat, role.name, *role.id, len(v.Tokens))
		}
	}
	if v.AddBOS && v.BOS < 0 {
		return fmt.Errorf("%w: a BOS token is to be added, but none is named", ErrFormat)
	}
	if v.AddEOS && v.EOS < 0 {
		return fmt.Errorf("%w: an EOS token is to be added, but none is named", ErrFormat)
	}
	return nil
}

// role is one of the ids of a vocabulary under its GGUF name.
type role struct {
	name string // without the prefix "tokenizer.ggml." and the suffix "_token_id"
	id   *int32
}

// roles lists the ids in the order in which they are written.
func (v *Vocab) roles() []role {
	return []role{
		{"bos", &v.BOS},
		{"eos", &v.EOS},
		{"eot", &v.EOT},
		{"eom", &v.EOM},
		{"unknown", &v.Unknown},
		{"padding", &v.Padding},
	}
}

// text gives the text of a token, "" for none.
func (v *Vocab) text(id int32) string {
	if id < 0 || int(id) >= len(v.Tokens) {
		return ""
	}
	return v.Tokens[id]
}

// splitMerge cuts "left right". Byte-level BPE spells a space as U+0120, so
// the one space is the separator.
func splitMerge(m string) (left, right string, ok bool) {
	left, right, ok = strings.Cut(m, " ")
	return left, right, ok && left != "" && right != "" && !strings.Contains(right, " ")
}
