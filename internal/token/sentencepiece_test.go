package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/akadata/bitnet-tool/gguf"
)

func readTestdata(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/sentencepiece/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// spmFolder is a model's folder with a SentencePiece vocabulary and two more
// tokens.
func spmFolder(t testing.TB) fstest.MapFS {
	t.Helper()
	return fstest.MapFS{
		"tokenizer.model":   {Data: readTestdata(t, "tokenizer.model")},
		"added_tokens.json": {Data: []byte(`{"</line>":470,"<pad>":469}`)},
		"tokenizer_config.json": {Data: []byte(`{"bos_token":"<s>","eos_token":"</s>","pad_token":"<pad>","add_bos_token":true,
			"added_tokens_decoder":{"469":{"content":"<pad>","special":true}}}`)},
	}
}

func spmTokenizer(t testing.TB, fsys fs.FS) (*Vocab, *Tokenizer) {
	t.Helper()
	v, err := FromHF(fsys)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := New(v)
	if err != nil {
		t.Fatal(err)
	}
	return v, tok
}

// TestSentencePiece compares with what google/sentencepiece made of the texts.
func TestSentencePiece(t *testing.T) {
	for model, vectors := range map[string]string{"tokenizer.model": "cases.json", "user.model": "user.json"} {
		var cases []struct {
			Text    string  `json:"text"`
			IDs     []int32 `json:"ids"`
			Decoded string  `json:"decoded"`
		}
		if err := json.Unmarshal(readTestdata(t, vectors), &cases); err != nil {
			t.Fatal(err)
		}
		if len(cases) < 40 {
			t.Fatalf("%s: %d cases", vectors, len(cases))
		}
		v, tok := spmTokenizer(t, fstest.MapFS{"tokenizer.model": {Data: readTestdata(t, model)}})
		for _, c := range cases {
			t.Run(model+"/"+c.Text, func(t *testing.T) {
				got := tok.Encode(c.Text, EncodeOptions{})
				if diff := cmp.Diff(c.IDs, got, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%q (-want +got):\n%s", c.Text, diff)
				}
				if back := tok.Decode(got, false); back != c.Decoded {
					t.Errorf("decoded %q, want %q", back, c.Decoded)
				}
				whole := tok.Encode(c.Text, EncodeOptions{AddSpecial: true})
				if diff := cmp.Diff(append([]int32{v.BOS}, got...), whole); diff != "" {
					t.Errorf("with BOS (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestSentencePieceVocab(t *testing.T) {
	v, tok := spmTokenizer(t, spmFolder(t))
	if v.Model != "llama" || len(v.Tokens) != 471 || len(v.Scores) != 471 || len(v.Merges) != 0 || !v.SpacePrefix {
		t.Errorf("model %q, %d tokens, %d scores, %d merges, space prefix %t", v.Model, len(v.Tokens), len(v.Scores), len(v.Merges), v.SpacePrefix)
	}
	if roles := []int32{v.Unknown, v.BOS, v.EOS, v.Padding}; !slices.Equal(roles, []int32{0, 1, 2, 469}) {
		t.Errorf("roles %v", roles)
	}
	for id, want := range map[int]Kind{0: Unknown, 1: Control, 3: Byte, 258: Byte, 259: Normal, 469: Control, 470: UserDefined} {
		if v.Kinds[id] != want {
			t.Errorf("token %d (%q) has kind %d, want %d", id, v.Tokens[id], v.Kinds[id], want)
		}
	}
	if s := v.Scores[469]; s != -1000 {
		t.Errorf("score of an added token %v", s)
	}
	// Special tokens stand for themselves; behind one, text begins anew.
	got := tok.Encode("a</line>a<pad>a", EncodeOptions{ParseSpecial: true})
	want := []int32{264, 470, 264, 469, 264}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if text := tok.Decode(got, true); text != "a</line>a<pad>a" {
		t.Errorf("decoded %q", text)
	}
	if err := v.SetPre("llama-bpe"); !errors.Is(err, ErrUnsupported) {
		t.Errorf("a pre-tokenizer is taken: %v", err)
	}
	if !tok.IsEOG(2) || tok.IsEOG(1) {
		t.Error("ends of a generation")
	}
	if p := tok.Piece(264, false); p != " a" {
		t.Errorf("piece %q", p)
	}
}

// TestSentencePieceMeta takes a vocabulary through a GGUF file.
func TestSentencePieceMeta(t *testing.T) {
	want, tok := spmTokenizer(t, spmFolder(t))
	if err := want.Pad(480); err != nil {
		t.Fatal(err)
	}
	m := &gguf.Meta{}
	want.SetMeta(m)
	got, err := FromMeta(m)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Vocab{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, key := range []string{"tokenizer.ggml.merges"} {
		if _, ok := m.Value(key); ok {
			t.Errorf("key %s is written", key)
		}
	}

	// What a file need not say is as in llama.cpp.
	for _, key := range []string{"add_bos_token", "add_space_prefix", "bos_token_id", "eos_token_id", "unknown_token_id", "pre"} {
		m.Delete("tokenizer.ggml." + key)
	}
	if got, err = FromMeta(m); err != nil {
		t.Fatal(err)
	}
	bare, err := New(got)
	if err != nil {
		t.Fatal(err)
	}
	const text = "Let there be light"
	o := EncodeOptions{AddSpecial: true}
	if diff := cmp.Diff(tok.Encode(text, o), bare.Encode(text, o)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	m.Set("tokenizer.ggml.add_space_prefix", false)
	if got, err = FromMeta(m); err != nil {
		t.Fatal(err)
	}
	if bare, err = New(got); err != nil {
		t.Fatal(err)
	}
	if a, b := bare.Encode(" "+text, EncodeOptions{}), tok.Encode(text, EncodeOptions{}); !slices.Equal(a, b) {
		t.Errorf("without a space in front %v, want %v", a, b)
	}
}

// message writes the fields of a message, by number: an int is a varint, a
// float32 fixed, text and bytes are strings.
func message(t testing.TB, fields ...any) []byte {
	t.Helper()
	var b []byte
	varint := func(n uint64) {
		for ; n > 127; n >>= 7 {
			b = append(b, byte(n)|128)
		}
		b = append(b, byte(n))
	}
	for i := 0; i < len(fields); i += 2 {
		n := uint64(fields[i].(int)) << 3
		switch v := fields[i+1].(type) {
		case int:
			varint(n)
			varint(uint64(int64(v)))
		case float32:
			varint(n | 5)
			u := math.Float32bits(v)
			b = append(b, byte(u), byte(u>>8), byte(u>>16), byte(u>>24))
		case string:
			varint(n | 2)
			varint(uint64(len(v)))
			b = append(b, v...)
		case []byte:
			varint(n | 2)
			varint(uint64(len(v)))
			b = append(b, v...)
		default:
			t.Fatalf("field of type %T", v)
		}
	}
	return b
}

// pieces gives a sound list of pieces: unknown, the bytes, and more.
func pieces(t testing.TB, more ...[]byte) []byte {
	b := message(t, 1, message(t, 1, "<unk>", 3, 2))
	for i := range 256 {
		b = append(b, message(t, 1, message(t, 1, fmt.Sprintf("<0x%02X>", i), 3, 6))...)
	}
	for _, p := range more {
		b = append(b, message(t, 1, p)...)
	}
	return b
}

func TestSentencePieceRefuses(t *testing.T) {
	trainer := message(t, 2, message(t, 3, 2, 35, 1, 41, -1, 42, -1))
	normalizer := message(t, 3, message(t, 4, 0))
	good := slices.Concat(pieces(t, message(t, 1, "a", 2, float32(-1)), message(t, 1, spaceMark)), trainer, normalizer)
	with := func(parts ...[]byte) []byte { return slices.Concat(append([][]byte{good}, parts...)...) }
	for _, tt := range []struct {
		name string
		is   error
		text string
		data []byte
	}{
		{"good", nil, "", good},
		{"unknown fields", nil, "", with(message(t, 200, "x", 201, 5, 202, float32(1)))},
		{"cut off", ErrFormat, "longer than what is left", good[:len(good)-1]},
		{"no field", ErrFormat, "no field begins here", with([]byte{0, 1})},
		{"endless number", ErrFormat, "cut off", with([]byte("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))},
		{"group", ErrFormat, "wire type 3", with([]byte{0x3b})},
		{"huge length", ErrFormat, "longer", with([]byte("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"))},
		{"64 bits cut off", ErrFormat, "cut off", with([]byte("\x09\x01"))},
		{"piece a number", ErrFormat, "wire type 0", with(message(t, 1, 5))},
		{"score a number", ErrFormat, "piece 259", with(message(t, 1, message(t, 1, "b", 2, 5)))},
		{"score NaN", ErrFormat, "score NaN", with(message(t, 1, message(t, 1, "b", 2, float32(math.NaN()))))},
		{"piece not UTF-8", ErrFormat, "UTF-8", with(message(t, 1, message(t, 1, "\xff")))},
		{"piece too long", ErrFormat, "at most 4096", with(message(t, 1, message(t, 1, strings.Repeat("x", 4097))))},
		{"type 7", ErrFormat, "type 7", with(message(t, 1, message(t, 1, "b", 3, 7)))},
		{"type 0", ErrFormat, "type 0", with(message(t, 1, message(t, 1, "b", 3, 0)))},
		{"piece twice", ErrFormat, "are both", with(message(t, 1, message(t, 1, "a")))},
		{"unigram", ErrUnsupported, "model type 1", with(message(t, 2, message(t, 3, 1)))},
		{"no byte fallback", ErrUnsupported, "byte fallback", with(message(t, 2, message(t, 35, 0)))},
		{"space as suffix", ErrUnsupported, "end of words", with(message(t, 2, message(t, 24, 1)))},
		{"spaces not escaped", ErrUnsupported, "not escaped", with(message(t, 3, message(t, 5, 0)))},
		{"spaces squeezed", ErrUnsupported, "runs of spaces", with(message(t, 3, message(t, 4, 1)))},
		{"charsmap", ErrUnsupported, "normalizer", with(message(t, 3, message(t, 2, "x")))},
		{"denormalizer", ErrUnsupported, "normalizer", with(message(t, 5, message(t, 6, "x")))},
		{"BOS out of int32", ErrFormat, "field 41", with(message(t, 2, message(t, 41, 1<<40)))},
		{"a byte is missing", ErrUnsupported, "0x00", slices.Concat(message(t, 1, message(t, 1, "<unk>", 3, 2)), trainer, normalizer)},
		{"no space", ErrUnsupported, "space", slices.Concat(pieces(t), trainer, normalizer)},
		{"a byte is misspelled", ErrFormat, "is of type byte", with(message(t, 1, message(t, 1, "<0x1>", 3, 6)))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, err := FromHF(fstest.MapFS{
				"tokenizer.model":       {Data: tt.data},
				"tokenizer_config.json": {Data: []byte(`{"add_bos_token":false}`)},
			})
			if err == nil {
				_, err = New(v)
			}
			if !errors.Is(err, tt.is) || err != nil && !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error %v, want %v with %q", err, tt.is, tt.text)
			}
		})
	}
}

func TestSentencePieceAddedTokens(t *testing.T) {
	for _, tt := range []struct {
		name, file, text string
		is               error
	}{
		{"id taken", "added_tokens.json", `{"x":259}`, ErrFormat},
		{"id negative", "added_tokens.json", `{"x":-1}`, ErrFormat},
		{"id huge", "added_tokens.json", `{"x":1048576}`, ErrFormat},
		{"empty", "added_tokens.json", `{"":469}`, ErrFormat},
		{"same text as a piece", "added_tokens.json", `{"a":469}`, ErrFormat},
		{"a hole", "added_tokens.json", `{"<x>":480}`, nil},
		{"a list", "added_tokens.json", `[]`, ErrFormat},
		{"key no number", "tokenizer_config.json", `{"added_tokens_decoder":{"x":{"content":"y"}}}`, ErrFormat},
		{"no content", "tokenizer_config.json", `{"added_tokens_decoder":{"469":{}}}`, ErrFormat},
		{"a piece of spaces", "tokenizer_config.json", `{"added_tokens_decoder":{"409":{"content":"▁▁"}}}`, nil},
		{"another piece of spaces", "tokenizer_config.json", `{"added_tokens_decoder":{"409":{"content":"▁▁▁"}}}`, ErrFormat},
		{"a piece with a role", "tokenizer_config.json", `{"added_tokens_decoder":{"1":{"content":"<s>","special":true}}}`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, err := FromHF(fstest.MapFS{
				"tokenizer.model": {Data: readTestdata(t, "tokenizer.model")},
				tt.file:           {Data: []byte(tt.text)},
			})
			if !errors.Is(err, tt.is) {
				t.Fatalf("error %v, want %v", err, tt.is)
			}
			if err == nil && tt.name == "a piece of spaces" && (v.Kinds[409] != UserDefined || v.Tokens[409] != "  ") {
				t.Errorf("token 409 is %q of kind %d", v.Tokens[409], v.Kinds[409])
			}
			if err == nil && v.Kinds[1] != Control {
				t.Errorf("BOS has kind %d", v.Kinds[1])
			}
		})
	}
}

func FuzzSentencePiece(f *testing.F) {
	f.Add(readTestdata(f, "tokenizer.model"), "light")
	f.Add(slices.Concat(pieces(f, message(f, 1, spaceMark)), message(f, 2, message(f, 3, 2, 35, 1)), message(f, 3, message(f, 4, 0))), "a b")
	f.Fuzz(func(t *testing.T, data []byte, text string) {
		fsys := fstest.MapFS{"tokenizer.model": {Data: data}}
		v, err := FromHF(fsys)
		if err != nil {
			return
		}
		tok, err := New(v)
		if err != nil || strings.Contains(text, spaceMark) {
			return
		}
		if got := tok.Decode(tok.Encode(text, EncodeOptions{}), true); got != text {
			t.Errorf("%q became %q", text, got)
		}
	})
}
