package token

import (
	"encoding/json"
	"fmt"

	"github.com/akadata/bitnet-tool/internal/exactjson"
)

// hfStep is a step of a pre-tokenizer, decoder or post-processor; each type
// uses some of the fields.
type hfStep struct {
	Type          string            `json:"type"`
	Pretokenizers []json.RawMessage `json:"pretokenizers"` // Sequence
	Processors    []json.RawMessage `json:"processors"`    // Sequence
	Pattern       struct {
		Regex *string `json:"Regex"`
	} `json:"pattern"` // Split
	Behavior       string `json:"behavior"`         // Split
	Invert         bool   `json:"invert"`           // Split
	AddPrefixSpace *bool  `json:"add_prefix_space"` // ByteLevel
	UseRegex       *bool  `json:"use_regex"`        // ByteLevel; true if absent

	Single        []hfPiece            `json:"single"`         // TemplateProcessing
	SpecialTokens map[string]hfSpecial `json:"special_tokens"` // TemplateProcessing
}

type hfPiece struct {
	SpecialToken *struct {
		ID string `json:"id"`
	} `json:"SpecialToken"`
	Sequence *struct {
		ID string `json:"id"`
	} `json:"Sequence"`
}

type hfSpecial struct {
	IDs []int32 `json:"ids"`
}

// steps gives the steps of a part, a Sequence's one by one.
func steps(data json.RawMessage) ([]hfStep, error) {
	var s hfStep
	if err := exactjson.Unmarshal(data, &s); err != nil {
		return nil, jsonError(err)
	}
	if s.Type != "Sequence" {
		return []hfStep{s}, nil
	}
	var out []hfStep
	for _, part := range append(s.Pretokenizers, s.Processors...) {
		var s hfStep
		if err := exactjson.Unmarshal(part, &s); err != nil {
			return nil, jsonError(err)
		}
		out = append(out, s)
	}
	return out, nil
}

// recognise finds the known pre-tokenizer that a pre_tokenizer part spells
// out: a Split by regex and then ByteLevel without one of its own, or
// ByteLevel with its own.
func recognise(data json.RawMessage) (pretokenizer, error) {
	refused := fmt.Errorf("%w: %s is none of those known here", ErrUnsupported, brief(data))
	if absent(data) {
		return pretokenizer{}, fmt.Errorf("%w: missing, so this is not byte-level BPE", ErrUnsupported)
	}
	ss, err := steps(data)
	if err != nil {
		return pretokenizer{}, err
	}
	if len(ss) == 0 || len(ss) > 2 {
		return pretokenizer{}, refused
	}
	last := ss[len(ss)-1]
	if last.Type != "ByteLevel" {
		return pretokenizer{}, refused
	}
	if last.AddPrefixSpace == nil || *last.AddPrefixSpace {
		return pretokenizer{}, fmt.Errorf("%w: ByteLevel with add_prefix_space", ErrUnsupported)
	}
	ownRegex := last.UseRegex == nil || *last.UseRegex
	if len(ss) == 1 {
		if !ownRegex {
			return pretokenizer{}, refused
		}
		return lookupPre(preGPT2)
	}
	split := ss[0]
	if ownRegex || split.Type != "Split" || split.Behavior != "Isolated" || split.Invert || split.Pattern.Regex == nil {
		return pretokenizer{}, refused
	}
	for _, p := range pretokenizers {
		if p.hfRegex != "" && p.hfRegex == *split.Pattern.Regex {
			return p, nil
		}
	}
	return pretokenizer{}, fmt.Errorf("%w: the regex %s is none of those known here", ErrUnsupported, *split.Pattern.Regex)
}

// checkDecoder makes sure that tokens are decoded by the byte alphabet.
func checkDecoder(data json.RawMessage) error {
	if absent(data) {
		return fmt.Errorf("%w: missing, so this is not byte-level BPE", ErrUnsupported)
	}
	ss, err := steps(data)
	if err != nil {
		return err
	}
	if len(ss) != 1 || ss[0].Type != "ByteLevel" {
		return fmt.Errorf("%w: %s is not ByteLevel", ErrUnsupported, brief(data))
	}
	return nil
}

// postProcess takes from the post-processor which tokens are put around a
// text. ByteLevel changes offsets only.
func (v *Vocab) postProcess(data json.RawMessage) error {
	if absent(data) {
		return nil
	}
	ss, err := steps(data)
	if err != nil {
		return err
	}
	templates := 0
	for _, s := range ss {
		switch s.Type {
		case "ByteLevel":
		case "TemplateProcessing":
			if err := v.template(s); err != nil {
				return err
			}
			templates++
		default:
			return fmt.Errorf("%w: %s", ErrUnsupported, brief(data))
		}
	}
	if templates > 1 {
		return fmt.Errorf("%w: %d templates", ErrUnsupported, templates)
	}
	return nil
}

// template reads "BOS? A EOS?".
func (v *Vocab) template(s hfStep) error {
	seenText := false
	for _, p := range s.Single {
		switch {
		case p.Sequence != nil && !seenText:
			seenText = true
		case p.SpecialToken != nil:
			ids := s.SpecialTokens[p.SpecialToken.ID].IDs
			if len(ids) != 1 || ids[0] < 0 || int(ids[0]) >= len(v.Tokens) {
				return fmt.Errorf("%w: special token %q has the ids %v", ErrFormat, p.SpecialToken.ID, ids)
			}
			switch {
			case !seenText && !v.AddBOS:
				v.BOS, v.AddBOS = ids[0], true
			case seenText && !v.AddEOS:
				v.EOS, v.AddEOS = ids[0], true
			default:
				return fmt.Errorf("%w: more than one special token on one side of the text", ErrUnsupported)
			}
		default:
			return fmt.Errorf("%w: the template is not one text with special tokens around", ErrUnsupported)
		}
	}
	if !seenText {
		return fmt.Errorf("%w: the template has no place for the text", ErrFormat)
	}
	return nil
}
