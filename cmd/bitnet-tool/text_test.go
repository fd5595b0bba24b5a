package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPrintable(t *testing.T) {
	tests := []struct{ name, in, printable, word string }{
		{"plain", "blk.0.attn_q", "blk.0.attn_q", "blk.0.attn_q"},
		{"letters of the world", "Ünïcödé 語", "Ünïcödé 語", `"Ünïcödé 語"`},
		{"escape", "a\x1b[2Jb", `a\x1b[2Jb`, `"a\x1b[2Jb"`},
		{"C1", "a\u009bb", `a\u009bb`, `"a\u009bb"`},
		{"direction", "a\u202eb", `a\u202eb`, `"a\u202eb"`},
		{"invalid UTF-8", "a\xffb", `a\xffb`, `"a\xffb"`},
		{"replacement character", "\ufffd", "\ufffd", "\ufffd"},
		{"line break", "a\nb", `a\nb`, `"a\nb"`},
		{"quotes", `'a"`, `'a"`, `'a"`},
		{"apostrophe escaped", "\x00'", `\x00'`, `"\x00'"`},
		{"empty", "", "", `""`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := printable(tt.in); got != tt.printable {
				t.Errorf("printable: %q, want %q", got, tt.printable)
			}
			if got := word(tt.in); got != tt.word {
				t.Errorf("word: %s, want %s", got, tt.word)
			}
		})
	}
	if got := lines("a\nb\x1b\n"); got != "a\nb\\x1b\n" {
		t.Errorf("lines: %q", got)
	}
	if got := oneLine(" a\n\tb\x1b  c "); got != `a b\x1b c` {
		t.Errorf("oneLine: %q", got)
	}
}

func TestToJSON(t *testing.T) {
	got, err := toJSON(map[string]any{"a": "<\u009b\x7f\x1b\U000e0001é>\xff"})
	want := `{"a":"<\u009b\u007f\u001b\udb40\udc01é>\ufffd"}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

func TestNumbers(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "-1,234", -123: "-123"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) is %s", n, got)
		}
	}
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_949: "999.9 kB", 999_950: "1.0 MB", 1_200_000_000: "1.2 GB", 1 << 62: "4611.7 PB",
	} {
		if got := humanBytes(n); got != want {
			t.Errorf("humanBytes(%d) is %s, want %s", n, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	table(&b, [][]string{{"name", "n"}, {"é", "10"}, {"longer", "7", "x"}, {"short"}}, 1)
	want := strings.Join([]string{"name     n", "é       10", "longer   7  x", "short", ""}, "\n")
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNearest(t *testing.T) {
	names := []string{"threads", "temp", "type", "top-k", "q"}
	for given, want := range map[string]string{
		"treads": "threads", "thread": "threads", "threds": "threads", "tmp": "temp", "tpye": "type", "typ": "type",
		"top_k": "top-k", "xyzzy": "", "": "", "quite-another-thing": "",
	} {
		if got := nearest(given, names); got != want {
			t.Errorf("nearest to %q is %q, want %q", given, got, want)
		}
	}
}

func TestScreen(t *testing.T) {
	tests := []struct {
		name   string
		pieces []string
		escape bool
		want   string
	}{
		{"nothing", nil, false, "\n"},
		{"character in pieces", []string{"a\xe8", "\xaa", "\x9eb"}, false, "a語b\n"},
		{"character never complete", []string{"a\xe8\xaa"}, false, "a\xe8\xaa\n"},
		{"bytes that are no text", []string{"\xff\xff", "a"}, false, "\xff\xffa\n"},
		{"control characters to a file", []string{"\x1b[2J\n\t"}, false, "\x1b[2J\n\t\n"},
		{"control characters to a terminal", []string{"\x1b[2J\n\t\r\u009b"}, true, `\x1b[2J` + "\n\t" + `\r\u009b` + "\n"},
		{"long character to a terminal", []string{"\xf0\x9f", "\x98\x80"}, true, "😀\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			s := screen{w: &b, escape: tt.escape}
			for _, p := range tt.pieces {
				if err := s.add(p); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.end(); err != nil || b.String() != tt.want {
				t.Errorf("wrote %q, %v, want %q", b.String(), err, tt.want)
			}
		})
	}
}
