package interop

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akadata/bitnet-tool/internal/hubtest"
)

// cacheReading is what npm @huggingface/hub makes of a cache.
type cacheReading struct {
	Snapshots map[string]string `json:"snapshots"`
	Repos     []cachedRepo      `json:"repos"`
	Warnings  []string          `json:"warnings"`
}

type cachedRepo struct {
	Name      string           `json:"name"`
	Revisions []cachedRevision `json:"revisions"`
}

type cachedRevision struct {
	Commit string       `json:"commit"`
	Refs   []string     `json:"refs"`
	Files  []cachedFile `json:"files"`
}

type cachedFile struct {
	Path string `json:"path"`
	Blob string `json:"blob"`
	Size int64  `json:"size"`
}

// TestCacheIsShared pulls a repository and lets another client of the Hub
// download it into the same cache: it finds all files there, fetches none and
// changes nothing.
func TestCacheIsShared(t *testing.T) {
	needPrograms(t)
	bin := buildTool(t)
	hub, err := hubtest.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hub.Close() })
	const id = "ns/model"
	repo := hub.Repo("models", id)
	commit := repo.Commit("main", map[string]hubtest.File{
		"config.json":      hubtest.Text("{}\n"),
		"sub/deep/a.txt":   hubtest.Text("a\n"),
		"sub/deep/b.bin":   hubtest.LFS(hubtest.Random(1, 20<<20)), // several ranges
		"weights.bin":      hubtest.LFS(hubtest.Bytes("hello\n")),
		"same-weights.bin": hubtest.LFS(hubtest.Bytes("hello\n")),
		"xet.bin":          {Content: hubtest.Bytes("xet\n"), LFS: true, Xet: true},
	})
	repo.Point("v1", commit)
	repo.Point("refs/pr/1", commit)
	revisions := []string{"main", "v1", "refs/pr/1", commit}

	cache := filepath.Join(t.TempDir(), "hub")
	t.Setenv("HF_ENDPOINT", hub.URL)
	t.Setenv("HF_HOME", t.TempDir()) // no token
	want := cacheReading{Snapshots: map[string]string{}, Warnings: []string{}}
	for _, rev := range revisions {
		var pulled struct {
			Path string `json:"path"`
		}
		bin.run(t, &pulled, "pull", id+"@"+rev, "--cache-dir", cache)
		want.Snapshots[rev] = pulled.Path
	}
	// The other client's scan goes into no folders, neither of files nor of refs.
	// The names of the blobs are what sha256sum and git hash-object print.
	const hello = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
	want.Repos = []cachedRepo{{"model:" + id, []cachedRevision{{commit, []string{"main", "v1"}, []cachedFile{
		{"config.json", "0967ef424bce6791893e9a57bb952f80fd536e93", 3},
		{"same-weights.bin", hello, 6},
		{"weights.bin", hello, 6},
		{"xet.bin", "b396a3b30c764f471af2657a47ee31063ab249a11bf1a5623e72402cf7e69af1", 4},
	}}}}}
	before := listing(t, cache)
	hub.Forget()

	var got cacheReading
	node(t, &got, revisions, "hub.mjs", hub.URL, cache, id)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("cache as read (-want +got):\n%s", diff)
	}
	if hub.Count("tree") == 0 {
		t.Error("the other client did not ask what there is")
	}
	if n := hub.Sent(); n != 0 || hub.Count("resolve") != 0 {
		t.Errorf("the other client fetched %d bytes in %d requests", n, hub.Count("resolve"))
	}
	if diff := cmp.Diff(before, listing(t, cache)); diff != "" {
		t.Errorf("the other client changed the cache (-before +after):\n%s", diff)
	}
}

// listing gives for every path in a folder what a link names or how large a
// file is.
func listing(t *testing.T, dir string) map[string]any {
	t.Helper()
	out := map[string]any{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if d.Type()&fs.ModeSymlink != 0 {
			out[path], err = os.Readlink(path)
			return err
		}
		info, err := d.Info()
		if err == nil {
			out[path] = info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) == 0 {
		t.Fatalf("%s is empty", dir)
	}
	return out
}
