package token

import (
	"fmt"
	"strings"

	"github.com/akadata/bitnet-tool/gguf"
)

// The metadata keys of GGUF for vocabularies (ggml docs/gguf.md). Ids are
// under keyPrefix + name + keyID.
const (
	keyPrefix    = "tokenizer.ggml."
	keyID        = "_token_id"
	keyModel     = keyPrefix + "model"
	keyPre       = keyPrefix + "pre"
	keyTokens    = keyPrefix + "tokens"
	keyTokenType = keyPrefix + "token_type"
	keyScores    = keyPrefix + "scores"
	keyMerges    = keyPrefix + "merges"
	keyAddBOS    = keyPrefix + "add_bos_token"
	keyAddEOS    = keyPrefix + "add_eos_token"
	keyAddSpace  = keyPrefix + "add_space_prefix"
	keyTemplate  = "tokenizer.chat_template"
)

// SetMeta writes the vocabulary under GGUF's keys, in a fixed order.
func (v *Vocab) SetMeta(m *gguf.Meta) {
	m.Set(keyModel, v.Model)
	m.Set(keyPre, v.Pre)
	m.Set(keyTokens, v.Tokens)
	if v.Model == modelSPM {
		m.Set(keyScores, v.Scores)
	}
	kinds := make([]int32, len(v.Kinds))
	for i, k := range v.Kinds {
		kinds[i] = int32(k)
	}
	m.Set(keyTokenType, kinds)
	if v.Model == modelBPE {
		m.Set(keyMerges, v.Merges)
	}
	for _, r := range v.roles() {
		if *r.id >= 0 {
			m.Set(keyPrefix+r.name+keyID, uint32(*r.id))
		}
	}
	m.Set(keyAddBOS, v.AddBOS)
	if v.AddEOS {
		m.Set(keyAddEOS, true)
	}
	if v.Model == modelSPM {
		m.Set(keyAddSpace, v.SpacePrefix)
	}
	if v.ChatTemplate != "" {
		m.Set(keyTemplate, v.ChatTemplate)
	}
}

// FromMeta reads a vocabulary from GGUF metadata. Errors name the key. A
// pre-tokenizer that is not known here is an error of [New] only, so that
// [Vocab.SetPre] can choose another.
func FromMeta(m *gguf.Meta) (*Vocab, error) {
	v, _, err := fromMeta(m)
	return v, err
}

// Load is [FromMeta] and [New] in one, in half the time: the tables
// that the one checks the vocabulary by are those that the other needs.
func Load(m *gguf.Meta) (*Vocab, *Tokenizer, error) {
	v, x, err := fromMeta(m)
	if err != nil {
		return nil, nil, err
	}
	t, err := newTokenizer(v, x)
	if err != nil {
		return nil, nil, err
	}
	return v, t, nil
}

func fromMeta(m *gguf.Meta) (*Vocab, index, error) {
	var x index
	v := newVocab()
	var ok bool
	if v.Model, ok = gguf.Get[string](m, keyModel); !ok {
		return nil, x, fmt.Errorf("%w: key %q is missing", ErrFormat, keyModel)
	}
	if err := checkModel(v.Model); err != nil {
		return nil, x, fmt.Errorf("key %q: %w", keyModel, err)
	}
	if err := v.readArrays(m); err != nil {
		return nil, x, err
	}
	if err := v.readRoles(m); err != nil {
		return nil, x, err
	}
	v.ChatTemplate, _ = gguf.Get[string](m, keyTemplate)
	if strings.Contains(v.ChatTemplate, placeholderMark) {
		v.ChatTemplate = bitnet2B4TTemplate
		v.warnf("key %q is the placeholder of the first BitNet-b1.58-2B-4T files; the model's real template is used", keyTemplate)
	}
	var err error
	if x.ids, err = v.ids(); err != nil {
		return nil, x, err
	}
	v.findEnds(x.ids)
	if v.Model == modelSPM {
		v.readSPM(m)
	} else {
		v.readPre(m, x.ids)
		if x.merges, err = newMergeTable(v.Merges, x.ids); err != nil {
			return nil, x, fmt.Errorf("key %q: %w", keyMerges, err)
		}
	}
	if err := v.checkRoles(); err != nil {
		return nil, x, err
	}
	return v, x, nil
}

func (v *Vocab) readArrays(m *gguf.Meta) (err error) {
	if err := shortArray(m, keyTokens, maxTokens); err != nil {
		return err
	}
	if err := shortArray(m, keyMerges, maxMerges); err != nil {
		return err
	}
	var ok bool
	if v.Tokens, ok, err = gguf.Slice[string](m, keyTokens); err != nil {
		return err
	}
	if !ok || len(v.Tokens) == 0 {
		return fmt.Errorf("%w: key %q is missing or empty", ErrFormat, keyTokens)
	}
	if v.Model == modelSPM {
		if err := v.readScores(m); err != nil {
			return err
		}
	} else if v.Merges, ok, err = gguf.Slice[string](m, keyMerges); err != nil {
		return err
	} else if !ok {
		return fmt.Errorf("%w: key %q is missing", ErrFormat, keyMerges)
	}
	kinds, ok, err := gguf.Slice[int32](m, keyTokenType)
	if err != nil {
		return err
	}
	if !ok {
		v.warnf("key %q is missing: special tokens are taken as text", keyTokenType)
		kinds = make([]int32, len(v.Tokens))
	}
	if len(kinds) != len(v.Tokens) {
		return fmt.Errorf("%w: key %q has %d elements, but there are %d tokens", ErrFormat, keyTokenType, len(kinds), len(v.Tokens))
	}
	v.Kinds = make([]Kind, len(kinds))
	for i, k := range kinds {
		v.Kinds[i] = Kind(k)
	}
	return nil
}

// readScores reads what the merges of SentencePiece go by.
func (v *Vocab) readScores(m *gguf.Meta) (err error) {
	if err := shortArray(m, keyScores, maxTokens); err != nil {
		return err
	}
	v.Scores, _, err = gguf.Slice[float32](m, keyScores)
	switch {
	case err != nil:
		return err
	case len(v.Scores) != len(v.Tokens):
		return fmt.Errorf("%w: key %q has %d elements, but there are %d tokens", ErrFormat, keyScores, len(v.Scores), len(v.Tokens))
	}
	for i, s := range v.Scores {
		if s != s {
			return fmt.Errorf("%w: key %q: element %d is not a number", ErrFormat, keyScores, i)
		}
	}
	return nil
}

// readSPM settles what a file of a SentencePiece vocabulary need not say; the
// defaults are llama.cpp's (v0.4.0, src/llama-vocab.cpp).
func (v *Vocab) readSPM(m *gguf.Meta) {
	v.Pre = preDefault
	for _, r := range []struct {
		role *int32
		id   int32
	}{{&v.Unknown, 0}, {&v.BOS, 1}, {&v.EOS, 2}} {
		if *r.role < 0 && int(r.id) < len(v.Tokens) {
			*r.role = r.id
		}
	}
	if v.addBOSUnstated {
		v.AddBOS, v.addBOSUnstated = v.BOS >= 0, false
	}
	v.SpacePrefix = true
	if b, ok := gguf.Get[bool](m, keyAddSpace); ok {
		v.SpacePrefix = b
	}
}

// shortArray refuses an array before it is read into memory.
func shortArray(m *gguf.Meta, key string, limit int) error {
	if value, _ := m.Value(key); value != nil {
		if a, ok := value.(gguf.Array); ok && a.Len > limit {
			return fmt.Errorf("%w: key %q has %d elements, at most %d are possible", ErrFormat, key, a.Len, limit)
		}
	}
	return nil
}

func (v *Vocab) readRoles(m *gguf.Meta) error {
	for _, r := range v.roles() {
		key := keyPrefix + r.name + keyID
		value, ok := m.Value(key)
		if !ok {
			continue
		}
		id, ok := m.Int(key)
		switch {
		case ok && id < len(v.Tokens):
			*r.id = int32(id)
		case r.id == &v.Padding || r.id == &v.Unknown:
			// Converters write -1 for these; encoding does not need them.
			v.warnf("key %q: %v is not one of the %d tokens", key, value, len(v.Tokens))
		default:
			return fmt.Errorf("%w: key %q: %v is not one of the %d tokens", ErrFormat, key, value, len(v.Tokens))
		}
	}
	var stated bool
	if v.AddBOS, stated = gguf.Get[bool](m, keyAddBOS); !stated {
		v.addBOSUnstated = true
	}
	v.AddEOS, _ = gguf.Get[bool](m, keyAddEOS)
	return nil
}

// The shape by which Llama 3's vocabulary is known in files that name no
// pre-tokenizer, as the published BitNet-b1.58-2B-4T file.
const (
	llama3Tokens = 128256
	llama3Merges = 280147
	llama3BOS    = 128000
)

// readPre settles the pre-tokenizer, and whether BOS is added if the file does
// not say.
func (v *Vocab) readPre(m *gguf.Meta, ids map[string]int32) {
	var ok bool
	if v.Pre, ok = gguf.Get[string](m, keyPre); !ok {
		bos, found := ids["<|begin_of_text|>"]
		if len(v.Tokens) == llama3Tokens && len(v.Merges) == llama3Merges && found && bos == llama3BOS {
			v.Pre = preLlama3
			v.warnf("key %q is missing; the vocabulary is Llama 3's, so %q is used", keyPre, v.Pre)
		} else {
			v.Pre = preDefault
			v.warnf("key %q is missing; %q is used, which may not be what the model was trained with", keyPre, v.Pre)
		}
	}
	if p, err := lookupPre(v.Pre); err == nil && v.addBOSUnstated {
		v.AddBOS = p.addBOS && v.BOS >= 0
	}
}
