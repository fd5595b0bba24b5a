package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/akadata/bitnet-tool/internal/fixture"
)

// object is a JSON object that tests spoil.
type object = map[string]any

// smallTokenizer is a tokenizer.json with the byte alphabet, a few merges and
// three added tokens, in the manner of Llama 3.
func smallTokenizer() object {
	vocab := object{}
	for b := range 256 {
		vocab[string(byteRune(byte(b)))] = b
	}
	for i, text := range []string{"th", "the", "Ġthe"} {
		vocab[text] = 256 + i
	}
	added := func(id int, content string, special bool) any {
		return object{"id": id, "content": content, "special": special, "lstrip": false, "rstrip": false, "single_word": false, "normalized": false}
	}
	return object{
		"version":      "1.0",
		"added_tokens": []any{added(259, "<|begin_of_text|>", true), added(260, "<|eot_id|>", true), added(261, "<user>", false)},
		"normalizer":   nil,
		"pre_tokenizer": object{"type": "Sequence", "pretokenizers": []any{
			object{"type": "Split", "pattern": object{"Regex": llama3Regex}, "behavior": "Isolated", "invert": false},
			object{"type": "ByteLevel", "add_prefix_space": false, "use_regex": false},
		}},
		"post_processor": object{
			"type":           "TemplateProcessing",
			"single":         []any{object{"SpecialToken": object{"id": "<|begin_of_text|>"}}, object{"Sequence": object{"id": "A"}}},
			"special_tokens": object{"<|begin_of_text|>": object{"ids": []any{259}}},
		},
		"decoder": object{"type": "ByteLevel"},
		"model":   object{"type": "BPE", "ignore_merges": true, "vocab": vocab, "merges": []any{"t h", "th e", "Ġ the"}},
	}
}

func folder(tb testing.TB, tokenizer object, others map[string]string) fstest.MapFS {
	tb.Helper()
	data, err := json.Marshal(tokenizer)
	if err != nil {
		tb.Fatal(err)
	}
	fsys := fstest.MapFS{"tokenizer.json": {Data: data}}
	for name, text := range others {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

// at gives the object at a path of keys.
func at(o object, path ...string) object {
	for _, key := range path {
		o = o[key].(object)
	}
	return o
}

func TestFromHF(t *testing.T) {
	o := smallTokenizer()
	at(o, "model", "vocab")["far"] = 264
	at(o, "model")["merges"] = []any{[]any{"t", "h"}, []any{"th", "e"}, "Ġ the"}
	v, err := FromHF(folder(t, o, map[string]string{
		"tokenizer_config.json": `{"bos_token":{"content":"<|begin_of_text|>"},"pad_token":"<|eot_id|>","eos_token":null,"chat_template":"old"}`,
		"config.json":           `{"bos_token_id":259,"eos_token_id":[260,258],"pad_token_id":-1}`,
		"chat_template.jinja":   "new",
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := newVocab()
	want.Pre = "llama-bpe"
	for b := range 256 {
		want.Tokens = append(want.Tokens, string(byteRune(byte(b))))
	}
	want.Tokens = append(want.Tokens, "th", "the", "Ġthe", "<|begin_of_text|>", "<|eot_id|>", "<user>", "[PAD262]", "[PAD263]", "far")
	want.Kinds = append(slices.Repeat([]Kind{Normal}, 259), Control, Control, UserDefined, Unused, Unused, Normal)
	want.Merges = []string{"t h", "th e", "Ġ the"}
	want.BOS, want.EOS, want.EOT, want.Padding = 259, 260, 260, 260
	want.AddBOS = true
	want.ChatTemplate = "new"
	if diff := cmp.Diff(want, v, cmp.AllowUnexported(Vocab{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRolesFromConfigs(t *testing.T) {
	type roles struct{ BOS, EOS, EOT, Padding, Warnings int }
	for _, tt := range []struct {
		name   string
		others map[string]string
		want   roles
	}{
		{"none", nil, roles{259, -1, 260, -1, 0}},
		{"tokenizer_config first", map[string]string{
			"tokenizer_config.json":   `{"eos_token":"the"}`,
			"special_tokens_map.json": `{"eos_token":{"content":"th"},"pad_token":"th"}`,
			"config.json":             `{"eos_token_id":258}`,
		}, roles{259, 257, 260, 256, 2}},
		{"lists that contain it agree", map[string]string{
			"config.json":            `{"eos_token_id":257}`,
			"generation_config.json": `{"eos_token_id":[258,257]}`,
		}, roles{259, 257, 260, -1, 0}},
		{"BOS of the template", map[string]string{"config.json": `{"bos_token_id":1}`}, roles{259, -1, 260, -1, 1}},
		{"beyond the vocabulary", map[string]string{"config.json": `{"eos_token_id":262}`}, roles{259, -1, 260, -1, 1}},
		{"not a token", map[string]string{"tokenizer_config.json": `{"pad_token":"[PAD]"}`}, roles{259, -1, 260, -1, 1}},
		{"add_bos_token disagrees", map[string]string{"tokenizer_config.json": `{"add_bos_token":false}`}, roles{259, -1, 260, -1, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, err := FromHF(folder(t, smallTokenizer(), tt.others))
			if err != nil {
				t.Fatal(err)
			}
			got := roles{int(v.BOS), int(v.EOS), int(v.EOT), int(v.Padding), len(v.Warnings)}
			if got != tt.want {
				t.Errorf("got %+v, want %+v; warnings %q", got, tt.want, v.Warnings)
			}
		})
	}
}

// TestEOTFromConfig: without a token whose text ends a turn, a second id of
// the end tokens is the one.
func TestEOTFromConfig(t *testing.T) {
	o := smallTokenizer()
	o["added_tokens"].([]any)[1].(object)["content"] = "<turn>"
	v, err := FromHF(folder(t, o, map[string]string{"generation_config.json": `{"eos_token_id":[257,260]}`}))
	if err != nil || v.EOS != 257 || v.EOT != 260 {
		t.Errorf("EOS %d, EOT %d, error %v, want 257 and 260", v.EOS, v.EOT, err)
	}
}

func TestPostProcessor(t *testing.T) {
	special, text := object{"SpecialToken": object{"id": "<s>"}}, object{"Sequence": object{"id": "A"}}
	template := func(ids []any, single ...any) object {
		return object{"type": "TemplateProcessing", "single": single, "special_tokens": object{"<s>": object{"ids": ids}}}
	}
	ids := []any{260}
	for _, tt := range []struct {
		name      string
		processor any
		bos, eos  bool
		bad       bool
	}{
		{"none", nil, false, false, false},
		{"ByteLevel", object{"type": "ByteLevel"}, false, false, false},
		{"sequence", object{"type": "Sequence", "processors": []any{object{"type": "ByteLevel"}, template(ids, special, text)}}, true, false, false},
		{"end", template(ids, text, special), false, true, false},
		{"both", template(ids, special, text, special), true, true, false},
		{"two in front", template(ids, special, special, text), false, false, true},
		{"two texts", template(ids, text, text), false, false, true},
		{"no text", template(ids, special), false, false, true},
		{"several ids", template([]any{1, 2}, special, text), false, false, true},
		{"id out of range", template([]any{5000}, special, text), false, false, true},
		{"two templates", object{"type": "Sequence", "processors": []any{template(ids, text), template(ids, text)}}, false, false, true},
		{"other type", object{"type": "RobertaProcessing"}, false, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := smallTokenizer()
			o["post_processor"] = tt.processor
			v, err := FromHF(folder(t, o, nil))
			if tt.bad {
				if err == nil {
					t.Error("accepted")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if v.AddBOS != tt.bos || v.AddEOS != tt.eos || tt.bos && v.BOS != 260 || tt.eos && v.EOS != 260 {
				t.Errorf("BOS %d %t, EOS %d %t", v.BOS, v.AddBOS, v.EOS, v.AddEOS)
			}
			want := []int32{257}
			if tt.bos {
				want = append([]int32{260}, want...)
			}
			if tt.eos {
				want = append(want, 260)
			}
			if diff := cmp.Diff(want, mustNew(t, v).Encode("the", EncodeOptions{AddSpecial: true})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestChatTemplates(t *testing.T) {
	for _, tt := range []struct {
		name     string
		others   map[string]string
		want     string
		warnings int
	}{
		{"none", nil, "", 0},
		{"string", map[string]string{"tokenizer_config.json": `{"chat_template":"a"}`}, "a", 0},
		{"file first", map[string]string{"tokenizer_config.json": `{"chat_template":"a"}`, "chat_template.jinja": "b"}, "b", 0},
		{"named", map[string]string{"tokenizer_config.json": `{"chat_template":[{"name":"tool_use","template":"t"},{"name":"default","template":"d"}]}`}, "d", 1},
		{"null", map[string]string{"tokenizer_config.json": `{"chat_template":null}`}, "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, err := FromHF(folder(t, smallTokenizer(), tt.others))
			if err != nil || v.ChatTemplate != tt.want || len(v.Warnings) != tt.warnings {
				t.Errorf("template %q, warnings %q, error %v", v.ChatTemplate, v.Warnings, err)
			}
		})
	}
}

func TestPad(t *testing.T) {
	v, err := FromHF(folder(t, smallTokenizer(), nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Pad(264); err != nil || len(v.Tokens) != 264 || v.Tokens[263] != "[PAD263]" || v.Kinds[263] != Unused || v.Kinds[261] != UserDefined {
		t.Errorf("%d tokens, error %v", len(v.Tokens), err)
	}
	mustNew(t, v)
	for _, n := range []int{263, -1, maxTokens + 1} {
		if err := v.Pad(n); !errors.Is(err, ErrFormat) {
			t.Errorf("padded to %d: %v", n, err)
		}
	}
}

// Qwen's normalizer is known, and that GGUF cannot ask for it is said.
// Keys in another case are none, and of equal keys the last counts alone, as for
// the programs that the files are written for.
func TestFromHFKeysAreExact(t *testing.T) {
	want, err := FromHF(folder(t, smallTokenizer(), nil))
	if err != nil {
		t.Fatal(err)
	}
	o := smallTokenizer()
	token := o["added_tokens"].([]any)[0].(object)
	delete(token, "lstrip")
	token["LStrip"] = true
	at(o, "model")["Dropout"] = 0.5
	at(o, "model")["Byte_fallback"] = true
	at(o, "post_processor")["Single"] = []any{}
	o["Normalizer"] = object{"type": "Lowercase"}
	fsys := folder(t, o, map[string]string{
		"config.json":           `{"EOS_Token_ID":258}`,
		"tokenizer_config.json": `{"Chat_template":"a","eos_token":{"Content":"the"}}`,
	})
	f := fsys["tokenizer.json"]
	f.Data = append([]byte(`{"added_tokens":[{"id":300,"content":"more"}],`), f.Data[1:]...)
	got, err := FromHF(fsys)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Vocab{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFromHFNormalizer(t *testing.T) {
	o := smallTokenizer()
	o["normalizer"] = object{"type": "NFC"}
	v, err := FromHF(folder(t, o, nil))
	if err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(v.Warnings, "\n"); !strings.Contains(all, "NFC") {
		t.Errorf("warnings %q", all)
	}
}

func TestFromHFRefuses(t *testing.T) {
	added := func(o object, i int) object { return o["added_tokens"].([]any)[i].(object) }
	step := func(o object, i int) object { return at(o, "pre_tokenizer")["pretokenizers"].([]any)[i].(object) }
	merges := func(m ...any) func(object) { return func(o object) { at(o, "model")["merges"] = m } }
	set := func(value any, path ...string) func(object) {
		return func(o object) { at(o, path[:len(path)-1]...)[path[len(path)-1]] = value }
	}
	for _, tt := range []struct {
		name  string
		is    error
		text  string // of the error
		spoil func(o object)
	}{
		{"unigram", ErrUnsupported, "Unigram", func(o object) { o["model"] = object{"type": "Unigram", "vocab": []any{[]any{"a", -1.5}}} }},
		{"no model", ErrFormat, "model", set(nil, "model")},
		{"model a string", ErrFormat, "model", set("BPE", "model")},
		{"no vocabulary", ErrFormat, "no vocabulary", set(object{}, "model", "vocab")},
		{"vocabulary an array", ErrFormat, "vocab", set([]any{}, "model", "vocab")},
		{"id a string", ErrFormat, `"x"`, set("1", "model", "vocab", "x")},
		{"id a fraction", ErrFormat, `"x"`, set(1.5, "model", "vocab", "x")},
		{"id taken", ErrFormat, "taken", set(7, "model", "vocab", "x")},
		{"id negative", ErrFormat, "negative", set(-1, "model", "vocab", "x")},
		{"id huge", ErrFormat, "4294967296", set(1<<32, "model", "vocab", "x")},
		{"id beyond int64", ErrFormat, `"x"`, set(1e30, "model", "vocab", "x")},
		{"token too long", ErrFormat, "bytes long", set(300, "model", "vocab", strings.Repeat("x", maxTokenLen+1))},
		{"dropout", ErrUnsupported, "dropout", set(0.1, "model", "dropout")},
		{"prefix", ErrUnsupported, "continuing_subword_prefix", set("##", "model", "continuing_subword_prefix")},
		{"suffix", ErrUnsupported, "end_of_word_suffix", set("</w>", "model", "end_of_word_suffix")},
		{"byte fallback", ErrUnsupported, "byte_fallback", set(true, "model", "byte_fallback")},
		{"merges are honoured", ErrUnsupported, "ignore_merges", set(false, "model", "ignore_merges")},
		{"merge of unknown part", ErrFormat, `"zz"`, merges("t h", "zz e")},
		{"merge of unknown result", ErrFormat, `"te"`, merges("t e")},
		{"merge of three", ErrFormat, "merge 0", merges("t h e")},
		{"merge without space", ErrFormat, "merge 0", merges("th")},
		{"merge with empty part", ErrFormat, "merge 0", merges(" h")},
		{"merge with a space inside", ErrFormat, "merge 0", merges([]any{"t h", "e"})},
		{"merge array of one", ErrFormat, "merge 0", merges([]any{"t"})},
		{"merge array of three", ErrFormat, "merge 0", merges([]any{"t", "h", "e"})},
		{"merge array of numbers", ErrFormat, "merge 0", merges([]any{1, 2})},
		{"merge a number", ErrFormat, "merge 0", merges(5)},
		{"merge an object", ErrFormat, "merge 0", merges(object{})},
		{"merge twice", ErrFormat, "merges 0 and 1", merges("t h", "t h")},
		{"merges an object", ErrFormat, "merges", set(object{}, "model", "merges")},
		{"added without content", ErrFormat, "content", func(o object) { delete(added(o, 0), "content") }},
		{"added with a number", ErrFormat, "element 0", func(o object) { added(o, 0)["content"] = 5 }},
		{"added at a taken id", ErrFormat, "both have the id", func(o object) { added(o, 0)["id"] = 3 }},
		{"added twice at an id", ErrFormat, "both have the id", func(o object) { added(o, 0)["id"] = 260 }},
		{"added text twice", ErrFormat, "are both", func(o object) { added(o, 0)["content"] = "<user>" }},
		{"added text of another token", ErrFormat, "are both", func(o object) { added(o, 0)["content"] = "the" }},
		{"added at a negative id", ErrFormat, "-5", func(o object) { added(o, 0)["id"] = -5 }},
		{"added at a huge id", ErrFormat, "99999999", func(o object) { added(o, 0)["id"] = 99999999 }},
		{"lstrip", ErrUnsupported, "lstrip", func(o object) { added(o, 0)["lstrip"] = true }},
		{"rstrip", ErrUnsupported, "rstrip", func(o object) { added(o, 0)["rstrip"] = true }},
		{"single_word", ErrUnsupported, "single_word", func(o object) { added(o, 0)["single_word"] = true }},
		{"added tokens an object", ErrFormat, "array", set(object{}, "added_tokens")},
		{"normalizer", ErrUnsupported, "NFKC", set(object{"type": "NFKC"}, "normalizer")},
		{"normalizer of parts", ErrUnsupported, "Sequence", set(object{"type": "Sequence", "normalizers": []any{object{"type": "NFC"}}}, "normalizer")},
		{"normalizer a string", ErrFormat, "normalizer", set("NFC", "normalizer")},
		{"no pre-tokenizer", ErrUnsupported, "pre_tokenizer", set(nil, "pre_tokenizer")},
		{"other regex", ErrUnsupported, `\\w+`, func(o object) { step(o, 0)["pattern"] = object{"Regex": `\\w+`} }},
		{"pattern a string", ErrUnsupported, "none of those known", func(o object) { step(o, 0)["pattern"] = object{"String": " "} }},
		{"removed instead of isolated", ErrUnsupported, "Removed", func(o object) { step(o, 0)["behavior"] = "Removed" }},
		{"inverted", ErrUnsupported, "invert", func(o object) { step(o, 0)["invert"] = true }},
		{"prefix space", ErrUnsupported, "add_prefix_space", func(o object) { step(o, 1)["add_prefix_space"] = true }},
		{"prefix space by default", ErrUnsupported, "add_prefix_space", func(o object) { delete(step(o, 1), "add_prefix_space") }},
		{"two regexes", ErrUnsupported, "none of those known", func(o object) { step(o, 1)["use_regex"] = true }},
		{"metaspace", ErrUnsupported, "Metaspace", set(object{"type": "Metaspace"}, "pre_tokenizer")},
		{"no regex at all", ErrUnsupported, "none of those known", set(object{"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}, "pre_tokenizer")},
		{"three steps", ErrUnsupported, "none of those known", set(object{"type": "Sequence", "pretokenizers": []any{object{}, object{}, object{}}}, "pre_tokenizer")},
		{"no steps", ErrUnsupported, "none of those known", set(object{"type": "Sequence", "pretokenizers": []any{}}, "pre_tokenizer")},
		{"decoder", ErrUnsupported, "decoder", set(object{"type": "Metaspace"}, "decoder")},
		{"no decoder", ErrUnsupported, "decoder", set(nil, "decoder")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := smallTokenizer()
			tt.spoil(o)
			_, err := FromHF(folder(t, o, nil))
			if !errors.Is(err, tt.is) || !strings.Contains(fmt.Sprint(err), tt.text) || !strings.Contains(fmt.Sprint(err), "tokenizer.json") {
				t.Errorf("error %v, want %v with %q", err, tt.is, tt.text)
			}
		})
	}
}

func TestFromHFHostileFiles(t *testing.T) {
	good, err := json.Marshal(smallTokenizer())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		is    error
		text  string
		files map[string]string
	}{
		{"no files", fs.ErrNotExist, "tokenizer.json", nil},
		{"empty tokenizer.model", ErrFormat, "tokenizer.model", map[string]string{"tokenizer.model": ""}},
		{"empty", ErrFormat, "tokenizer.json", map[string]string{"tokenizer.json": ""}},
		{"cut off", ErrFormat, "tokenizer.json", map[string]string{"tokenizer.json": string(good[:len(good)/2])}},
		{"not UTF-8", ErrFormat, "UTF-8", map[string]string{"tokenizer.json": "{\"a\":\"\xff\"}"}},
		{"an array", ErrFormat, "tokenizer.json", map[string]string{"tokenizer.json": "[]"}},
		{"deep", ErrFormat, "depth", map[string]string{"tokenizer.json": `{"model":` + strings.Repeat("[", 1<<20)}},
		{"deep and closed", ErrFormat, "depth", map[string]string{"tokenizer.json": `{"x":` + strings.Repeat("[", 1<<20) + strings.Repeat("]", 1<<20) + "}"}},
		{"config cut off", ErrFormat, "config.json", map[string]string{"tokenizer.json": string(good), "config.json": "{"}},
		{"config too large", ErrFormat, "tokenizer_config.json", map[string]string{"tokenizer.json": string(good), "tokenizer_config.json": strings.Repeat(" ", maxConfigJSON+1)}},
		{"eos a string", ErrFormat, "config.json", map[string]string{"tokenizer.json": string(good), "config.json": `{"eos_token_id":"x"}`}},
		{"template a number", ErrFormat, "chat_template", map[string]string{"tokenizer.json": string(good), "tokenizer_config.json": `{"chat_template":5}`}},
		{"template too long", ErrFormat, "chat_template", map[string]string{"tokenizer.json": string(good), "chat_template.jinja": strings.Repeat("x", maxTemplate+1)}},
		{"template in the configuration too long", ErrFormat, "chat_template", map[string]string{"tokenizer.json": string(good), "tokenizer_config.json": `{"chat_template":"` + strings.Repeat("x", maxTemplate+1) + `"}`}},
		{"too many merges", ErrFormat, "merges", map[string]string{"tokenizer.json": `{"model":{"type":"BPE","vocab":{"a":0},"merges":[` + strings.Repeat(`"a a",`, maxMerges) + `"a a"]}}`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fsys := fstest.MapFS{}
			for name, text := range tt.files {
				fsys[name] = &fstest.MapFile{Data: []byte(text)}
			}
			_, err := FromHF(fsys)
			if !errors.Is(err, tt.is) || !strings.Contains(fmt.Sprint(err), tt.text) {
				t.Errorf("error %.300v, want %v with %q", err, tt.is, tt.text)
			}
			if n := len(fmt.Sprint(err)); n > 2000 {
				t.Errorf("the error is %d bytes long", n)
			}
		})
	}
}

// TestGPT2Form: ByteLevel alone, with its own regex.
func TestGPT2Form(t *testing.T) {
	o := smallTokenizer()
	o["pre_tokenizer"] = object{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true}
	at(o, "model")["ignore_merges"] = false
	v, err := FromHF(folder(t, o, nil))
	if err != nil || v.Pre != "gpt-2" {
		t.Fatalf("pre-tokenizer %q, error %v", v.Pre, err)
	}
}

func FuzzFromHF(f *testing.F) {
	add := func(o object) {
		data, err := json.Marshal(o)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, []byte(`{"eos_token_id":[1,2],"chat_template":[{"name":"default","template":"x"}],"bos_token":{"content":"a"}}`))
	}
	small := smallTokenizer()
	add(small)
	// Few tokens, so that mutations hit something.
	tiny := maps.Clone(small)
	tiny["model"] = object{"type": "BPE", "ignore_merges": true, "vocab": object{"a": 0, "b": 1, "ab": 2}, "merges": []any{"a b"}}
	tiny["added_tokens"] = []any{object{"id": 5, "content": "<s>", "special": true}}
	delete(tiny, "post_processor")
	add(tiny)
	if config, err := os.ReadFile(fixture.Packed(f) + "/tokenizer_config.json"); err == nil {
		f.Add([]byte("{}"), config)
	}
	f.Fuzz(func(t *testing.T, tokenizer, config []byte) {
		v, err := FromHF(fstest.MapFS{"tokenizer.json": {Data: tokenizer}, "tokenizer_config.json": {Data: config}})
		if err != nil {
			if !errors.Is(err, ErrFormat) && !errors.Is(err, ErrUnsupported) {
				t.Fatalf("error of no kind: %v", err)
			}
			return
		}
		// What was accepted survives GGUF, and New takes it or says why not.
		back := throughGGUF(t, v)
		v.Warnings, back.Warnings = nil, nil
		if diff := cmp.Diff(v, back, cmp.AllowUnexported(Vocab{})); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		if _, err := New(v); err != nil && !errors.Is(err, ErrUnsupported) {
			t.Fatal(err)
		}
	})
}
