package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"
)

// tree makes files and links: a content that begins with "-> " is a link, and
// one that is "fifo" a FIFO.
func tree(t *testing.T, files map[string]string) *os.Root {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		p := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(p), 0o755)
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			err = errors.Join(err, os.Symlink(target, p))
		} else if content == "fifo" {
			err = errors.Join(err, unix.Mkfifo(p, 0o644))
		} else {
			err = errors.Join(err, os.WriteFile(p, []byte(content), 0o644))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

func TestWalk(t *testing.T) {
	const snap = "models--n--m/snapshots/c"
	for name, tc := range map[string]struct {
		files map[string]string
		dir   string
		want  []string
	}{
		"plain": {
			map[string]string{"b": "1", "a/c": "22", ".gitattributes": ""},
			".",
			[]string{".gitattributes", "a/c", "b"},
		},
		"one hop": {
			map[string]string{"models--n--m/blobs/x": "1", snap + "/a": "-> ../../blobs/x", snap + "/s/d/b": "-> ../../../../blobs/x"},
			snap,
			[]string{"a", "s/d/b"},
		},
		"two hops": {
			map[string]string{"blobs/xx/hash": "1", "models--n--m/blobs/x": "-> ../../blobs/xx/hash", snap + "/a": "-> ../../blobs/x"},
			snap,
			[]string{"a"},
		},
		"no links": {map[string]string{snap + "/a": "1"}, snap, []string{"a"}},
		"books are left out": {
			map[string]string{"a": "1", "CACHEDIR.TAG": "", ".cache/huggingface/download/a.metadata": "", ".cache/other": "", "s/CACHEDIR.TAG": ""},
			".",
			[]string{".cache/other", "a", "s/CACHEDIR.TAG"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			entries, err := Walk(tree(t, tc.files), tc.dir, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range entries {
				got = append(got, e.Path)
				if e.Path != ".gitattributes" && e.Size == 0 && e.Path != "s/CACHEDIR.TAG" && e.Path != ".cache/other" {
					t.Errorf("%s has no size", e.Path)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWalkRefuses(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		files map[string]string
		says  string
	}{
		"dangling":           {map[string]string{"a": "-> ../blobs/none"}, `"s/a" is a link to nothing, "../blobs/none"`},
		"absolute":           {map[string]string{"a": "-> " + outside}, `"s/a" is a link that leads out of `},
		"leads out":          {map[string]string{"a": "-> ../../../../../../../../etc/passwd"}, `"s/a" is a link that leads out of `},
		"out by two hops":    {map[string]string{"a": "-> b", "b": "-> " + outside}, `is a link that leads out of `},
		"circle":             {map[string]string{"a": "-> b", "b": "-> a"}, `in a circle`},
		"FIFO":               {map[string]string{"a": "fifo"}, `"s/a" is no plain file but a FIFO`},
		"link to a FIFO":     {map[string]string{"a": "-> b", "b": "fifo"}, `no plain file but a FIFO; it is a link to "b"`},
		"link to a folder":   {map[string]string{"a": "-> d", "d/x": "1"}, `"s/a" is no plain file but a folder; it is a link to "d"`},
		"the store's folder": {map[string]string{".bitnet-tool/x": "1"}, `".bitnet-tool" is where the store keeps its own`},
		"its file":           {map[string]string{".Bitnet-TOOL": "1"}, `is where the store keeps its own`},
		"control character":  {map[string]string{"a\x1b[2J": "1"}, `has a control character`},
	} {
		t.Run(name, func(t *testing.T) {
			below := map[string]string{"s/ok": "1"}
			for p, content := range tc.files {
				below["s/"+p] = content
			}
			_, err := Walk(tree(t, below), "s", nil)
			if !errors.Is(err, ErrSource) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("error %v, want %v saying %q", err, ErrSource, tc.says)
			}
		})
	}
	if _, err := Walk(tree(t, nil), "none", nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}

func TestCheckEntries(t *testing.T) {
	for name, tc := range map[string]struct {
		paths     []string
		bad, fold bool // refused always, refused where names fold
	}{
		"distinct":             {[]string{"a", "b", "s/a"}, false, false},
		"twice":                {[]string{"a", "a"}, true, true},
		"file and folder":      {[]string{"a", "a/b"}, true, true},
		"folder and file":      {[]string{"a/b", "a"}, true, true},
		"differ in case":       {[]string{"README", "readme"}, false, true},
		"folder case":          {[]string{"A/x", "a/y"}, false, true},
		"folder case in part":  {[]string{"A/s/x", "a/s/y"}, false, true},
		"file and folder case": {[]string{"A", "a/y"}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			var entries []Entry
			for _, p := range tc.paths {
				entries = append(entries, Entry{Path: p})
			}
			for fold, bad := range map[bool]bool{false: tc.bad, true: tc.fold} {
				if err := checkEntries(entries, fold); errors.Is(err, ErrSource) != bad {
					t.Errorf("fold %v: %v", fold, err)
				}
			}
		})
	}
}

func TestNewEntry(t *testing.T) {
	root := tree(t, map[string]string{"real": "123", "link": "-> real"})
	got, err := NewEntry(root, "link", "name.gguf")
	want := Entry{Path: "name.gguf", From: "link", Size: 3}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
		t.Error(err, diff)
	}
}
