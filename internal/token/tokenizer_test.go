package token

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/fixture"
)

// fixtureVocab is the vocabulary of the test models: 1,024 base tokens in the
// manner of Llama 3 and 64 special ones.
func fixtureVocab(tb testing.TB) *Vocab {
	tb.Helper()
	v, err := FromHF(os.DirFS(fixture.Packed(tb)))
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

// throughGGUF writes a vocabulary to a GGUF file and reads it back.
func throughGGUF(tb testing.TB, v *Vocab) *Vocab {
	tb.Helper()
	var m gguf.Meta
	v.SetMeta(&m)
	l, err := gguf.NewLayout(&m, nil)
	if err != nil {
		tb.Fatal(err)
	}
	f, err := gguf.NewFile(bytes.NewReader(l.Header), l.FileSize)
	if err != nil {
		tb.Fatal(err)
	}
	back, err := FromMeta(&f.Meta)
	if err != nil {
		tb.Fatal(err)
	}
	return back
}

func mustNew(tb testing.TB, v *Vocab) *Tokenizer {
	tb.Helper()
	t, err := New(v)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func TestReference(t *testing.T) {
	v := fixtureVocab(t)
	if v.Warnings != nil {
		t.Errorf("warnings: %q", v.Warnings)
	}
	for name, tok := range map[string]*Tokenizer{"tokenizer.json": mustNew(t, v), "gguf": mustNew(t, throughGGUF(t, v))} {
		for _, c := range fixture.Tokenizer(t) {
			t.Run(name+"/"+c.Text, func(t *testing.T) {
				ids := tok.Encode(c.Text, EncodeOptions{AddSpecial: true, ParseSpecial: true})
				if diff := cmp.Diff(c.IDs, ids); diff != "" {
					t.Errorf("ids (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(c.Plain, tok.Encode(c.Text, EncodeOptions{})); diff != "" {
					t.Errorf("plain ids (-want +got):\n%s", diff)
				}
				if got := tok.Decode(c.IDs, true); got != c.Decoded {
					t.Errorf("decoded %q, want %q", got, c.Decoded)
				}
				if got := tok.Decode(c.Plain, false); got != c.Text {
					t.Errorf("decoded %q, want %q", got, c.Text)
				}
			})
		}
	}
}

func TestChatReference(t *testing.T) {
	v := fixtureVocab(t)
	for name, tok := range map[string]*Tokenizer{"tokenizer.json": mustNew(t, v), "gguf": mustNew(t, throughGGUF(t, v))} {
		for _, c := range fixture.Chat(t) {
			t.Run(name+"/"+c.Rendered, func(t *testing.T) {
				var messages []Message
				for _, m := range c.Messages {
					messages = append(messages, Message(m))
				}
				text, err := tok.RenderChat(context.Background(), nil, messages, c.AddGenerationPrompt)
				if err != nil || text != c.Rendered {
					t.Fatalf("rendered %q (error %v), want %q", text, err, c.Rendered)
				}
				if diff := cmp.Diff(c.IDs, tok.EncodeChat(text)); diff != "" {
					t.Errorf("ids (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// TestEncodeChatBOS makes sure of one BOS, whoever wrote it.
func TestEncodeChatBOS(t *testing.T) {
	v := fixtureVocab(t)
	with := mustNew(t, v)
	bos, added := with.BOS()
	if bos != 1024 || !added {
		t.Fatalf("BOS %d added %t", bos, added)
	}
	without := *v
	without.AddBOS = false
	for _, tt := range []struct {
		name, text string
		tok        *Tokenizer
		bos        int
	}{
		{"added", "hi", with, 1},
		{"in the template", "<|begin_of_text|>hi", with, 1},
		{"nothing but BOS", "", with, 1},
		{"none", "hi", mustNew(t, &without), 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ids := tt.tok.EncodeChat(tt.text)
			n := len(slices.DeleteFunc(slices.Clone(ids), func(id int32) bool { return id != bos }))
			if n != tt.bos || n > 0 && ids[0] != bos {
				t.Errorf("ids %v have %d BOS, want %d in front", ids, n, tt.bos)
			}
		})
	}
}

func TestRenderChatRefuses(t *testing.T) {
	v := fixtureVocab(t)
	v.ChatTemplate = ""
	if _, err := mustNew(t, v).RenderChat(context.Background(), nil, nil, true); err == nil {
		t.Error("rendered without a template")
	}
	v.ChatTemplate = "{{ messages | length }}"
	tok := mustNew(t, v)
	if text, err := tok.RenderChat(context.Background(), nil, nil, true); err == nil {
		t.Errorf("an unknown template was rendered in the process: %q", text)
	}
	text, err := tok.RenderChat(context.Background(), RenderTemplate, []Message{{"user", "x"}}, true)
	if err != nil || text != "1" {
		t.Errorf("rendered %q, error %v", text, err)
	}
}

func TestEOG(t *testing.T) {
	tok := mustNew(t, fixtureVocab(t))
	var got []int32
	for id := range int32(tok.Size()) {
		if tok.IsEOG(id) {
			got = append(got, id)
		}
	}
	// <|end_of_text|>, <|eom_id|>, <|eot_id|>
	if diff := cmp.Diff([]int32{1025, 1032, 1033}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	v := fixtureVocab(t)
	v.EOS = v.EOT // as Llama 3's Instruct models name it
	if !mustNew(t, v).IsEOG(1025) {
		t.Error("the end of a text does not end a generation")
	}
	if tok.IsEOG(-1) || tok.IsEOG(5000) {
		t.Error("an id that is no token ends a generation")
	}
}

func TestPieces(t *testing.T) {
	v := fixtureVocab(t)
	v.Tokens = append(v.Tokens, "<user>", "[PAD1089]", "字 raw", "<unknown>")
	v.Kinds = append(v.Kinds, UserDefined, Unused, Normal, Unknown)
	tok := mustNew(t, v)
	for _, tt := range []struct {
		name           string
		id             int32
		plain, special string
	}{
		{"normal", 220, " ", " "},
		{"control", 1033, "", "<|eot_id|>"},
		{"user-defined", 1088, "<user>", "<user>"},
		{"unused", 1089, "", "[PAD1089]"},
		{"not of the byte alphabet", 1090, "字 raw", "字 raw"},
		{"unknown", 1091, "", "<unknown>"},
		{"no token", 1092, "", ""},
		{"negative", -1, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if plain, special := tok.Piece(tt.id, false), tok.Piece(tt.id, true); plain != tt.plain || special != tt.special {
				t.Errorf("%q and %q, want %q and %q", plain, special, tt.plain, tt.special)
			}
		})
	}
	ids := tok.Encode("a<user>b<|eot_id|>", EncodeOptions{})
	if ids[1] != 1088 || slices.Contains(ids, 1033) {
		t.Errorf("without special parsing %v: want the user-defined token only", ids)
	}
}

// TestInvalidUTF8 makes sure that bytes beside invalid ones are encoded as if
// those were a border.
func TestInvalidUTF8(t *testing.T) {
	tok := mustNew(t, fixtureVocab(t))
	the := tok.Encode(" the", EncodeOptions{})
	if len(the) != 1 {
		t.Fatalf("%v", the)
	}
	b := func(c byte) int32 { return tok.bytes[c] }
	for _, tt := range []struct {
		name, text string
		want       []int32
	}{
		{"alone", "\xff", []int32{b(0xff)}},
		{"between words", " the\xff\xc3 the", []int32{the[0], b(0xff), b(0xc3), the[0]}},
		{"cut character", " the\xe6\x97", []int32{the[0], b(0xe6), b(0x97)}},
		{"surrogate", "\xed\xa0\x80", []int32{b(0xed), b(0xa0), b(0x80)}},
		{"replacement character is valid", "\ufffd", []int32{b(0xef), b(0xbf), b(0xbd)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := tok.Encode(tt.text, EncodeOptions{})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if back := tok.Decode(got, false); back != tt.text {
				t.Errorf("decoded %q", back)
			}
		})
	}
}

// TestLongRuns encodes texts on which an encoder of quadratic time would not
// come back.
func TestLongRuns(t *testing.T) {
	tok := mustNew(t, fixtureVocab(t))
	const n = 1 << 18
	for name, text := range map[string]string{
		"letters":          strings.Repeat("a", n),
		"words in one run": strings.Repeat("the", n/3),
		"spaces":           strings.Repeat(" ", n),
		"spaces and x":     strings.Repeat(strings.Repeat(" ", 999)+"x", n/1000),
		"newlines":         strings.Repeat("\n", n),
		"punctuation":      strings.Repeat("!", n),
		"invalid":          strings.Repeat("\xff", n),
		"half specials":    strings.Repeat("<|eot_i", n/7),
	} {
		t.Run(name, func(t *testing.T) {
			ids := tok.Encode(text, EncodeOptions{ParseSpecial: true})
			if got := tok.Decode(ids, true); got != text {
				t.Errorf("decoded text of %d bytes differs", len(got))
			}
		})
	}
}

func TestConcurrentUse(t *testing.T) {
	tok := mustNew(t, fixtureVocab(t))
	text := strings.Repeat("In the beginning <|eot_id|> \xff 123", 20)
	want := tok.Encode(text, EncodeOptions{ParseSpecial: true})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got := tok.Encode(text, EncodeOptions{ParseSpecial: true}); !slices.Equal(got, want) {
				t.Error("ids differ")
			}
			if text, err := tok.RenderChat(context.Background(), nil, []Message{{"user", "x"}}, true); err != nil || text != "User: x<|eot_id|>Assistant: " {
				t.Errorf("%q, error %v", text, err)
			}
		})
	}
	wg.Wait()
}

func TestNewRefuses(t *testing.T) {
	for name, spoil := range map[string]func(v *Vocab){
		"a byte without a token": func(v *Vocab) { v.Kinds, v.Tokens[5] = slices.Clone(v.Kinds), "%%%%" },
		"unknown pre-tokenizer":  func(v *Vocab) { v.Pre = "falcon3" },
		"other model":            func(v *Vocab) { v.Model = "llama" },
		"duplicate token":        func(v *Vocab) { v.Tokens[1030] = "<|eot_id|>" },
		"lengths":                func(v *Vocab) { v.Kinds = v.Kinds[1:] },
		"bad merge":              func(v *Vocab) { v.Merges[3] = "a" },
		"BOS out of range":       func(v *Vocab) { v.BOS = 2000 },
		"BOS missing":            func(v *Vocab) { v.BOS = -1 },
		"empty special token":    func(v *Vocab) { v.Tokens[1040] = "" },
	} {
		t.Run(name, func(t *testing.T) {
			v := fixtureVocab(t)
			v.Merges = slices.DeleteFunc(v.Merges, func(m string) bool { return strings.Contains(m, "&") })
			if _, err := New(v); err != nil {
				t.Fatal(err)
			}
			spoil(v)
			if _, err := New(v); err == nil {
				t.Error("accepted")
			} else {
				t.Log(err)
			}
		})
	}
}

func FuzzEncodeRoundTrip(f *testing.F) {
	tok := mustNew(f, fixtureVocab(f))
	for _, c := range fixture.Tokenizer(f) {
		f.Add(c.Text)
	}
	f.Add("\xff\xfe the\xe6\x97 'ſ\x80")
	f.Fuzz(func(t *testing.T, text string) {
		plain := tok.Encode(text, EncodeOptions{})
		if got := tok.Decode(plain, false); got != text {
			t.Fatalf("%q decoded %q", text, got)
		}
		special := tok.Encode(text, EncodeOptions{ParseSpecial: true})
		if got := tok.Decode(special, true); got != text {
			t.Fatalf("%q decoded %q with special tokens", text, got)
		}
		if !utf8.ValidString(text) {
			return
		}
		// Each piece is encoded as by a plain reading of the rule.
		var want []int32
		tok.encodePiecewise(text, func(piece string) { want = append(want, slowBPE(tok, piece)...) })
		if !slices.Equal(plain, want) {
			t.Fatalf("%q is %v, want %v", text, plain, want)
		}
	})
}
