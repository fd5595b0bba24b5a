package hfhub

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/akadata/bitnet-tool/internal/hubtest"
)

func (w *world) local() *LocalDir {
	w.t.Helper()
	l, err := OpenLocalDir(filepath.Join(filepath.Dir(w.dir), "local"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { l.Close() })
	return l
}

func TestLocalDir(t *testing.T) {
	w := newWorld(t)
	w.files["sub/copy.bin"] = w.files["sub/big.bin"]
	w.repo.Commit("main", w.files)
	l := w.local()
	pull := func(sent bool) *Pulled {
		t.Helper()
		w.hub.Forget()
		p, err := w.pullTo(l)
		if err != nil {
			t.Fatal(err)
		}
		w.compare(p.Path, w.files)
		if got := w.hub.Count("resolve") > 0; got != sent {
			t.Errorf("files were asked for: %v", got)
		}
		return p
	}
	p := pull(true)
	for name, want := range map[string]string{".gitignore": "*", "CACHEDIR.TAG": cacheTag, "trees/" + p.Commit + ".json": `{"format_version":1`} {
		if b, err := os.ReadFile(filepath.Join(p.Path, localBooks, name)); err != nil || !strings.HasPrefix(string(b), want) {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	meta := filepath.Join(p.Path, localBooks, "download/config.json.metadata")
	b, err := os.ReadFile(meta)
	lines := strings.Split(string(b), "\n")
	if err != nil || len(lines) != 4 || lines[0] != p.Commit || !sha1Hex.MatchString(lines[1]) || lines[3] != "" {
		t.Errorf("metadata %q, %v", b, err)
	}
	pull(false)
	t.Run("no metadata", func(t *testing.T) {
		if err := os.Remove(meta); err != nil {
			t.Fatal(err)
		}
		pull(false) // the digest is proof
	})
	t.Run("changed file", func(t *testing.T) {
		name := filepath.Join(p.Path, "config.json")
		if err := os.WriteFile(name, []byte(`{"model_type":"changed"}`)[:len(`{"model_type":"bitnet"}`)], 0o666); err != nil {
			t.Fatal(err)
		}
		later := time.Now().Add(10 * time.Second)
		if err := os.Chtimes(name, later, later); err != nil {
			t.Fatal(err)
		}
		pull(true)
	})
	t.Run("new commit", func(*testing.T) {
		w.files["config.json"] = hubtest.Text("new")
		w.repo.Commit("main", w.files)
		pull(true)
	})
	t.Run("offline", func(t *testing.T) {
		w.o.Offline = true
		if _, err := w.pullTo(l); !errors.Is(err, ErrOffline) {
			t.Errorf("by branch: %v", err)
		}
		if _, err := w.pullTo(l, w.repo.Commit("main", w.files)); err != nil {
			t.Errorf("by commit: %v", err)
		}
	})
	err = filepath.WalkDir(p.Path, func(name string, _ fs.DirEntry, err error) error {
		if strings.Contains(filepath.Base(name), ".bitnet.") {
			t.Errorf("orphan %s", name)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestLocalDirKeepsItsBooks refuses files that would be taken for bookkeeping.
func TestLocalDirKeepsItsBooks(t *testing.T) {
	w := newWorld(t)
	w.files[".cache/HuggingFace/download/config.json.metadata"] = hubtest.Text("x")
	w.repo.Commit("main", w.files)
	if _, err := w.pullTo(w.local()); !errors.Is(err, ErrHostilePath) {
		t.Error(err)
	}
}

// TestLocalDirContainment does not write through a planted link.
func TestLocalDirContainment(t *testing.T) {
	w := newWorld(t)
	l := w.local()
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(l.dir, "sub")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.pullTo(l); err == nil {
		t.Error("the pull wrote through the link")
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) != 0 {
		t.Errorf("outside: %v, %v", left, err)
	}
}

// TestLocalDirFromCache: what the cache has does not come over the network, as
// long as it is right.
func TestLocalDirFromCache(t *testing.T) {
	w := newWorld(t)
	w.mustPull()
	pull := func(dir string) (*Pulled, error) {
		t.Helper()
		l, err := OpenLocalDir(filepath.Join(t.TempDir(), dir))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		l.CopyFrom(w.cache())
		w.hub.Forget()
		return w.pullTo(l)
	}
	good := func(t *testing.T, p *Pulled, err error, asked int) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		w.compare(p.Path, w.files)
		if n := w.hub.Count("resolve"); n != asked {
			t.Errorf("%d files were asked for, not %d", n, asked)
		}
		for _, o := range w.orphans() {
			t.Errorf("orphan %s", o)
		}
	}
	t.Run("online", func(t *testing.T) {
		p, err := pull("a")
		good(t, p, err, 0)
	})
	t.Run("offline by branch", func(t *testing.T) {
		w.o.Offline = true
		defer func() { w.o.Offline = false }()
		p, err := pull("b")
		good(t, p, err, 0)
	})
	blobs, err := filepath.Glob(filepath.Join(w.dir, "*/snapshots/*/config.json"))
	if err != nil || len(blobs) != 1 {
		t.Fatal(blobs, err)
	}
	if err := os.WriteFile(blobs[0], []byte(`{"model_type":"bitnet"]`), 0o666); err != nil {
		t.Fatal(err)
	}
	t.Run("damaged", func(t *testing.T) {
		p, err := pull("c")
		good(t, p, err, 1)
	})
	t.Run("damaged and offline", func(t *testing.T) {
		w.o.Offline = true
		defer func() { w.o.Offline = false }()
		p, err := pull("d")
		if !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
		if _, err := os.Lstat(filepath.Join(p.Path, "config.json")); err == nil {
			t.Error("the wrong file is there")
		}
	})
}
