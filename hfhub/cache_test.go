package hfhub

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/internal/hubtest"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/google/go-cmp/cmp"
)

type nopSink struct{}

func (nopSink) Start(n string, t int64) progress.Task { return progress.Discard.Start(n, t) }

// listing describes a cache: a line for each file, with its link target or
// size.
func (w *world) listing() []string {
	w.t.Helper()
	var out []string
	err := filepath.WalkDir(w.dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(w.dir, p)
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := rel + " " + info.Mode().Perm().String()
		if link, err := os.Readlink(p); err == nil {
			text = rel + " -> " + link
		}
		out = append(out, text)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// TestLayout compares the cache with the one that huggingface_hub makes: its
// layout is in docs/hub/local-cache.md of huggingface/hub-docs.
func TestLayout(t *testing.T) {
	w := newWorld(t)
	w.files = map[string]hubtest.File{
		"config.json": hubtest.Text("hello\n"),               // git hash-object: ce013625030ba8dba906f756967f9e9ca394464a
		"sub/w.bin":   hubtest.LFS(hubtest.Bytes("hello\n")), // sha256sum: 5891b5b5…
	}
	commit := w.repo.Commit("main", w.files)
	w.repo.Point("refs/pr/1", commit)
	w.mustPull()
	w.mustPull("refs/pr/1")
	const git, lfs = "ce013625030ba8dba906f756967f9e9ca394464a", "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
	repo := "models--ns--model/"
	want := []string{
		".locks/" + repo + lfs + ".lock -rw-rw-r--",
		".locks/" + repo + git + ".lock -rw-rw-r--",
		"CACHEDIR.TAG -rw-r--r--",
		repo + "blobs/" + lfs + " -rw-r--r--",
		repo + "blobs/" + git + " -rw-r--r--",
		repo + "refs/main -rw-r--r--",
		repo + "refs/refs/pr/1 -rw-r--r--",
		repo + "snapshots/" + commit + "/config.json -> ../../blobs/" + git,
		repo + "snapshots/" + commit + "/sub/w.bin -> ../../../blobs/" + lfs,
		repo + "trees/" + commit + ".json -rw-r--r--",
	}
	if diff := cmp.Diff(want, w.listing()); diff != "" {
		t.Errorf("layout (-want +got):\n%s", diff)
	}
	for file, want := range map[string]string{
		"refs/main": commit, "refs/refs/pr/1": commit,
		"trees/" + commit + ".json": `{"format_version":1,"files":{"config.json":{"size":6,"blob_id":"` + git + `"},"sub/w.bin":{"size":6,"blob_id":"` + pointerID(w, commit) + `","lfs_sha256":"` + lfs + `","lfs_size":6}}}`,
	} {
		if got, err := os.ReadFile(filepath.Join(w.dir, repo, file)); err != nil || string(got) != want {
			t.Errorf("%s is %q, want %q, %v", file, got, want, err)
		}
	}
}

// pointerID asks the fake for the git hash of the pointer of sub/w.bin.
func pointerID(w *world, commit string) string {
	files, err := w.client().Tree(context.Background(), testRepo, commit)
	if err != nil || len(files) != 2 {
		w.t.Fatal(files, err)
	}
	return files[1].OID
}

// TestSecondPull must not ask for files, nor for a commit that is known.
func TestSecondPull(t *testing.T) {
	w := newWorld(t)
	first := w.mustPull()
	w.hub.Forget()
	w.mustPull()
	if n, m := w.hub.Count("resolve"), w.hub.Count("tree"); n+m != 0 {
		t.Errorf("asked for %d files and %d listings again", n, m)
	}
	w.hub.Forget()
	w.mustPull(first.Commit)
	if r := w.hub.Records(); len(r) != 0 {
		t.Errorf("a whole, known commit caused requests: %v", r)
	}
}

// TestAdopt: content of another commit is proven and linked, not fetched; if
// it is damaged it is fetched.
func TestAdopt(t *testing.T) {
	for name, damage := range map[string]bool{"good": false, "damaged": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			first := w.mustPull()
			if damage {
				blob, err := filepath.EvalSymlinks(filepath.Join(first.Path, "sub/big.bin"))
				if err != nil {
					t.Fatal(err)
				}
				f, err := os.OpenFile(blob, os.O_WRONLY, 0)
				if err != nil {
					t.Fatal(err)
				}
				f.WriteAt([]byte("damage"), 5000)
				f.Close()
			}
			w.files["new"] = hubtest.Text("new")
			w.repo.Commit("main", w.files)
			w.hub.Forget()
			w.mustPull()
			if fetched := w.hub.Count("cdn") > 0; fetched != damage {
				t.Errorf("fetched: %v", fetched)
			}
			w.checkNames()
		})
	}
}

// TestOtherLink: an entry that links to another blob is replaced.
func TestOtherLink(t *testing.T) {
	w := newWorld(t)
	p := w.mustPull()
	entry := filepath.Join(p.Path, "config.json")
	if err := os.Remove(entry); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../../blobs/"+strings.Repeat("0", 40), entry); err != nil {
		t.Fatal(err)
	}
	w.mustPull()
	w.checkNames()
}

// TestDangling repairs links to nothing and cut blobs.
func TestDangling(t *testing.T) {
	w := newWorld(t)
	p := w.mustPull()
	for _, f := range []string{"sub/big.bin", "config.json"} {
		blob, err := filepath.EvalSymlinks(filepath.Join(p.Path, f))
		if err != nil {
			t.Fatal(err)
		}
		if f == "config.json" {
			err = os.Truncate(blob, 3)
		} else {
			err = os.Remove(blob)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	w.mustPull()
	w.checkNames()
}

// TestSameContent fetches content once that two files have.
func TestSameContent(t *testing.T) {
	w := newWorld(t)
	w.files["sub/copy.bin"] = w.files["sub/big.bin"]
	w.repo.Commit("main", w.files)
	w.mustPull()
	if n := w.hub.Sent(); n > bigSize+10_000 {
		t.Errorf("%d bytes for two files of %d", n, bigSize)
	}
}

// TestNoLinks pulls into a cache without links, and reads it again.
func TestNoLinks(t *testing.T) {
	w := newWorld(t)
	w.files["sub/copy.bin"] = w.files["sub/big.bin"]
	w.repo.Commit("main", w.files)
	c := w.cache()
	c.DisableLinks()
	p, err := w.pullTo(c)
	if err != nil {
		t.Fatal(err)
	}
	w.compare(p.Path, w.files)
	for _, l := range w.listing() {
		if strings.Contains(l, "->") || strings.Contains(l, "/blobs/") {
			t.Errorf("there is %s", l)
		}
	}
	w.hub.Forget()
	w.mustPull()
	if n := w.hub.Count("resolve"); n != 0 {
		t.Errorf("fetched %d files again", n)
	}
	if o := w.orphans(); len(o) > 0 {
		t.Errorf("orphans: %q", o)
	}
}

// TestSharedBlobs reads a blob that is a link into the store which newer
// Python libraries share between repositories, and does not remove it.
func TestSharedBlobs(t *testing.T) {
	w := newWorld(t)
	p := w.mustPull()
	c := w.cache()
	blob, err := filepath.EvalSymlinks(filepath.Join(p.Path, "xet.bin"))
	if err != nil {
		t.Fatal(err)
	}
	xet := strings.Repeat("ab", 32)
	if err := os.MkdirAll(filepath.Join(w.dir, "blobs/ab"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(blob, filepath.Join(w.dir, "blobs/ab", xet)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../../blobs/ab/"+xet, blob); err != nil {
		t.Fatal(err)
	}
	w.hub.Forget()
	w.mustPull()
	if n := w.hub.Count("resolve"); n != 0 {
		t.Errorf("fetched %d files again", n)
	}
	rep, err := c.Verify(context.Background(), testRepo, "main", progress.Discard)
	if err != nil || rep.Verified != len(w.files) || len(rep.Findings) != 0 {
		t.Errorf("verify: %+v, %v", rep, err)
	}
	if _, err := c.Remove(testRepo, "main"); !errors.Is(err, ErrShared) {
		t.Errorf("remove: %v", err)
	}
	w.compare(p.Path, w.files)
}

// TestContainment: a link in the cache that leads out of it is not followed.
func TestContainment(t *testing.T) {
	w := newWorld(t)
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.MkdirAll(outside, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(w.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(w.dir, "models--ns--model")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.pull(); err == nil {
		t.Error("the pull wrote through the link")
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) != 0 {
		t.Errorf("outside: %v, %v", left, err)
	}
}

// TestOffline takes what is provably complete, and nothing else.
func TestOffline(t *testing.T) {
	w := newWorld(t)
	p := w.mustPull()
	w.hub.Forget()
	w.o.Offline = true
	w.mustPull()
	if q := w.mustPull(p.Commit); !q.Cached || q.Unproven {
		t.Errorf("plan %+v", q.Plan)
	}
	if _, err := w.pull("v9"); !errors.Is(err, ErrOffline) {
		t.Errorf("unknown revision: %v", err)
	}
	if err := os.Remove(filepath.Join(p.Path, "config.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.pull(); !errors.Is(err, ErrOffline) || !strings.Contains(err.Error(), "config.json") {
		t.Errorf("a file is missing: %v", err)
	}
	if err := os.Remove(filepath.Join(w.dir, "models--ns--model/trees", p.Commit+".json")); err != nil {
		t.Fatal(err)
	}
	if q, err := w.pull(); err != nil || !q.Unproven || !strings.Contains(w.said.String(), "not known") {
		t.Errorf("without a list: %+v, %v", q, err)
	}
	if r := w.hub.Records(); len(r) != 0 {
		t.Errorf("there were requests: %v", r)
	}
}

// TestFallBack goes on with a complete snapshot if the Hub cannot be asked,
// but not if it says no.
func TestFallBack(t *testing.T) {
	tests := []struct {
		name   string
		fault  hubtest.Fault
		break_ bool
		want   error
	}{
		{"server down", hubtest.Fault{Status: 503}, false, nil},
		{"connection cut", hubtest.Fault{Reset: true}, false, nil},
		{"server down, incomplete", hubtest.Fault{Status: 503}, true, ErrRemote},
		{"captive portal", hubtest.Fault{Status: 200, Body: "<html>"}, false, ErrNotHub},
		{"not authorized", hubtest.Fault{Status: 403}, false, ErrAuth},
		{"rate limited", hubtest.Fault{Status: 429}, false, ErrRateLimited},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			p := w.mustPull()
			if tt.break_ {
				if err := os.Remove(filepath.Join(p.Path, "xet.bin")); err != nil {
					t.Fatal(err)
				}
			}
			w.hub.Inject(-1, "revision", "", tt.fault)
			p, err := w.pull()
			if !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			if err == nil && (!p.Cached || !strings.Contains(w.said.String(), "complete here")) {
				t.Errorf("no warning: %s", w.said.String())
			}
		})
	}
}

// TestFilter fetches what is asked for, and lists everything.
func TestFilter(t *testing.T) {
	w := newWorld(t)
	c := w.cache()
	p, err := w.client().Pull(context.Background(), c, Request{Repo: testRepo, Filter: Filter{Include: []string{"*.json", "sub/"}, Exclude: []string{"*.bin"}}}, progress.Discard)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]hubtest.File{"config.json": w.files["config.json"], "sub/deep/a #1.md": w.files["sub/deep/a #1.md"]}
	w.compare(p.Path, want)
	b, err := os.ReadFile(filepath.Join(w.dir, "models--ns--model/trees", p.Commit+".json"))
	var tree struct{ Files map[string]any }
	if err != nil || json.Unmarshal(b, &tree) != nil || len(tree.Files) != len(w.files) {
		t.Errorf("tree has %d files, want %d, %v", len(tree.Files), len(w.files), err)
	}
	if _, err := w.client().Plan(context.Background(), c, Request{Repo: testRepo, Filter: Filter{Include: []string{"*.nope"}}}); !errors.Is(err, ErrNotFound) {
		t.Errorf("a filter without a match: %v", err)
	}
	w.o.Offline = true
	if _, err := w.pull(); !errors.Is(err, ErrOffline) {
		t.Errorf("a filtered snapshot counts as complete: %v", err)
	}
}
