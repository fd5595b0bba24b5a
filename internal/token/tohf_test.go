package token

import (
	"errors"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// What HFFiles writes, FromHF reads as the same vocabulary.
func TestHFFilesRoundTrip(t *testing.T) {
	tests := []struct {
		name   string
		change func(o object)
		others map[string]string
		edit   func(v *Vocab)
	}{
		{"as it is", func(object) {}, nil, nil},
		{"GPT-2", func(o object) {
			o["pre_tokenizer"] = object{"type": "ByteLevel", "add_prefix_space": false}
			o["post_processor"] = nil
			at(o, "model")["ignore_merges"] = false
		}, nil, nil},
		{"roles", func(object) {}, map[string]string{
			"tokenizer_config.json":  `{"eos_token": "<|eot_id|>", "pad_token": "<user>", "unk_token": "th", "chat_template": "{{ 'é<&>' }}"}`,
			"generation_config.json": `{"eos_token_id": [260, 258]}`,
		}, nil},
		{"an end that no text tells", func(o object) {
			o["added_tokens"].([]any)[1].(object)["content"] = "<turn>"
		}, nil, func(v *Vocab) { v.EOS, v.EOT = 258, 260 }},
		{"EOS is added", func(o object) {
			p := at(o, "post_processor")
			p["single"] = append(p["single"].([]any), object{"SpecialToken": object{"id": "<user>"}})
			at(p, "special_tokens")["<user>"] = object{"ids": []any{261}}
		}, nil, nil},
		{"holes and unused tokens", func(o object) {
			at(o, "model", "vocab")["late"] = 300
		}, nil, nil},
		{"tokens with quotes", func(o object) {
			at(o, "model", "vocab")["\"\\/<>&é\u2028"] = 262
		}, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := smallTokenizer()
			tt.change(o)
			v, err := FromHF(folder(t, o, tt.others))
			if err != nil {
				t.Fatal(err)
			}
			if tt.edit != nil {
				tt.edit(v)
			}
			files, err := v.HFFiles()
			if err != nil {
				t.Fatal(err)
			}
			fsys := fstest.MapFS{}
			for name, data := range files {
				fsys[name] = &fstest.MapFile{Data: data}
			}
			back, err := FromHF(fsys)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(v, back, cmpopts.IgnoreUnexported(Vocab{}), cmpopts.IgnoreFields(Vocab{}, "Warnings")); diff != "" {
				t.Errorf("(-in +out):\n%s", diff)
			}
		})
	}
}

func TestHFFilesRefuses(t *testing.T) {
	v, err := FromHF(folder(t, smallTokenizer(), nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, pre := range []string{"default", "falcon3", "nonsense"} {
		v.Pre = pre
		if _, err := v.HFFiles(); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v", pre, err)
		}
	}
	v.Model = "llama"
	if _, err := v.HFFiles(); !errors.Is(err, ErrUnsupported) {
		t.Errorf("SentencePiece: %v", err)
	}
}
