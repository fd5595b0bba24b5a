package token

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPage keeps docs/formats/tokenizer.md true.
func TestPage(t *testing.T) {
	data, err := os.ReadFile("../../docs/formats/tokenizer.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	for _, p := range pretokenizers {
		if !strings.Contains(page, "\n"+strings.Join(p.regexes, "\n")+"\n") {
			t.Errorf("the patterns of %q are not on the page", p.name)
		}
	}
	for _, line := range block(t, page, "bytes") {
		code, char, _ := strings.Cut(line, " ")
		b, err := strconv.ParseUint(code, 16, 8)
		if err != nil || string(byteRune(byte(b))) != char {
			t.Errorf("%q: the character is %q, error %v", line, byteRune(byte(b)), err)
		}
	}
	quoted := regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	for _, line := range block(t, page, "pieces") {
		name, rest, _ := strings.Cut(line, " ")
		var texts []string
		for _, q := range quoted.FindAllString(rest, -1) {
			s, err := strconv.Unquote(q)
			if err != nil {
				t.Fatalf("%s: %v", q, err)
			}
			texts = append(texts, s)
		}
		if diff := cmp.Diff(texts[1:], splitAll(t, name, texts[0])); diff != "" {
			t.Errorf("%s (-page +split):\n%s", line, diff)
		}
	}
}

func TestPageSentencePiece(t *testing.T) {
	data, err := os.ReadFile("../../docs/formats/tokenizer.md")
	if err != nil {
		t.Fatal(err)
	}
	_, tok := spmTokenizer(t, spmFolder(t))
	for _, line := range block(t, string(data), "sentencepiece") {
		quoted, ids, _ := strings.Cut(line, " = ")
		text, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if got := strings.Trim(fmt.Sprint(tok.Encode(text, EncodeOptions{})), "[]"); got != ids {
			t.Errorf("%q: tokens %s, on the page %s", text, got, ids)
		}
	}
}

// block gives the lines of a code block by its language.
func block(t *testing.T, page, language string) []string {
	t.Helper()
	_, rest, ok := strings.Cut(page, "```"+language+"\n")
	text, _, closed := strings.Cut(rest, "\n```")
	if !ok || !closed {
		t.Fatalf("no block %q on the page", language)
	}
	return strings.Split(text, "\n")
}
