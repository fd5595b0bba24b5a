package token

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"strings"

	"github.com/akadata/bitnet-tool/internal/exactjson"
)

// spaceMark stands for a space in the pieces of a SentencePiece vocabulary.
const spaceMark = "\u2581"

// Scores of tokens that are not pieces, as llama.cpp's converter gives them
// (v0.4.0, conversion/base.py): they are never the result of a merge.
const (
	addedScore = -1000
	holeScore  = -10000
)

// modelBPEKind is BPE in trainer_spec.model_type; 1, the default, is unigram.
const modelBPEKind = 2

// fromSentencePiece reads a vocabulary whose pieces are in tokenizer.model.
func fromSentencePiece(fsys fs.FS) (*Vocab, error) {
	const name = "tokenizer.model"
	data, err := readBytes(fsys, name, maxTokenizerModel)
	if err != nil {
		return nil, err
	}
	m, err := parseModelProto(data)
	if err == nil {
		err = m.check()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	v := newVocab()
	v.Model, v.Pre = modelSPM, preDefault
	v.SpacePrefix, v.AddBOS = m.dummyPrefix, true
	for _, p := range m.pieces {
		v.Tokens = append(v.Tokens, pieceText(p.text, p.kind))
		v.Scores = append(v.Scores, p.score)
		v.Kinds = append(v.Kinds, p.kind)
	}
	if err := v.readAddedTokens(fsys); err != nil {
		return nil, err
	}
	ids, err := v.ids()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := v.readConfigs(fsys, ids); err != nil {
		return nil, err
	}
	for _, r := range []struct {
		role *int32
		id   int32
	}{{&v.Unknown, m.unk}, {&v.BOS, m.bos}, {&v.EOS, m.eos}, {&v.Padding, m.pad}} {
		if *r.role < 0 && int(r.id) < len(v.Tokens) {
			*r.role = r.id
		}
	}
	if _, err := v.indexBy(ids); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return v, nil
}

// readAddedTokens puts the tokens beyond the pieces at their ids. They are in
// added_tokens.json, or with more detail in tokenizer_config.json.
func (v *Vocab) readAddedTokens(fsys fs.FS) error {
	var added vocabTable
	if err := readJSON(fsys, "added_tokens.json", &added); err != nil {
		return err
	}
	for _, t := range added {
		if err := v.placePiece(t.id, t.text, UserDefined); err != nil {
			return fmt.Errorf("added_tokens.json: %w", err)
		}
	}
	var config struct {
		Added map[string]hfAdded `json:"added_tokens_decoder"`
	}
	if err := readJSON(fsys, "tokenizer_config.json", &config); err != nil {
		return err
	}
	for key, t := range config.Added {
		id, err := strconv.ParseInt(key, 10, 64)
		if err != nil || t.Content == nil {
			return fmt.Errorf("tokenizer_config.json: added_tokens_decoder: %w: token %q", ErrFormat, key)
		}
		kind := UserDefined
		if t.Special {
			kind = Control
		}
		if err := v.placePiece(id, *t.Content, kind); err != nil {
			return fmt.Errorf("tokenizer_config.json: added_tokens_decoder: %w", err)
		}
	}
	for id, k := range v.Kinds {
		if k == Undefined {
			v.Tokens[id], v.Kinds[id], v.Scores[id] = padText(id), Unused, holeScore
		}
	}
	return nil
}

// pieceText gives a piece as a vocabulary has it: user-defined ones are looked
// for before spaces are escaped.
func pieceText(text string, kind Kind) string {
	if kind == UserDefined {
		return strings.ReplaceAll(text, spaceMark, " ")
	}
	return text
}

// placePiece gives a token its id. One that is a piece already keeps its score,
// and its kind unless it was an ordinary piece.
func (v *Vocab) placePiece(id int64, text string, kind Kind) error {
	switch {
	case text == "":
		return fmt.Errorf("%w: token %d has no content", ErrFormat, id)
	case id < 0 || id >= maxTokens:
		return fmt.Errorf("%w: token %q has the id %d", ErrFormat, text, id)
	}
	text = pieceText(text, kind)
	for int64(len(v.Tokens)) <= id {
		v.Tokens, v.Scores, v.Kinds = append(v.Tokens, ""), append(v.Scores, addedScore), append(v.Kinds, Undefined)
	}
	if old := v.Tokens[id]; v.Kinds[id] != Undefined && old != text && pieceText(old, kind) != text {
		return fmt.Errorf("%w: tokens %q and %q both have the id %d", ErrFormat, v.Tokens[id], text, id)
	}
	v.Tokens[id] = text
	if k := v.Kinds[id]; k == Undefined || k == Normal || k == UserDefined {
		v.Kinds[id] = kind
	}
	return nil
}

// readJSON reads a file into out; a file that is not there is no error.
func readJSON(fsys fs.FS, name string, out any) error {
	data, err := readFile(fsys, name, maxConfigJSON)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		if err = exactjson.Unmarshal(data, out); err != nil {
			err = fmt.Errorf("%s: %w", name, jsonError(err))
		}
	}
	return err
}

// check refuses models whose rules are not those of [spm].
func (m *modelProto) check() error {
	switch {
	case m.kind != modelBPEKind:
		return fmt.Errorf("%w: SentencePiece model type %d; only %d, BPE, is known", ErrUnsupported, m.kind, modelBPEKind)
	case m.spaceAsSuffix:
		return fmt.Errorf("%w: spaces are kept at the end of words", ErrUnsupported)
	case !m.escapeSpaces:
		return fmt.Errorf("%w: spaces are not escaped", ErrUnsupported)
	case m.squeezeSpaces:
		return fmt.Errorf("%w: runs of spaces are made one, which GGUF has no key for", ErrUnsupported)
	case m.rewritesText:
		return fmt.Errorf("%w: a normalizer changes the text before encoding", ErrUnsupported)
	case !m.byteFallback:
		return fmt.Errorf("%w: no byte fallback, so some text has no tokens", ErrUnsupported)
	}
	for i, p := range m.pieces {
		switch {
		case p.kind < Normal || p.kind > Byte:
			return fmt.Errorf("%w: piece %d (%q) has type %d", ErrFormat, i, p.text, p.kind)
		case math.IsNaN(float64(p.score)) || math.IsInf(float64(p.score), 0):
			return fmt.Errorf("%w: piece %d (%q) has score %v", ErrFormat, i, p.text, p.score)
		}
	}
	return nil
}

// pieceByte gives the byte that a piece such as "<0x0A>" stands for.
func pieceByte(text string) (byte, bool) {
	if len(text) != len("<0x0A>") || text[:3] != "<0x" || text[5] != '>' {
		return 0, false
	}
	b, err := strconv.ParseUint(text[3:5], 16, 8)
	return byte(b), err == nil
}
