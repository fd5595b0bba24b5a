package hfhub

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/akadata/bitnet-tool/internal/hubtest"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/google/go-cmp/cmp"
)

// pythonEntry is a file of a cache that Python made; the golden file says
// which version did.
type pythonEntry struct {
	Path    string `json:"path"`
	Mode    string `json:"mode"`
	Link    string `json:"link"`
	Content string `json:"content"`
}

func pythonCache(t *testing.T) []pythonEntry {
	t.Helper()
	b, err := os.ReadFile("testdata/python_cache.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct{ Entries []pythonEntry }
	if err := json.Unmarshal(b, &golden); err != nil || len(golden.Entries) < 10 {
		t.Fatal(len(golden.Entries), err)
	}
	return golden.Entries
}

// pythonWorld has the repository that Python pulled.
func pythonWorld(t *testing.T) *world {
	w := newWorld(t)
	w.files = map[string]hubtest.File{
		"config.json":      hubtest.Text("{}\n"),
		"empty":            hubtest.Text(""),
		"sub/deep/a #1.md": hubtest.Text("# notes\n"),
		"sub/w.bin":        hubtest.LFS(hubtest.Bytes("weights\n")),
		"x.bin":            {Content: hubtest.Bytes("xet\n"), LFS: true, Xet: true},
	}
	commit := w.repo.Commit("main", w.files)
	w.repo.Point("v1", commit)
	w.repo.Point("refs/pr/1", commit)
	return w
}

// TestReadsPython: of a cache that Python made nothing is fetched, and every
// file in it is verified.
func TestReadsPython(t *testing.T) {
	w := pythonWorld(t)
	for _, e := range pythonCache(t) {
		name := filepath.Join(w.dir, filepath.FromSlash(e.Path))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		var err error
		if e.Link != "" {
			err = os.Symlink(e.Link, name)
		} else {
			var mode uint64
			if mode, err = strconv.ParseUint(e.Mode, 8, 32); err == nil {
				err = os.WriteFile(name, []byte(e.Content), fs.FileMode(mode))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, rev := range []string{"main", "v1", "refs/pr/1"} {
		w.mustPull(rev)
	}
	if n := w.hub.Count("resolve") + w.hub.Count("tree"); n != 0 {
		t.Errorf("%d files or listings were asked for", n)
	}
	rep, err := w.cache().Verify(t.Context(), testRepo, "main", progress.Discard)
	if err != nil || rep.Verified != len(w.files) || !rep.Complete || len(rep.Findings) != 0 {
		t.Errorf("%+v, %v", rep, err)
	}
}

// TestWritesLikePython: the cache is the same as Python's, file by file. Only
// the white space of tree files and their mode, which is that of a temporary
// file in Python, are our own.
func TestWritesLikePython(t *testing.T) {
	w := pythonWorld(t)
	for _, rev := range []string{"main", "v1", "refs/pr/1"} {
		w.mustPull(rev)
	}
	var want, got []pythonEntry
	for _, e := range pythonCache(t) {
		want = append(want, plain(e))
		name := filepath.Join(w.dir, filepath.FromSlash(e.Path))
		here := pythonEntry{Path: e.Path}
		if info, err := os.Lstat(name); err != nil {
			t.Error(err)
		} else if here.Link, err = os.Readlink(name); err != nil {
			here.Mode = fmt.Sprintf("%o", info.Mode().Perm())
			b, _ := os.ReadFile(name)
			here.Content = string(b)
		}
		got = append(got, plain(here))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-Python +here):\n%s", diff)
	}
	if n := len(w.listing()); n != len(want) {
		t.Errorf("%d files, want %d", n, len(want))
	}
}

// plain leaves out what may differ.
func plain(e pythonEntry) pythonEntry {
	var tree any
	if filepath.Ext(e.Path) == ".json" && json.Unmarshal([]byte(e.Content), &tree) == nil && filepath.Base(filepath.Dir(e.Path)) == "trees" {
		b, _ := json.Marshal(tree) // keys in order
		e.Content, e.Mode = string(b), ""
	}
	return e
}

// TestSweep: a file that another program finished leaves nothing of our own
// attempt.
func TestSweep(t *testing.T) {
	w := newWorld(t)
	w.o.Jobs, w.o.Retries = 1, 1
	w.hub.Inject(3, "cdn", "big", hubtest.Fault{})
	w.hub.Inject(-1, "cdn", "big", hubtest.Fault{Cut: true})
	if _, err := w.pull(); err == nil || len(w.orphans()) == 0 {
		t.Fatal(err, w.orphans())
	}
	w.hub.Heal()
	other := newWorld(t) // stands for the other program
	p := other.mustPull()
	big, err := os.ReadFile(filepath.Join(p.Path, "sub/big.bin"))
	if err != nil {
		t.Fatal(err)
	}
	entry := filepath.Join(w.dir, "models--ns--model/snapshots", p.Commit, "sub/big.bin")
	if err := os.MkdirAll(filepath.Dir(entry), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(entry, big, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := w.pull(); err != nil {
		t.Fatal(err)
	}
	if o := w.orphans(); len(o) > 0 {
		t.Errorf("orphans: %q", o)
	}
}
