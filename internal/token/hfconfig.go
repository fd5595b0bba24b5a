package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/akadata/bitnet-tool/internal/exactjson"
)

// hfConfig has the fields of interest of tokenizer_config.json,
// special_tokens_map.json, config.json and generation_config.json, which share
// no name with different meanings.
type hfConfig struct {
	name string

	BOSToken hfText `json:"bos_token"`
	EOSToken hfText `json:"eos_token"`
	PadToken hfText `json:"pad_token"`
	UnkToken hfText `json:"unk_token"`

	BOSID hfIDs `json:"bos_token_id"`
	EOSID hfIDs `json:"eos_token_id"`
	PadID hfIDs `json:"pad_token_id"`

	AddBOS       *bool           `json:"add_bos_token"`
	AddEOS       *bool           `json:"add_eos_token"`
	ChatTemplate json.RawMessage `json:"chat_template"`
}

// hfText is a token's text, given as a string or as an object with content.
type hfText string

// UnmarshalJSON implements [json.Unmarshaler].
func (t *hfText) UnmarshalJSON(data []byte) error {
	var o struct {
		Content string `json:"content"`
	}
	if len(data) > 0 && data[0] == '{' {
		err := exactjson.Unmarshal(data, &o)
		*t = hfText(o.Content)
		return err
	}
	return json.Unmarshal(data, (*string)(t))
}

// hfIDs is one id or several; null is none.
type hfIDs []int64

// UnmarshalJSON implements [json.Unmarshaler].
func (l *hfIDs) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '[' {
		return json.Unmarshal(data, (*[]int64)(l))
	}
	var id *int64
	if err := json.Unmarshal(data, &id); err != nil || id == nil {
		return err
	}
	*l = hfIDs{*id}
	return nil
}

// readConfigs finds the tokens with a role and the chat template in the files
// beside tokenizer.json. Where they disagree the earlier one of the list is
// right, as for llama.cpp's converter.
func (v *Vocab) readConfigs(fsys fs.FS, ids map[string]int32) error {
	var configs []hfConfig
	for _, name := range []string{"tokenizer_config.json", "special_tokens_map.json", "config.json", "generation_config.json"} {
		data, err := readFile(fsys, name, maxConfigJSON)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		c := hfConfig{name: name}
		if err := exactjson.Unmarshal(data, &c); err != nil {
			return fmt.Errorf("%s: %w", name, jsonError(err))
		}
		configs = append(configs, c)
	}
	var eos []int32
	for _, c := range configs {
		v.setRole(&v.BOS, "BOS", c.name, v.ofConfig(c, c.BOSToken, c.BOSID, ids))
		v.setRole(&v.Padding, "padding", c.name, v.ofConfig(c, c.PadToken, c.PadID, ids))
		v.setRole(&v.Unknown, "unknown", c.name, v.ofConfig(c, c.UnkToken, nil, ids))
		ends := v.ofConfig(c, c.EOSToken, c.EOSID, ids)
		v.setRole(&v.EOS, "EOS", c.name, ends)
		eos = append(eos, ends...)
		if v.Model == modelSPM {
			v.AddBOS, v.AddEOS = or(c.AddBOS, v.AddBOS), or(c.AddEOS, v.AddEOS)
		} else if c.AddBOS != nil && *c.AddBOS != v.AddBOS || c.AddEOS != nil && *c.AddEOS != v.AddEOS {
			v.warnf("%s: add_bos_token or add_eos_token disagrees with the post_processor of tokenizer.json, which is followed", c.name)
		}
	}
	v.findEnds(ids)
	// Configurations may list more ends of a generation than have keys in GGUF.
	for _, id := range eos {
		if id != v.EOS && id != v.EOM && v.EOT < 0 {
			v.EOT = id
		}
	}
	return v.readChatTemplate(fsys, configs)
}

func or(b *bool, def bool) bool {
	if b == nil {
		return def
	}
	return *b
}

// ofConfig gives the ids that one file has for a role.
func (v *Vocab) ofConfig(c hfConfig, text hfText, list hfIDs, ids map[string]int32) []int32 {
	var out []int32
	if text != "" {
		if id, ok := ids[string(text)]; ok {
			out = append(out, id)
		} else {
			v.warnf("%s: %q is not a token", c.name, text)
		}
	}
	for _, id := range list {
		switch {
		case id >= 0 && id < int64(len(v.Tokens)):
			out = append(out, int32(id))
		case id >= 0: // negative ids are a way to say none
			v.warnf("%s: token id %d is beyond the %d tokens", c.name, id, len(v.Tokens))
		}
	}
	return out
}

// setRole takes the first of ids unless an earlier file had one.
func (v *Vocab) setRole(role *int32, what, file string, ids []int32) {
	switch {
	case len(ids) == 0:
	case *role < 0:
		*role = ids[0]
	case !slices.Contains(ids, *role):
		v.warnf("%s: the %s token is %q, but %q was named before, which is used", file, what, v.text(ids[0]), v.text(*role))
	}
}

// readChatTemplate takes chat_template.jinja, else the one of a configuration,
// which is a string or an array of named ones.
func (v *Vocab) readChatTemplate(fsys fs.FS, configs []hfConfig) error {
	data, err := readFile(fsys, "chat_template.jinja", maxTemplate)
	if err == nil {
		v.ChatTemplate = string(data)
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, c := range configs {
		if absent(c.ChatTemplate) {
			continue
		}
		if json.Unmarshal(c.ChatTemplate, &v.ChatTemplate) == nil {
			return v.checkTemplateSize(c.name)
		}
		var named []struct {
			Name     string `json:"name"`
			Template string `json:"template"`
		}
		if err := exactjson.Unmarshal(c.ChatTemplate, &named); err != nil {
			return fmt.Errorf("%s: chat_template: %w: neither a string nor an array of named ones", c.name, ErrFormat)
		}
		for _, t := range named {
			if t.Name == "default" {
				v.ChatTemplate = t.Template
			} else {
				v.warnf("%s: the chat template %q is not kept", c.name, t.Name)
			}
		}
		return v.checkTemplateSize(c.name)
	}
	return nil
}

func (v *Vocab) checkTemplateSize(file string) error {
	if len(v.ChatTemplate) > maxTemplate {
		return fmt.Errorf("%s: chat_template: %w: more than %d bytes", file, ErrFormat, maxTemplate)
	}
	return nil
}
