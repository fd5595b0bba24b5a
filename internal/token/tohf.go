package token

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// HFFiles gives the vocabulary as the files of a Hugging Face model folder,
// from which [FromHF] reads the same one: tokenizer.json and its configuration,
// generation_config.json, and the chat template if there is one. Pre-tokenizers
// that tokenizer.json cannot spell are [ErrUnsupported].
func (v *Vocab) HFFiles() (map[string][]byte, error) {
	tokenizer, err := v.tokenizerJSON()
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{"tokenizer.json": tokenizer}
	config := map[string]any{
		"tokenizer_class": "PreTrainedTokenizerFast",
		"add_bos_token":   v.AddBOS, "add_eos_token": v.AddEOS,
		"clean_up_tokenization_spaces": false,
	}
	generation := map[string]any{}
	for key, id := range map[string]int32{"bos_token": v.BOS, "eos_token": v.EOS, "pad_token": v.Padding, "unk_token": v.Unknown} {
		if id >= 0 {
			config[key] = v.text(id)
		}
	}
	if v.BOS >= 0 {
		generation["bos_token_id"] = v.BOS
	}
	if v.EOS >= 0 {
		ends := []int32{v.EOS}
		for _, id := range []int32{v.EOT, v.EOM} {
			if id >= 0 && id != v.EOS {
				ends = append(ends, id)
			}
		}
		generation["eos_token_id"] = ends
	}
	for name, part := range map[string]any{"tokenizer_config.json": config, "generation_config.json": generation} {
		if files[name], err = indented(part); err != nil {
			return nil, err
		}
	}
	if v.ChatTemplate != "" {
		files["chat_template.jinja"] = []byte(v.ChatTemplate)
	}
	return files, nil
}

// tokenizerJSON spells the vocabulary as huggingface/tokenizers does.
func (v *Vocab) tokenizerJSON() ([]byte, error) {
	if v.Model != modelBPE {
		return nil, fmt.Errorf("%w: a tokenizer of model %q cannot be written as tokenizer.json", ErrUnsupported, v.Model)
	}
	pre, err := v.preTokenizer()
	if err != nil {
		return nil, err
	}
	p, _ := lookupPre(v.Pre)
	base, added := newOrdered(), []any{}
	for i, text := range v.Tokens {
		switch k := v.Kinds[i]; k {
		case Control, Unknown, UserDefined:
			added = append(added, map[string]any{
				"id": i, "content": text, "special": k != UserDefined,
				"single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
			})
		case Unused:
			if text != padText(i) { // else a hole, which readers fill
				base.set(text, i)
			}
		default:
			base.set(text, i)
		}
	}
	return indented(map[string]any{
		"version": "1.0", "truncation": nil, "padding": nil, "normalizer": nil,
		"added_tokens": added, "pre_tokenizer": pre, "post_processor": v.postProcessor(),
		"decoder": byteLevel(true),
		"model": map[string]any{
			"type": "BPE", "dropout": nil, "unk_token": nil,
			"continuing_subword_prefix": nil, "end_of_word_suffix": nil,
			"fuse_unk": false, "byte_fallback": false, "ignore_merges": p.ignoreMerges,
			"vocab": base, "merges": v.Merges,
		},
	})
}

func byteLevel(useRegex bool) map[string]any {
	return map[string]any{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": useRegex}
}

// preTokenizer is what recognise knows again.
func (v *Vocab) preTokenizer() (any, error) {
	p, err := lookupPre(v.Pre)
	switch {
	case err != nil:
		return nil, err
	case p.name == preGPT2:
		return byteLevel(true), nil
	case p.hfRegex == "":
		return nil, fmt.Errorf("%w: pre-tokenizer %q has no form in tokenizer.json", ErrUnsupported, v.Pre)
	}
	return map[string]any{"type": "Sequence", "pretokenizers": []any{
		map[string]any{"type": "Split", "pattern": map[string]any{"Regex": p.hfRegex}, "behavior": "Isolated", "invert": false},
		byteLevel(false),
	}}, nil
}

// postProcessor puts BOS and EOS around a text.
func (v *Vocab) postProcessor() any {
	text := func(id string, typeID int) any {
		return map[string]any{"Sequence": map[string]any{"id": id, "type_id": typeID}}
	}
	special := map[string]any{}
	token := func(id int32, typeID int) any {
		s := v.text(id)
		special[s] = map[string]any{"id": s, "ids": []int32{id}, "tokens": []string{s}}
		return map[string]any{"SpecialToken": map[string]any{"id": s, "type_id": typeID}}
	}
	around := func(id string, typeID int) []any {
		var out []any
		if v.AddBOS {
			out = append(out, token(v.BOS, typeID))
		}
		out = append(out, text(id, typeID))
		if v.AddEOS {
			out = append(out, token(v.EOS, typeID))
		}
		return out
	}
	if !v.AddBOS && !v.AddEOS {
		return byteLevel(true)
	}
	single := around("A", 0)
	return map[string]any{
		"type": "TemplateProcessing", "single": single, "pair": append(around("A", 0), around("B", 1)...), "special_tokens": special,
	}
}

// ordered is a JSON object whose keys keep their order.
type ordered struct{ bytes.Buffer }

func newOrdered() *ordered {
	o := &ordered{}
	o.WriteByte('{')
	return o
}

func (o *ordered) set(key string, n int) {
	if o.Len() > 1 {
		o.WriteByte(',')
	}
	k, _ := json.Marshal(key) // of a string, it cannot fail
	fmt.Fprintf(o, "%s:%d", k, n)
}

// MarshalJSON implements [json.Marshaler].
func (o *ordered) MarshalJSON() ([]byte, error) { return append(bytes.Clone(o.Bytes()), '}'), nil }

func indented(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}
