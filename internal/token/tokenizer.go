package token

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Tokenizer encodes and decodes with one vocabulary. It does not change after
// [New] and may be used by several goroutines at once.
type Tokenizer struct {
	vocab  Vocab    // a copy; its slices are not changed
	pieces []string // bytes of each token

	special     *matcher // all tokens that may stand in text
	userDefined *matcher // those that stand for themselves in any text
	spm         *spm     // of SentencePiece; nil for byte-level BPE, which the rest is for
	split       splitter
	whole       map[string]int32 // tokens by their bytes; nil unless merges may be ignored
	bytes       [256]int32       // token of each byte
	merges      mergeTable
	eog         map[int32]bool
}

// New makes a tokenizer. The vocabulary must be one that FromHF or FromMeta
// could have returned and must not be changed afterwards. Vocabularies that
// cannot spell every byte are refused with [ErrUnsupported], as they would
// drop text.
func New(v *Vocab) (*Tokenizer, error) {
	x, err := v.index()
	if err != nil {
		return nil, err
	}
	return newTokenizer(v, x)
}

func newTokenizer(v *Vocab, x index) (*Tokenizer, error) {
	t := &Tokenizer{
		vocab:       *v,
		pieces:      make([]string, len(v.Tokens)),
		special:     newMatcher(v, matchable),
		userDefined: newMatcher(v, func(k Kind) bool { return k == UserDefined }),
		merges:      x.merges,
		eog:         map[int32]bool{},
	}
	copy(t.pieces, v.Tokens)
	for _, id := range []int32{v.EOS, v.EOT, v.EOM} {
		t.eog[id] = id >= 0
	}
	for text, id := range x.ids {
		if endsText(text) {
			t.eog[id] = true
		}
	}
	var err error
	if v.Model == modelSPM {
		err = t.initSPM()
	} else {
		err = t.initBPE(x.ids)
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// initSPM prepares for a SentencePiece vocabulary.
func (t *Tokenizer) initSPM() (err error) {
	for i, text := range t.vocab.Tokens {
		switch t.vocab.Kinds[i] {
		case Normal, Undefined:
			t.pieces[i] = strings.ReplaceAll(text, spaceMark, " ")
		case Byte:
			if b, ok := pieceByte(text); ok {
				t.pieces[i] = string([]byte{b})
			}
		}
	}
	t.spm, err = newSPM(&t.vocab)
	return err
}

// initBPE prepares for a vocabulary of byte-level BPE.
func (t *Tokenizer) initBPE(ids map[string]int32) error {
	v := &t.vocab
	pre, err := lookupPre(v.Pre)
	if err != nil {
		return err
	}
	if t.split, err = pre.compile(); err != nil {
		return err
	}
	for i, text := range v.Tokens {
		if !matchable(v.Kinds[i]) && v.Kinds[i] != Unused {
			if b, ok := fromAlphabet(text); ok {
				t.pieces[i] = b
			}
		}
	}
	for b := range 256 {
		id, ok := ids[string(byteRune(byte(b)))]
		if !ok {
			return fmt.Errorf("%w: no token for the byte 0x%02x", ErrUnsupported, b)
		}
		t.bytes[b] = id
	}
	if pre.ignoreMerges {
		t.whole = make(map[string]int32, len(t.pieces))
		for i, piece := range t.pieces {
			if v.Kinds[i] == Normal || v.Kinds[i] == Undefined {
				t.whole[piece] = int32(i)
			}
		}
	}
	return nil
}

// EncodeOptions says what Encode does besides encoding. The zero value takes
// the text as it is.
type EncodeOptions struct {
	AddSpecial   bool // add BOS and EOS as the vocabulary says
	ParseSpecial bool // recognise control tokens that stand in the text
}

// Encode gives the tokens of text. Every text has some, UTF-8 or not: runs of
// invalid bytes are cut out first and given byte by byte, so that Decode gives
// the text back. User-defined tokens are always recognised.
func (t *Tokenizer) Encode(text string, o EncodeOptions) []int32 {
	out := make([]int32, 0, len(text)/3+2)
	if o.AddSpecial && t.vocab.AddBOS {
		out = append(out, t.vocab.BOS)
	}
	m := t.userDefined
	if o.ParseSpecial {
		m = t.special
	}
	var bpe merger
	for text != "" {
		start, end, id := m.next(text)
		if t.spm != nil {
			out = t.encodeSPM(out, text[:start])
		} else {
			out = t.encodeText(out, text[:start], &bpe)
		}
		if id >= 0 {
			out = append(out, id)
		}
		text = text[end:]
	}
	if o.AddSpecial && t.vocab.AddEOS {
		out = append(out, t.vocab.EOS)
	}
	return out
}

// encodeSPM appends the tokens of text that begins a whole text or follows a
// special token: there SentencePiece puts a space, if it does at all.
func (t *Tokenizer) encodeSPM(out []int32, text string) []int32 {
	if text != "" && t.vocab.SpacePrefix {
		text = " " + text
	}
	return t.spm.encode(out, text)
}

// encodeText appends the tokens of text without special tokens.
func (t *Tokenizer) encodeText(out []int32, text string, bpe *merger) []int32 {
	for text != "" {
		n := validPrefix(text)
		t.split.split(text[:n], func(piece string) {
			if id, ok := t.whole[piece]; ok {
				out = append(out, id)
			} else {
				out = bpe.encode(out, piece, &t.bytes, t.merges)
			}
		})
		for text = text[n:]; text != ""; text = text[1:] {
			if r, size := utf8.DecodeRuneInString(text); r != utf8.RuneError || size > 1 {
				break
			}
			out = append(out, t.bytes[text[0]])
		}
	}
	return out
}

// validPrefix gives the length of the longest prefix that is UTF-8.
func validPrefix(s string) int {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return i
			}
		}
	}
	return len(s)
}

// Decode gives the bytes of the tokens of a whole text, as Encode made them.
// With special, control and unused tokens show their text, else nothing. Ids
// that are no tokens give nothing.
func (t *Tokenizer) Decode(ids []int32, special bool) string {
	var b strings.Builder
	begins := t.vocab.SpacePrefix // a space that Encode put there may come
	for _, id := range ids {
		piece := t.Piece(id, special)
		if t.spm != nil && id >= 0 && int(id) < len(t.pieces) {
			if isSpecial := matchable(t.vocab.Kinds[id]); !isSpecial && begins {
				piece, begins = strings.TrimPrefix(piece, " "), false
			} else if isSpecial {
				begins = t.vocab.SpacePrefix
			}
		}
		b.WriteString(piece)
	}
	return b.String()
}

// Piece gives the bytes of one token of many: what it adds to the text before
// it. A character may be spread over several tokens, so a piece need not be
// UTF-8.
func (t *Tokenizer) Piece(id int32, special bool) string {
	if id < 0 || int(id) >= len(t.pieces) {
		return ""
	}
	switch t.vocab.Kinds[id] {
	case Control, Unknown, Unused:
		if !special {
			return ""
		}
	}
	return t.pieces[id]
}

// IsEOG tells whether a token ends a generation: EOS, EOT, EOM, and every
// token whose text ends a turn in some model.
func (t *Tokenizer) IsEOG(id int32) bool { return t.eog[id] }

// Size gives the number of tokens.
func (t *Tokenizer) Size() int { return len(t.pieces) }

// BOS gives the token that begins a text, -1 if there is none, and whether
// encoding with AddSpecial adds it.
func (t *Tokenizer) BOS() (id int32, added bool) { return t.vocab.BOS, t.vocab.AddBOS }

// EOS gives the token that ends a text, -1 if there is none.
func (t *Tokenizer) EOS() int32 { return t.vocab.EOS }

// ChatTemplate gives the Jinja source of the chat template, "" if there is
// none.
func (t *Tokenizer) ChatTemplate() string { return t.vocab.ChatTemplate }
