package store

import (
	"errors"
	"strings"
	"testing"
)

func TestParseRef(t *testing.T) {
	long, longest := strings.Repeat("n", MaxName), strings.Repeat("v", MaxVersion)
	for text, want := range map[string]Ref{
		"a":                        {Name: "a"},
		"a@b":                      {Name: "a", Version: "b"},
		"BitNet-b1.58-2B-4T@04c3b": {Name: "BitNet-b1.58-2B-4T", Version: "04c3b"},
		"9_x@9._-":                 {Name: "9_x", Version: "9._-"},
		long + "@" + longest:       {Name: long, Version: longest},
	} {
		got, err := ParseRef(text)
		if err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
		if got.String() != text {
			t.Errorf("%q is written %q", text, got)
		}
	}
	for _, text := range []string{
		"", "@", "a@", "@b", "a@b@c", ".a", "-a", "_a", "a/b", "a b", "a\x00", "ä", "a\n", "..", "a@..", "a@-b", "a@b/c",
		long + "n", "a@" + longest + "v",
	} {
		if got, err := ParseRef(text); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func TestCheckPath(t *testing.T) {
	for _, p := range []string{"a", "a/b/c", ".gitattributes", ".cache/x", "a/.bitnet-tool/b", "ä ö", strings.Repeat("s", 255) + "/x"} {
		if err := CheckPath(p); err != nil {
			t.Errorf("%q: %v", p, err)
		}
	}
	for _, p := range []string{
		"", ".", "..", "/a", "a/", "a//b", "a/../b", "./a", "a\nb", "a\x00", "a\x1b[2J", "a\x7f",
		".bitnet-tool", ".bitnet-tool/x", ".BitNet-Tool/manifest.json", strings.Repeat("s", 256),
	} {
		if err := CheckPath(p); !errors.Is(err, ErrSource) {
			t.Errorf("%q: %v", p, err)
		}
	}
}
