package hfhub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/akadata/bitnet-tool/internal/hubtest"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/google/go-cmp/cmp"
)

const (
	testToken = "hf_TestTokenThatMustNotLeak"
	testBlock = 64 << 10
)

var testRepo = Repo{Model, "ns/model"}

// world is a fake Hub with one repository, and a cache to pull it to.
type world struct {
	t     *testing.T
	hub   *hubtest.Hub
	repo  *hubtest.Repo
	files map[string]hubtest.File
	dir   string // cache
	o     Options

	mu   sync.Mutex
	said strings.Builder // everything that was printed, logged or returned as an error
}

// bigSize makes eight blocks, the last of them not whole.
const bigSize = 7*testBlock + 1234

func newWorld(t *testing.T) *world {
	t.Helper()
	hub, err := hubtest.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hub.Close() })
	w := &world{t: t, hub: hub, dir: filepath.Join(t.TempDir(), "hub")}
	w.repo = hub.Repo("models", testRepo.ID)
	w.files = map[string]hubtest.File{
		"config.json":      hubtest.Text(`{"model_type":"bitnet"}`),
		"empty":            hubtest.Text(""),
		"sub/deep/a #1.md": hubtest.Text("# notes\n"),
		"sub/big.bin":      hubtest.LFS(hubtest.Random(1, bigSize)),
		"xet.bin":          {Content: hubtest.Random(2, 1000), LFS: true, Xet: true},
	}
	w.repo.Commit("main", w.files)
	hub.AddToken(testToken, "me")
	w.o = Options{
		Endpoint: hub.URL, Token: testToken, Backoff: time.Millisecond, Jobs: 4,
		MetadataTimeout: 10 * time.Second, DownloadTimeout: 2 * time.Second,
		Notify:  func(s string) { w.say(s) },
		Observe: func(x Exchange) { w.say(fmt.Sprintf("%+v", x)) },
	}
	t.Cleanup(w.checkSecrets)
	return w
}

func (w *world) say(s string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said.WriteString(s + "\n")
}

func (w *world) client() *Client {
	w.t.Helper()
	c, err := New(w.o)
	if err != nil {
		w.t.Fatal(err)
	}
	c.block = testBlock
	return c
}

func (w *world) cache() *Cache {
	w.t.Helper()
	c, err := OpenCache(w.dir, true)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	return c
}

// pull pulls main, or the revision given.
func (w *world) pull(rev ...string) (*Pulled, error) {
	return w.pullTo(w.cache(), rev...)
}

func (w *world) pullTo(t Target, rev ...string) (*Pulled, error) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	p, err := w.client().Pull(ctx, t, Request{Repo: testRepo, Revision: strings.Join(rev, "")}, progress.Discard)
	if err != nil {
		w.say(err.Error())
	}
	return p, err
}

// mustPull pulls, and compares all bytes with those of the Hub.
func (w *world) mustPull(rev ...string) *Pulled {
	w.t.Helper()
	p, err := w.pull(rev...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.compare(p.Path, w.files)
	return p
}

// compare compares a folder with files of the Hub.
func (w *world) compare(dir string, files map[string]hubtest.File) {
	w.t.Helper()
	var got []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, p)
		if strings.HasPrefix(rel, ".cache") {
			return nil
		}
		if err == nil && !d.IsDir() {
			got = append(got, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(files)), got); diff != "" {
		w.t.Fatalf("files (-Hub +here):\n%s", diff)
	}
	for name, f := range files {
		want, err := io.ReadAll(io.NewSectionReader(f.Content, 0, f.Content.Size()))
		if err != nil {
			w.t.Fatal(err)
		}
		here, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil || !bytes.Equal(want, here) {
			w.t.Fatalf("%s: %d bytes, want %d, equal: %v, %v", name, len(here), len(want), bytes.Equal(want, here), err)
		}
	}
}

// checkNames fails if anything wrong has a final name: every blob must be what
// it is called, every entry of a snapshot must lead to a blob.
func (w *world) checkNames() {
	w.t.Helper()
	err := filepath.WalkDir(w.dir, func(p string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && p == w.dir {
			return fs.SkipAll
		}
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(w.dir, p)
		parts := strings.Split(filepath.ToSlash(rel), "/")
		switch {
		case len(parts) > 2 && parts[1] == "snapshots":
			if _, err := os.Stat(p); err != nil {
				w.t.Errorf("entry %s: %v", rel, err)
			}
		case len(parts) == 3 && parts[1] == "blobs" && !strings.HasSuffix(p, ".incomplete"):
			b, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			h := newHash(parts[2], int64(len(b)))
			h.Write(b)
			if sum(h) != parts[2] {
				w.t.Errorf("blob %s has other content", rel)
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// orphans lists our passing files in the cache.
func (w *world) orphans() []string {
	var out []string
	_ = filepath.WalkDir(w.dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && strings.Contains(d.Name(), ".bitnet") {
			out = append(out, p)
		}
		return nil
	})
	return out
}

// checkSecrets fails if the token left the Hub's origin, or if it or a signed
// URL was shown.
func (w *world) checkSecrets() {
	for _, r := range w.hub.Records() {
		if r.Server != "cdn" {
			continue
		}
		for name, values := range r.Header {
			if name == "Authorization" || name == "Cookie" || strings.Contains(strings.Join(values, " "), testToken) {
				w.t.Errorf("the CDN got the header %s", name)
			}
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, secret := range []string{testToken, w.hub.Secret(), "X-Amz"} {
		if strings.Contains(w.said.String(), secret) {
			w.t.Errorf("%q was shown:\n%s", secret, w.said.String())
		}
	}
	_ = filepath.WalkDir(w.dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		if b, err := os.ReadFile(p); err == nil && (bytes.Contains(b, []byte(testToken)) || bytes.Contains(b, []byte(w.hub.Secret()))) {
			w.t.Errorf("%s holds a secret", p)
		}
		return nil
	})
}
