package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"unicode/utf8"

	"github.com/akadata/bitnet-tool/internal/exactjson"
)

// FromHF reads the vocabulary of a Hugging Face model folder: tokenizer.json,
// or if that is missing or of another kind a SentencePiece tokenizer.model, and
// where they exist added_tokens.json, tokenizer_config.json,
// special_tokens_map.json, config.json, generation_config.json and
// chat_template.jinja. Errors name the file.
func FromHF(fsys fs.FS) (*Vocab, error) {
	v, err := fromTokenizerJSON(fsys)
	if err == nil || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrUnsupported) {
		return v, err
	}
	if _, statErr := fs.Stat(fsys, "tokenizer.model"); statErr == nil {
		return fromSentencePiece(fsys)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; the model's folder must have its tokenizer, tokenizer.json or tokenizer.model", err)
	}
	return nil, err
}

func fromTokenizerJSON(fsys fs.FS) (*Vocab, error) {
	const name = "tokenizer.json"
	data, err := readFile(fsys, name, maxTokenizerJSON)
	if err != nil {
		return nil, err
	}
	v := newVocab()
	if err := v.parseTokenizerJSON(data); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	ids, err := v.ids()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := v.readConfigs(fsys, ids); err != nil {
		return nil, err
	}
	if _, err := v.indexBy(ids); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return v, nil
}

// readFile reads a file of at most limit bytes, which must be UTF-8.
func readFile(fsys fs.FS, name string, limit int64) ([]byte, error) {
	data, err := readBytes(fsys, name, limit)
	if err == nil && !utf8.Valid(data) {
		// encoding/json would replace the bytes and so change tokens.
		return nil, fmt.Errorf("%s: %w: not UTF-8", name, ErrFormat)
	}
	return data, err
}

func readBytes(fsys fs.FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(data)) > limit:
		return nil, fmt.Errorf("%s: %w: more than %d bytes", name, ErrFormat, limit)
	}
	return data, nil
}

type hfAdded struct {
	ID         int64   `json:"id"`
	Content    *string `json:"content"`
	SingleWord bool    `json:"single_word"`
	LStrip     bool    `json:"lstrip"`
	RStrip     bool    `json:"rstrip"`
	Special    bool    `json:"special"`
}

type hfModel struct {
	Dropout       *float64
	SubwordPrefix *string
	WordSuffix    *string
	ByteFallback  bool
	IgnoreMerges  bool
	Vocab         vocabTable
	Merges        mergeList
}

// parseTokenizerJSON reads the file as huggingface/tokenizers writes it. It has
// megabytes, so it is gone through as few times as possible.
func (v *Vocab) parseTokenizerJSON(data []byte) error {
	if !json.Valid(data) {
		return jsonError(json.Unmarshal(data, new(any))) // which says where
	}
	f, err := members(data)
	if err != nil {
		return err
	}
	var added list[hfAdded]
	if text := f["added_tokens"]; !absent(text) {
		if err := added.UnmarshalJSON(text); err != nil {
			return fmt.Errorf("added_tokens: %w", jsonError(err))
		}
	}
	m, err := parseModel(f["model"])
	if err != nil {
		return fmt.Errorf("model: %w", err)
	}
	if err := v.place(m.Vocab, added); err != nil {
		return err
	}
	v.Merges = m.Merges
	if err := v.normalizer(f["normalizer"]); err != nil {
		return err
	}
	pre, err := recognise(f["pre_tokenizer"])
	if err != nil {
		return fmt.Errorf("pre_tokenizer: %w", err)
	}
	if pre.ignoreMerges != m.IgnoreMerges {
		return fmt.Errorf("%w: ignore_merges is %t, but the pre-tokenizer %q implies %t; GGUF has no key for it", ErrUnsupported, m.IgnoreMerges, pre.name, pre.ignoreMerges)
	}
	v.Pre = pre.name
	if err := checkDecoder(f["decoder"]); err != nil {
		return fmt.Errorf("decoder: %w", err)
	}
	if err := v.postProcess(f["post_processor"]); err != nil {
		return fmt.Errorf("post_processor: %w", err)
	}
	if pre.addBOS && !v.AddBOS {
		v.warnf("tokenizer.json adds no BOS token, as models with its pre-tokenizer expect")
	}
	return nil
}

// normalizer accepts NFC, which Qwen's tokenizers apply first: GGUF has no key
// for it and llama.cpp leaves it out, and nearly all text is in that form.
func (v *Vocab) normalizer(data json.RawMessage) error {
	if absent(data) {
		return nil
	}
	var n struct {
		Type string `json:"type"`
	}
	if err := exactjson.Unmarshal(data, &n); err != nil {
		return fmt.Errorf("normalizer: %w", jsonError(err))
	}
	if n.Type != "NFC" {
		return fmt.Errorf("%w: normalizer %s changes the text before encoding", ErrUnsupported, brief(data))
	}
	v.warnf("tokenizer.json brings text into the form NFC first, which GGUF files cannot ask for: text that is not NFC already gives other tokens than in transformers")
	return nil
}

// parseModel reads the model part. The type is looked at first, since other
// types have a vocabulary of another shape.
func parseModel(data json.RawMessage) (m hfModel, err error) {
	if absent(data) {
		return m, fmt.Errorf("%w: missing", ErrFormat)
	}
	f, err := members(data)
	if err != nil {
		return m, err
	}
	kind := ""
	read := func(key string, into any) {
		if text, ok := f[key]; ok && err == nil {
			if u, ok := into.(json.Unmarshaler); ok {
				err = u.UnmarshalJSON(text)
			} else if err = json.Unmarshal(text, into); err != nil {
				err = fmt.Errorf("%s: %w", key, jsonError(err))
			}
		}
	}
	if read("type", &kind); err == nil && kind != "BPE" {
		return m, fmt.Errorf("%w: type %q; only BPE is known", ErrUnsupported, kind)
	}
	read("dropout", &m.Dropout)
	read("continuing_subword_prefix", &m.SubwordPrefix)
	read("end_of_word_suffix", &m.WordSuffix)
	read("byte_fallback", &m.ByteFallback)
	read("ignore_merges", &m.IgnoreMerges)
	read("vocab", &m.Vocab)
	read("merges", &m.Merges)
	if err != nil {
		return m, err
	}
	switch {
	case m.Dropout != nil && *m.Dropout != 0:
		return m, fmt.Errorf("%w: dropout %g makes encoding random", ErrUnsupported, *m.Dropout)
	case m.SubwordPrefix != nil && *m.SubwordPrefix != "":
		return m, fmt.Errorf("%w: continuing_subword_prefix %q", ErrUnsupported, *m.SubwordPrefix)
	case m.WordSuffix != nil && *m.WordSuffix != "":
		return m, fmt.Errorf("%w: end_of_word_suffix %q", ErrUnsupported, *m.WordSuffix)
	case m.ByteFallback:
		return m, fmt.Errorf("%w: byte_fallback, which is for vocabularies without a byte alphabet", ErrUnsupported)
	}
	return m, nil
}

// place puts base and added tokens at their ids and fills the holes.
func (v *Vocab) place(base []hfToken, added []hfAdded) error {
	if len(base) == 0 {
		return fmt.Errorf("%w: model: no vocabulary", ErrFormat)
	}
	size := int64(0)
	for _, t := range base {
		size = max(size, t.id+1)
	}
	for _, t := range added {
		size = max(size, t.ID+1)
	}
	if size > maxTokens {
		return fmt.Errorf("%w: token id %d, at most %d are possible", ErrFormat, size-1, maxTokens-1)
	}
	v.Tokens, v.Kinds = make([]string, size), make([]Kind, size)
	for _, t := range base {
		if t.id < 0 || v.Kinds[t.id] != Undefined {
			return fmt.Errorf("%w: model: token %q has the id %d, which is negative or taken", ErrFormat, t.text, t.id)
		}
		v.Tokens[t.id], v.Kinds[t.id] = t.text, Normal
	}
	for _, t := range added {
		if err := v.placeAdded(t); err != nil {
			return fmt.Errorf("added_tokens: %w", err)
		}
	}
	for id, k := range v.Kinds {
		if k == Undefined {
			v.Tokens[id], v.Kinds[id] = padText(id), Unused
		}
	}
	return nil
}

func (v *Vocab) placeAdded(t hfAdded) error {
	switch {
	case t.Content == nil || *t.Content == "":
		return fmt.Errorf("%w: token %d has no content", ErrFormat, t.ID)
	case t.ID < 0:
		return fmt.Errorf("%w: token %q has the id %d", ErrFormat, *t.Content, t.ID)
	case t.LStrip || t.RStrip || t.SingleWord:
		return fmt.Errorf("%w: token %q: lstrip, rstrip and single_word, which GGUF has no keys for", ErrUnsupported, *t.Content)
	}
	// An added token may be in the base vocabulary too, under the same id.
	if k := v.Kinds[t.ID]; k != Undefined && (k != Normal || v.Tokens[t.ID] != *t.Content) {
		return fmt.Errorf("%w: tokens %q and %q both have the id %d", ErrFormat, v.Tokens[t.ID], *t.Content, t.ID)
	}
	v.Tokens[t.ID], v.Kinds[t.ID] = *t.Content, UserDefined
	if t.Special {
		v.Kinds[t.ID] = Control
	}
	return nil
}
