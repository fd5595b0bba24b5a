package pipeline

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/hfhub"
	"github.com/akadata/bitnet-tool/internal/dirstore"
	"github.com/akadata/bitnet-tool/internal/hubtest"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/store"
	"github.com/akadata/bitnet-tool/internal/store/storetest"
	"github.com/google/go-cmp/cmp"
)

var model = hfhub.Repo{Type: hfhub.Model, ID: "ns/model"}

// world is a Hub and a cache that it was pulled to.
type world struct {
	hub    *hubtest.Hub
	client *hfhub.Client
	cache  string
	commit string
}

func pulled(t *testing.T, noLinks bool) *world {
	t.Helper()
	hub, err := hubtest.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hub.Close() })
	w := &world{hub: hub, cache: filepath.Join(t.TempDir(), "hub")}
	w.commit = hub.Repo("models", model.ID).Commit("main", map[string]hubtest.File{
		"README.md":              hubtest.Text("---\nlicense: mit\n---\n# Model\n"),
		"config.json":            hubtest.Text("{}"),
		"sub/deep/weights.bin":   hubtest.LFS(hubtest.Random(1, 3<<20)),
		"sub/deep/the_same.bin":  hubtest.LFS(hubtest.Random(1, 3<<20)),
		"model.safetensors":      hubtest.LFS(hubtest.Random(2, 1<<20+7)),
		"a file with spaces.txt": hubtest.Text("x"),
	})
	if w.client, err = hfhub.New(hfhub.Options{Endpoint: hub.URL}); err != nil {
		t.Fatal(err)
	}
	cache, err := hfhub.OpenCache(w.cache, true)
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	if noLinks {
		cache.DisableLinks()
	}
	w.pullTo(t, cache)
	return w
}

func (w *world) pullTo(t *testing.T, target hfhub.Target) {
	t.Helper()
	if _, err := w.client.Pull(t.Context(), target, hfhub.Request{Repo: model}, progress.Discard); err != nil {
		t.Fatal(err)
	}
}

// path is a file of the cache.
func (w *world) path(parts ...string) string {
	return filepath.Join(append([]string{w.cache, "models--ns--model"}, parts...)...)
}

func (w *world) open(t *testing.T) (*Intake, error) {
	t.Helper()
	in, err := OpenRepo(Snapshot{Cache: w.cache, Repo: model, Revision: "main", Endpoint: "https://example.org"})
	if err == nil {
		t.Cleanup(func() { in.Close() })
	}
	return in, err
}

// share moves the blobs to a shared store, as huggingface_hub does since
// September 2026 (src/huggingface_hub/utils/_shared_blobs.py): an entry is then
// two links away from its bytes.
func (w *world) share(t *testing.T) {
	t.Helper()
	blobs, err := os.ReadDir(w.path("blobs"))
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range blobs {
		shard := string("0123456789abcdef"[i]) + "f"
		err := errors.Join(
			os.MkdirAll(filepath.Join(w.cache, "blobs", shard), 0o755),
			os.Rename(w.path("blobs", b.Name()), filepath.Join(w.cache, "blobs", shard, "xet")),
			os.Symlink("../../blobs/"+shard+"/xet", w.path("blobs", b.Name())),
		)
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestLayouts stores from every way that a snapshot can lie on a disk.
func TestLayouts(t *testing.T) {
	for name, tc := range map[string]struct {
		noLinks, noTree bool
		change          func(t *testing.T, w *world)
		local, byPath   bool
		completeness    store.Completeness
		verified        bool
	}{
		"one hop":              {completeness: store.Complete, verified: true},
		"two hops":             {change: func(t *testing.T, w *world) { w.share(t) }, completeness: store.Complete, verified: true},
		"no links":             {noLinks: true, completeness: store.Complete, verified: true},
		"one hop, no list":     {noTree: true, completeness: store.Unknown, verified: true},
		"two hops, no list":    {noTree: true, change: func(t *testing.T, w *world) { w.share(t) }, completeness: store.Unknown, verified: true},
		"no links, no list":    {noLinks: true, noTree: true, completeness: store.Unknown},
		"by its path":          {byPath: true, completeness: store.Complete, verified: true},
		"local folder":         {local: true, completeness: store.Complete, verified: true},
		"local folder no list": {local: true, noTree: true, completeness: store.Unknown, verified: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := pulled(t, tc.noLinks)
			if tc.change != nil {
				tc.change(t, w)
			}
			in, err := w.intake(t, tc.local, tc.byPath, tc.noTree)
			if err != nil {
				t.Fatal(err)
			}
			s, err := dirstore.Open(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			p, err := store.Put(t.Context(), s, store.Ref{Name: "m", Version: in.Ref.Version}, in.Origin, in.Manifest, progress.Discard)
			if err != nil {
				t.Fatal(err)
			}
			m := p.Manifest
			if m.Verified != tc.verified || m.Completeness != tc.completeness || (len(in.Warnings) > 0) != (tc.noTree && !tc.local) {
				t.Errorf("verified %v, %s, warnings %q", m.Verified, m.Completeness, in.Warnings)
			}
			if m.Version != w.commit[:12] || m.Source.Commit != w.commit || m.Source.License != "mit" {
				t.Errorf("version %s of %+v", m.Version, m.Source)
			}
			storetest.Sound(t, s)
			w.compare(t, p)
			err = filepath.WalkDir(s.Dir(), func(p string, d fs.DirEntry, err error) error {
				if err == nil && d.Type()&fs.ModeSymlink != 0 {
					t.Errorf("%s is a link", p)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// intake opens what was pulled, in one of the ways.
func (w *world) intake(t *testing.T, local, byPath, noTree bool) (*Intake, error) {
	t.Helper()
	if !local {
		if noTree {
			if err := os.RemoveAll(w.path("trees")); err != nil {
				t.Fatal(err)
			}
		}
		if byPath {
			in, err := OpenPath(w.path("snapshots", w.commit))
			if err == nil {
				t.Cleanup(func() { in.Close() })
			}
			return in, err
		}
		return w.open(t)
	}
	dir := filepath.Join(t.TempDir(), "local")
	target, err := hfhub.OpenLocalDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	w.pullTo(t, target)
	if noTree {
		if err := os.RemoveAll(filepath.Join(dir, ".cache/huggingface/trees")); err != nil {
			t.Fatal(err)
		}
	}
	in, err := OpenPath(dir)
	if err == nil {
		t.Cleanup(func() { in.Close() })
	}
	return in, err
}

// compare holds the stored files against what the Hub says now.
func (w *world) compare(t *testing.T, p store.Published) {
	t.Helper()
	files, err := w.client.Tree(t.Context(), model, w.commit)
	if err != nil {
		t.Fatal(err)
	}
	got, want := map[string]string{}, map[string]string{}
	for _, f := range files {
		want[f.Path] = f.SHA256
	}
	for _, f := range p.Manifest.Files {
		got[f.Path] = ""
		if want[f.Path] != "" {
			got[f.Path] = f.SHA256.Hex()
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestOpenRepo: what is missing, left out, or not part of the commit.
func TestOpenRepo(t *testing.T) {
	w := pulled(t, false)
	include := func(globs ...string) Snapshot {
		return Snapshot{Cache: w.cache, Repo: model, Revision: w.commit, Filter: hfhub.Filter{Include: globs}}
	}
	t.Run("filter", func(t *testing.T) {
		in, err := OpenRepo(include("*.json", "README.md"))
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		if len(in.Entries) != 2 || len(in.Manifest.Omitted) != 4 || in.Manifest.Completeness != store.Filtered {
			t.Errorf("%d files, left out %v, %s", len(in.Entries), in.Manifest.Omitted, in.Manifest.Completeness)
		}
	})
	t.Run("extra", func(t *testing.T) {
		extra := w.path("snapshots", w.commit, "notes.txt")
		if err := os.WriteFile(extra, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		defer os.Remove(extra)
		in, err := w.open(t)
		if err != nil || len(in.Entries) != 6 || len(in.Warnings) != 1 || !strings.Contains(in.Warnings[0], "notes.txt") {
			t.Errorf("%v, warnings %q", err, in.Warnings)
		}
	})
	t.Run("missing", func(t *testing.T) {
		if err := os.Remove(w.path("snapshots", w.commit, "config.json")); err != nil {
			t.Fatal(err)
		}
		if _, err := w.open(t); !errors.Is(err, store.ErrIncomplete) || !strings.Contains(err.Error(), `"config.json"`) {
			t.Errorf("error %v", err)
		}
		in, err := OpenRepo(include("*.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		in.Close()
	})
	t.Run("not in the cache", func(t *testing.T) {
		for _, s := range []Snapshot{
			{Cache: w.cache, Repo: model, Revision: "v9"},
			{Cache: w.cache, Repo: model, Revision: strings.Repeat("0", 40)},
			{Cache: w.cache, Repo: hfhub.Repo{Type: hfhub.Model, ID: "ns/other"}, Revision: "main"},
			{Cache: filepath.Join(w.cache, "none"), Repo: model, Revision: "main"},
		} {
			if _, err := OpenRepo(s); !errors.Is(err, hfhub.ErrOffline) {
				t.Errorf("%+v: %v", s, err)
			}
		}
	})
}

// TestLocalDirChanged: a file that was edited is no longer the Hub's.
func TestLocalDirChanged(t *testing.T) {
	w := pulled(t, false)
	dir := filepath.Join(t.TempDir(), "local")
	target, err := hfhub.OpenLocalDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	w.pullTo(t, target)
	later := filepath.Join(dir, "config.json")
	info, err := os.Stat(later)
	if err == nil {
		err = errors.Join(os.WriteFile(later, []byte("{ }"), 0o644), os.Chtimes(later, info.ModTime(), info.ModTime().Add(1e10)))
	}
	if err != nil {
		t.Fatal(err)
	}
	in, err := OpenPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if in.Ref.Version != "" || in.Manifest.Source.Commit != "" || in.Manifest.Completeness != store.Unknown || len(in.Warnings) != 1 {
		t.Errorf("%+v, %+v, %q", in.Ref, in.Manifest, in.Warnings)
	}
	for _, e := range in.Entries {
		if e.Hub.Known() == (e.Path == "config.json") {
			t.Errorf("%s: identity %+v", e.Path, e.Hub)
		}
	}
}

func TestLicense(t *testing.T) {
	for card, want := range map[string]string{
		"---\nlanguage: en\nlicense: mit\n---\n":    "mit",
		"---\r\nlicense: \"apache-2.0\"\r\n---\r\n": "apache-2.0",
		"---\nlicense:\n---\n":                      "",
		"---\nlanguage: en\n---\nlicense: mit\n":    "",
		"# no metadata\nlicense: mit\n":             "",
		"---\nlicense: \x1b[2J\n---\n":              "",
		"":                                          "",
	} {
		if got := licenseOf(strings.NewReader(card)); got != want {
			t.Errorf("%q: %q, want %q", card, got, want)
		}
	}
}

func TestLiteral(t *testing.T) {
	for _, p := range []string{"a.gguf", "a[1].gguf", "a*b?", "[x]"} {
		match := hfhub.Filter{Include: []string{literal(p)}}.Matcher()
		if !match(p) || match(p+"x") || match("aXb?") || match("a1.gguf") {
			t.Errorf("%q does not match itself alone", p)
		}
	}
}

// TestDanglingUnwanted: what a filter leaves out need not be whole.
func TestDanglingUnwanted(t *testing.T) {
	w := pulled(t, false)
	dangling := filepath.Join(w.cache, "models--ns--model/snapshots", w.commit, "model.safetensors")
	blob, err := filepath.EvalSymlinks(dangling)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(blob); err != nil {
		t.Fatal(err)
	}
	s := Snapshot{Cache: w.cache, Repo: model, Revision: "main"}
	if _, err := OpenRepo(s); !errors.Is(err, store.ErrSource) {
		t.Fatalf("error %v", err)
	}
	s.Filter.Include = []string{"*.json"}
	in, err := OpenRepo(s)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if len(in.Entries) != 1 || len(in.Manifest.Omitted) != 5 || len(in.Warnings) != 0 {
		t.Errorf("entries %v, omitted %v, warnings %q", in.Entries, in.Manifest.Omitted, in.Warnings)
	}
	if l := in.Manifest.Source.License; l != "mit" { // the license of what was left out, too
		t.Errorf("license %q", l)
	}
}
