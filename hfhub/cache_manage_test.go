package hfhub

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/akadata/bitnet-tool/internal/hubtest"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/google/go-cmp/cmp"
)

// TestVerify finds what is wrong with a snapshot.
func TestVerify(t *testing.T) {
	w := newWorld(t)
	p := w.mustPull()
	c := w.cache()
	verify := func() *Report {
		t.Helper()
		rep, err := c.Verify(context.Background(), testRepo, "main", progress.Discard)
		if err != nil {
			t.Fatal(err)
		}
		return rep
	}
	if rep := verify(); rep.Verified != len(w.files) || !rep.Complete || rep.Damage() != nil || len(rep.Findings) != 0 {
		t.Fatalf("good snapshot: %+v", rep)
	}
	blob, err := filepath.EvalSymlinks(filepath.Join(p.Path, "xet.bin"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(blob, make([]byte, 1000), 0o666); err != nil {
		t.Fatal(err)
	}
	config, err := filepath.EvalSymlinks(filepath.Join(p.Path, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{config, filepath.Join(p.Path, "empty")} {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(p.Path, "extra"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	rep := verify()
	got := map[string]Fault{}
	for _, f := range rep.Findings {
		got[f.Path] = f.Fault
	}
	if diff := cmp.Diff(map[string]Fault{"xet.bin": Mismatch, "config.json": Dangling, "empty": Missing, "extra": Extra}, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if !errors.Is(rep.Damage(), ErrDamaged) || rep.Complete {
		t.Errorf("report %+v", rep)
	}
}

// TestManage lists, removes and prunes.
func TestManage(t *testing.T) {
	w := newWorld(t)
	first := w.mustPull()
	old := w.files
	w.files = map[string]hubtest.File{"config.json": old["config.json"], "new": hubtest.Text("new")}
	second := w.repo.Commit("main", w.files)
	w.mustPull()
	c := w.cache()
	list, err := c.List()
	if err != nil || len(list) != 2 {
		t.Fatalf("list: %+v, %v", list, err)
	}
	for _, s := range list {
		if main := len(s.Refs) == 1 && s.Refs[0] == "main"; main != (s.Commit == second) || s.Repo != testRepo {
			t.Errorf("snapshot %+v", s)
		}
	}
	removed, err := c.Remove(testRepo, first.Commit)
	if err != nil || len(removed.Kept) != 1 || removed.Bytes < bigSize {
		t.Fatalf("removed %+v, %v", removed, err)
	}
	w.mustPull()
	w.checkNames()
	if _, err := c.Remove(testRepo, first.Commit); !errors.Is(err, ErrOffline) {
		t.Errorf("removed twice: %v", err)
	}
	if _, err := c.Remove(testRepo, "main"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(w.dir, "models--ns--model")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the repository's folder is still there: %v", w.listing())
	}
}

// TestPrune removes what is ours, old and free.
func TestPrune(t *testing.T) {
	w := newWorld(t)
	w.o.Retries, w.o.Jobs = 1, 1
	w.hub.Inject(3, "cdn", "big", hubtest.Fault{})
	w.hub.Inject(-1, "cdn", "big", hubtest.Fault{Cut: true})
	if _, err := w.pull(); !errors.Is(err, ErrRemote) {
		t.Fatal(err)
	}
	c := w.cache()
	foreign := filepath.Join(w.dir, "models--ns--model/blobs", strings.Repeat("a", 40)+".12345678.incomplete")
	if err := os.WriteFile(foreign, []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	before := len(w.orphans())
	if before == 0 {
		t.Fatal("nothing to prune")
	}
	if r, err := c.Prune(time.Now()); err != nil || len(r.Paths) != 0 {
		t.Fatalf("young files were removed: %+v, %v", r, err)
	}
	tomorrow := time.Now().Add(25 * time.Hour)
	at := cachePlace(c.root, testRepo, bigETag(w))
	l, ok, err := tryLock(c.root, at.lock, lockMode)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if r, err := c.Prune(tomorrow); err != nil || len(r.Paths) != 0 {
		t.Fatalf("locked files were removed: %+v, %v", r, err)
	}
	l.free()
	lock := filepath.Join(w.dir, filepath.FromSlash(at.lock))
	if err := errors.Join(os.Remove(lock), os.Mkdir(lock, 0o777)); err != nil {
		t.Fatal(err)
	}
	if r, err := c.Prune(tomorrow); err != nil || len(r.Paths) != 0 || len(r.Kept) != before {
		t.Fatalf("what cannot be locked: %+v, %v", r, err)
	}
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	// What a killed copy leaves where there are no links, and a killed change of a ref.
	for _, name := range []string{strings.Repeat("b", 64), "ref-" + strings.Repeat("b", 40)} {
		if err := os.WriteFile(filepath.Join(w.dir, ".locks/models--ns--model", name+scratchSuffix), []byte("x"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := c.Prune(tomorrow); err != nil || len(r.Paths) != before+2 || len(w.orphans()) != 0 {
		t.Fatalf("removed %+v, left %q, %v", r, w.orphans(), err)
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Error("a file of another program was removed")
	}
}

func bigETag(w *world) string {
	for _, o := range w.orphans() {
		if strings.HasSuffix(o, partialSuffix) {
			return strings.TrimSuffix(filepath.Base(o), partialSuffix)
		}
	}
	w.t.Fatal("no partial file")
	return ""
}

// A link that leads out of the cache is a finding, and what it leads to is not
// read.
func TestVerifyLinkOutOfTheCache(t *testing.T) {
	w := newWorld(t)
	p := w.mustPull()
	link := filepath.Join(p.Path, "config.json")
	content, err := os.ReadFile(link)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(outside, content, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, link); err != nil {
		t.Fatal(err)
	}
	rep, err := w.cache().Verify(t.Context(), testRepo, "main", progress.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if len(rep.Findings) != 1 || rep.Findings[0].Fault != Dangling || rep.Complete {
		t.Errorf("report %+v", rep)
	}
}
