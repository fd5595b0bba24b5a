package token

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akadata/bitnet-tool/gguf"
)

func TestMetaRoundTrip(t *testing.T) {
	v := fixtureVocab(t)
	if diff := cmp.Diff(v, throughGGUF(t, v), cmp.AllowUnexported(Vocab{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSetMetaOrder(t *testing.T) {
	v := fixtureVocab(t)
	v.Padding, v.AddEOS = 1025, true
	var m gguf.Meta
	v.SetMeta(&m)
	var got []string
	for k, value := range m.All() {
		got = append(got, fmt.Sprintf("%s %T", k, value))
	}
	want := []string{
		"tokenizer.ggml.model string", "tokenizer.ggml.pre string", "tokenizer.ggml.tokens []string",
		"tokenizer.ggml.token_type []int32", "tokenizer.ggml.merges []string",
		"tokenizer.ggml.bos_token_id uint32", "tokenizer.ggml.eos_token_id uint32", "tokenizer.ggml.eot_token_id uint32",
		"tokenizer.ggml.eom_token_id uint32", "tokenizer.ggml.padding_token_id uint32",
		"tokenizer.ggml.add_bos_token bool", "tokenizer.ggml.add_eos_token bool", "tokenizer.chat_template string",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// smallMeta is the metadata of smallTokenizer.
func smallMeta(tb testing.TB) *gguf.Meta {
	tb.Helper()
	v, err := FromHF(folder(tb, smallTokenizer(), nil))
	if err != nil {
		tb.Fatal(err)
	}
	var m gguf.Meta
	v.SetMeta(&m)
	return &m
}

func TestFromMetaRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		is   error
		text string
		key  string
		set  any // nil deletes
	}{
		{"no model", ErrFormat, "tokenizer.ggml.model", keyModel, nil},
		{"model a number", ErrFormat, "tokenizer.ggml.model", keyModel, uint32(1)},
		{"WordPiece", ErrUnsupported, `"bert"`, keyModel, "bert"},
		{"SentencePiece without scores", ErrFormat, keyScores, keyModel, "llama"},
		{"no tokens", ErrFormat, keyTokens, keyTokens, nil},
		{"empty tokens", ErrFormat, keyTokens, keyTokens, []string{}},
		{"tokens are numbers", gguf.ErrFormat, keyTokens, keyTokens, []int32{1}},
		{"no merges", ErrFormat, keyMerges, keyMerges, nil},
		{"merges is a string", gguf.ErrFormat, keyMerges, keyMerges, "a b"},
		{"merge twice", ErrFormat, `merges 1 and 3 are both "th e"`, keyMerges, []string{"t h", "th e", "Ġ the", "th e"}},
		{"merge of no tokens", ErrFormat, keyMerges, keyMerges, []string{"zz z"}},
		{"types too short", ErrFormat, keyTokenType, keyTokenType, []int32{1}},
		{"types are unsigned", gguf.ErrFormat, keyTokenType, keyTokenType, make([]uint32, 262)},
		{"type unknown", ErrFormat, "type 7", keyTokenType, append(make([]int32, 261), 7)},
		{"type negative", ErrFormat, "type -1", keyTokenType, append(make([]int32, 261), -1)},
		{"BOS out of range", ErrFormat, "bos_token_id", "tokenizer.ggml.bos_token_id", uint32(262)},
		{"EOS negative", ErrFormat, "eos_token_id", "tokenizer.ggml.eos_token_id", int32(-1)},
		{"EOT a string", ErrFormat, "eot_token_id", "tokenizer.ggml.eot_token_id", "x"},
		{"EOM huge", ErrFormat, "eom_token_id", "tokenizer.ggml.eom_token_id", uint64(1 << 63)},
		{"BOS missing", ErrFormat, "BOS", "tokenizer.ggml.bos_token_id", nil},
		{"EOS missing", ErrFormat, "EOS", keyAddEOS, true},
		{"duplicate token", ErrFormat, "are both", keyTokens, append(make([]string, 261), "x")},
		{"token not UTF-8", ErrFormat, "UTF-8", keyTokens, append(slices.Repeat([]string{"\xff"}, 1), make([]string, 261)...)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := smallMeta(t)
			if tt.set == nil {
				m.Delete(tt.key)
			} else {
				m.Set(tt.key, tt.set)
			}
			_, err := FromMeta(m)
			if !errors.Is(err, tt.is) || !strings.Contains(fmt.Sprint(err), tt.text) {
				t.Errorf("error %v, want %v with %q", err, tt.is, tt.text)
			}
		})
	}
}

// TestLoad: both in one are both one after the other.
func TestLoad(t *testing.T) {
	m := smallMeta(t)
	want, err := FromMeta(m)
	if err != nil {
		t.Fatal(err)
	}
	v, tok, err := Load(m)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, v, cmp.AllowUnexported(Vocab{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	other, err := New(want)
	if err != nil {
		t.Fatal(err)
	}
	o := EncodeOptions{AddSpecial: true, ParseSpecial: true}
	if diff := cmp.Diff(other.Encode("then the other", o), tok.Encode("then the other", o)); diff != "" {
		t.Errorf("tokens (-want +got):\n%s", diff)
	}
	var merged []string
	for _, id := range tok.Merged() {
		merged = append(merged, v.Tokens[id])
	}
	if diff := cmp.Diff([]string{"th", "the", "Ġthe"}, merged); diff != "" {
		t.Errorf("merged (-want +got):\n%s", diff)
	}
	for _, key := range []string{keyModel, keyMerges} {
		m := smallMeta(t)
		m.Delete(key)
		if _, _, err := Load(m); !errors.Is(err, ErrFormat) {
			t.Errorf("without %s: error %v", key, err)
		}
	}
	m.Set(keyPre, "nobody's")
	if _, _, err := Load(m); !errors.Is(err, ErrUnsupported) {
		t.Errorf("unknown pre-tokenizer: error %v", err)
	}
}

func TestFromMetaDefaults(t *testing.T) {
	for _, tt := range []struct {
		name     string
		change   func(m *gguf.Meta)
		want     func(v *Vocab) bool
		warnings int
	}{
		{"no pre-tokenizer", func(m *gguf.Meta) { m.Delete(keyPre) }, func(v *Vocab) bool { return v.Pre == "default" && v.AddBOS }, 1},
		{"no pre-tokenizer, no add_bos", func(m *gguf.Meta) { m.Delete(keyPre); m.Delete(keyAddBOS) }, func(v *Vocab) bool { return !v.AddBOS }, 1},
		{"llama-bpe adds BOS", func(m *gguf.Meta) { m.Delete(keyAddBOS) }, func(v *Vocab) bool { return v.AddBOS }, 0},
		{"unless told not to", func(m *gguf.Meta) { m.Set(keyAddBOS, false) }, func(v *Vocab) bool { return !v.AddBOS }, 0},
		{"or there is none", func(m *gguf.Meta) { m.Delete(keyAddBOS); m.Delete("tokenizer.ggml.bos_token_id") }, func(v *Vocab) bool { return !v.AddBOS }, 0},
		{"unknown pre-tokenizer is for New to refuse", func(m *gguf.Meta) { m.Set(keyPre, "falcon3") }, func(v *Vocab) bool { return v.Pre == "falcon3" }, 0},
		{"no types", func(m *gguf.Meta) { m.Delete(keyTokenType) }, func(v *Vocab) bool { return v.Kinds[260] == Undefined }, 1},
		{"ends by text", func(m *gguf.Meta) { m.Delete("tokenizer.ggml.eot_token_id") }, func(v *Vocab) bool { return v.EOT == 260 }, 0},
		{"padding of -1", func(m *gguf.Meta) { m.Set("tokenizer.ggml.padding_token_id", uint32(1<<32-1)) }, func(v *Vocab) bool { return v.Padding == -1 }, 1},
		{"ids of other widths", func(m *gguf.Meta) { m.Set("tokenizer.ggml.eos_token_id", int64(257)) }, func(v *Vocab) bool { return v.EOS == 257 }, 0},
		{"placeholder template", func(m *gguf.Meta) { m.Set(keyTemplate, "Human: x\n\nBITNETAssistant: ") }, func(v *Vocab) bool { return KnownTemplate(v.ChatTemplate) }, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := smallMeta(t)
			tt.change(m)
			v, err := FromMeta(m)
			if err != nil {
				t.Fatal(err)
			}
			if !tt.want(v) || len(v.Warnings) != tt.warnings {
				t.Errorf("pre %q, BOS %d added %t, EOS %d, EOT %d; warnings %q", v.Pre, v.BOS, v.AddBOS, v.EOS, v.EOT, v.Warnings)
			}
		})
	}
}

// TestLlama3Shape: the published 2B-4T file names no pre-tokenizer, but has
// Llama 3's counts of tokens and merges.
func TestLlama3Shape(t *testing.T) {
	for _, tt := range []struct {
		name                string
		tokens, merges, bos int
		want                string
	}{
		{"Llama 3", 128256, 280147, 128000, "llama-bpe"},
		{"other tokens", 128257, 280147, 128000, "default"},
		{"other merges", 128256, 280146, 128000, "default"},
		{"other BOS", 128256, 280147, 128001, "default"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := newVocab()
			v.Tokens, v.Merges = make([]string, tt.tokens), make([]string, tt.merges)
			v.readPre(&gguf.Meta{}, map[string]int32{"<|begin_of_text|>": int32(tt.bos)})
			if v.Pre != tt.want || len(v.Warnings) != 1 {
				t.Errorf("%q, want %q; warnings %q", v.Pre, tt.want, v.Warnings)
			}
		})
	}
}

func TestSetPre(t *testing.T) {
	m := smallMeta(t)
	m.Delete(keyPre)
	m.Delete(keyAddBOS)
	v, err := FromMeta(m)
	if err != nil {
		t.Fatal(err)
	}
	encode := func() []int32 { return mustNew(t, v).Encode("1234", EncodeOptions{AddSpecial: true}) }
	if got := encode(); len(got) != 4 {
		t.Errorf("%v with %q", got, v.Pre)
	}
	if err := v.SetPre("llama-bpe"); err != nil || !v.AddBOS {
		t.Errorf("error %v, BOS added %t", err, v.AddBOS)
	}
	if got := encode(); len(got) != 5 || got[0] != 259 {
		t.Errorf("%v with %q", got, v.Pre)
	}
	if err := v.SetPre("nonsense"); !errors.Is(err, ErrUnsupported) || v.Pre != "llama-bpe" {
		t.Errorf("error %v, pre-tokenizer %q", err, v.Pre)
	}
	// A file that says it is followed whatever the pre-tokenizer.
	stated, err := FromMeta(smallMeta(t))
	if err != nil || stated.SetPre("default") != nil || !stated.AddBOS {
		t.Errorf("error %v, BOS added %t", err, stated.AddBOS)
	}
}
