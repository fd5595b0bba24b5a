package token

import (
	"errors"
	"strings"
	"testing"
	"unicode"

	"github.com/dlclark/regexp2"
	"github.com/google/go-cmp/cmp"
)

func splitAll(t *testing.T, name, text string) []string {
	t.Helper()
	p, err := lookupPre(name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.compile()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	s.split(text, func(piece string) { got = append(got, piece) })
	if strings.Join(got, "") != text {
		t.Errorf("pieces %q are not the text", got)
	}
	return got
}

func TestSplit(t *testing.T) {
	for _, tt := range []struct {
		name, pre, text string
		want            []string
	}{
		{"words", "llama-bpe", "Hello, world!", []string{"Hello", ",", " world", "!"}},
		{"numbers by three", "llama-bpe", " 1234567", []string{" ", "123", "456", "7"}},
		{"contractions of any case", "llama-bpe", "I'm WE'LL he'D", []string{"I", "'m", " WE", "'LL", " he", "'D"}},
		{"long s folds to s", "llama-bpe", "a'ſt", []string{"a", "'ſ", "t"}},
		{"kelvin sign does not matter", "llama-bpe", "a'Kt", []string{"a", "'Kt"}},
		{"last space goes to the word", "llama-bpe", "a   b", []string{"a", "  ", " b"}},
		{"trailing spaces", "llama-bpe", "a   ", []string{"a", "   "}},
		{"up to the last newline", "llama-bpe", "a \n \n  b", []string{"a", " \n \n", " ", " b"}},
		{"newlines after punctuation", "llama-bpe", "a;\r\n\nb", []string{"a", ";\r\n\n", "b"}},
		{"one tab before a letter", "llama-bpe", "\tx", []string{"\tx"}},
		{"next line, no-break and wide space", "llama-bpe", "\u0085\u00a0\u30001", []string{"\u0085\u00a0", "\u3000", "1"}},
		{"marks are neither letters nor numbers", "llama-bpe", "e\u0301\u0301x", []string{"e", "\u0301\u0301", "x"}},
		{"letter and other numbers", "llama-bpe", "Ⅷ²½٣", []string{"Ⅷ²½", "٣"}},
		{"alias", "llama3", "12345", []string{"123", "45"}},
		{"alias", "llama-v3", "12345", []string{"123", "45"}},
		{"numbers one by one", "qwen2", " a 123", []string{" a", " ", "1", "2", "3"}},
		{"space before numbers", "gpt-2", "a 123 b", []string{"a", " 123", " b"}},
		{"contractions in lower case", "gpt-2", "I'm I'M", []string{"I", "'m", " I", "'", "M"}},
		{"one newline", "gpt-2", "a\n\nb", []string{"a", "\n", "\n", "b"}},
		{"punctuation first", "default", "a ,b 12345-x", []string{"a", " ", ",", "b", " ", "123", "45", "-", "x"}},
		{"contractions are punctuation then", "default", "it's", []string{"it", "'", "s"}},
		{"unmatched space", "default", "a\n\nb", []string{"a", "\n", "\n", "b"}},
		{"ASCII digits by three", "default", "1234567٣٣٣٣", []string{"123", "456", "7٣٣٣٣"}},
	} {
		t.Run(tt.pre+"/"+tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, splitAll(t, tt.pre, tt.text)); diff != "" {
				t.Errorf("%q (-want +got):\n%s", tt.text, diff)
			}
		})
	}
}

// TestClasses makes sure that the regex engine means the same characters by
// its classes as Unicode does, whose White_Space oniguruma uses for \s.
func TestClasses(t *testing.T) {
	var all []rune
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if r < 0xd800 || r >= 0xe000 {
			all = append(all, r)
		}
	}
	for class, in := range map[string]func(rune) bool{
		`\s`:    func(r rune) bool { return unicode.Is(unicode.White_Space, r) },
		`\p{L}`: unicode.IsLetter,
		`\p{N}`: unicode.IsNumber,
		`\p{P}`: unicode.IsPunct,
	} {
		t.Run(class, func(t *testing.T) {
			re := regexp2.MustCompile(class, regexp2.None)
			got := map[rune]bool{}
			m, err := re.FindRunesMatch(all)
			for ; m != nil && err == nil; m, err = re.FindNextMatch(m) {
				got[all[m.Index]] = true
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range all {
				if got[r] != in(r) {
					t.Fatalf("matches %U: %t", r, got[r])
				}
			}
		})
	}
}

func TestUnknownPre(t *testing.T) {
	for _, name := range []string{"", "falcon3", "falcon_e", "bert", "LLAMA-BPE"} {
		if _, err := lookupPre(name); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
