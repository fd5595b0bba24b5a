package hfhub

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMatch compares with Python's own answers.
func TestMatch(t *testing.T) {
	b, err := os.ReadFile("testdata/fnmatch.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Paths   []string
		Matches [][2]any
	}
	if err := json.Unmarshal(b, &golden); err != nil || len(golden.Matches) < 20 {
		t.Fatal(err)
	}
	for _, row := range golden.Matches {
		pattern := row[0].(string)
		t.Run(pattern, func(t *testing.T) {
			var want, got []string
			for _, p := range row[1].([]any) {
				want = append(want, p.(string))
			}
			match := Filter{Include: []string{pattern}}.matcher()
			for _, p := range golden.Paths {
				if match(p) {
					got = append(got, p)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%q (-Python +Go):\n%s", pattern, diff)
			}
		})
	}
}

func FuzzMatch(f *testing.F) {
	for _, p := range []string{"*", "[", "[!]", "[a-", "[z-a]", "\xff", "[\xff-\u00e9]", "a[]b"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		if _, err := regexp.Compile(translate(pattern)); err != nil {
			t.Errorf("%q: %v", pattern, err)
		}
	})
}

// FuzzPath: what is accepted stays in its folder.
func FuzzPath(f *testing.F) {
	for _, p := range []string{"a/b", "../a", `a\..\b`, "C:x", "a//b", "./a", "\x00"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if checkPath(p) != nil {
			return
		}
		clean := filepath.Clean(filepath.FromSlash(p))
		if !filepath.IsLocal(clean) || filepath.ToSlash(clean) != p {
			t.Errorf("%q becomes %q", p, clean)
		}
	})
}

func TestCaseFolding(t *testing.T) {
	files := []File{{Path: "README"}, {Path: "readme/x"}}
	if err := checkPaths(files, false); err != nil {
		t.Error(err)
	}
	if err := checkPaths(files, true); !errors.Is(err, ErrHostilePath) {
		t.Errorf("a file and a folder of one name: %v", err)
	}
}

func TestParseRepo(t *testing.T) {
	tests := []struct {
		in, id, rev string
		ok          bool
	}{
		{"ns/name", "ns/name", "main", true},
		{"gpt2", "gpt2", "main", true},
		{"ns/n.a-m_e@refs/pr/1", "ns/n.a-m_e", "refs/pr/1", true},
		{"ns/name@v1@2", "ns/name", "v1@2", true},
		{"", "", "", false},
		{"a/b/c", "", "", false},
		{"ns/", "", "", false},
		{"ns/../x", "", "", false},
		{"ns/a--b", "", "", false},
		{"ns/a..b", "", "", false},
		{"ns/a.git", "", "", false},
		{"-ns/a", "", "", false},
		{"ns/a.", "", "", false},
		{"ns/" + strings.Repeat("x", 94), "", "", false},
		{"ns/name@", "", "", false},
		{"ns/name@../x", "", "", false},
		{"ns/name@/x", "", "", false},
		{"ns/name@a\x00", "", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			r, rev, err := ParseRepo(Model, tt.in)
			if tt.ok != (err == nil) || tt.ok && (r.ID != tt.id || rev != tt.rev) || !tt.ok && !errors.Is(err, ErrName) {
				t.Fatalf("%q, %q, %v", r.ID, rev, err)
			}
			if back, ok := repoOfFolder(r.folder()); tt.ok && (!ok || back != r) {
				t.Errorf("folder %q is taken for %v", r.folder(), back)
			}
		})
	}
}

func TestNextLink(t *testing.T) {
	for header, want := range map[string]string{
		`<https://h/x?cursor=a%2C&b=1>; rel="next"`:                 "https://h/x?cursor=a%2C&b=1",
		`<https://h/p>; rel="prev", <https://h/n>; foo=1; rel=next`: "https://h/n",
		`<https://h/p>; rel="prev"`:                                 "",
		`https://h/n; rel="next"`:                                   "",
		``:                                                          "",
	} {
		if got := nextLink(map[string][]string{"Link": {header}}); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
}

func TestContentRange(t *testing.T) {
	for header, want := range map[string][4]int64{
		"bytes 0-9/100": {0, 9, 100, 1}, "bytes 5-9/*": {5, 9, -1, 1},
		"bytes */100": {}, "0-9/100": {}, "bytes 0-9": {}, "bytes a-9/1": {}, "": {},
	} {
		a, b, n, ok := contentRange(header)
		if ok != (want[3] == 1) || ok && [3]int64{a, b, n} != [3]int64(want[:3]) {
			t.Errorf("%s: %d-%d/%d %v", header, a, b, n, ok)
		}
	}
}
