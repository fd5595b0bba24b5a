package pipeline

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/akadata/bitnet-tool/hfhub"
	"github.com/akadata/bitnet-tool/internal/dirstore"
	"github.com/akadata/bitnet-tool/internal/hubtest"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/store"
)

// TestMendFromHub damages a version of 40 MB in every way, and fetches no more
// than what is missing, in whole blocks.
func TestMendFromHub(t *testing.T) {
	const size, mib = 40_000_000, store.BlockSize
	hub, err := hubtest.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hub.Close() })
	commit := hub.Repo("models", model.ID).Commit("main", map[string]hubtest.File{
		"config.json": hubtest.Text(`{"model_type":"bitnet"}`),
		"w.bin":       hubtest.LFS(hubtest.Random(1, size)),
	})
	client, err := hfhub.New(hfhub.Options{Endpoint: hub.URL})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{hub: hub, client: client, cache: filepath.Join(t.TempDir(), "hub"), commit: commit}
	cache, err := hfhub.OpenCache(w.cache, true)
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	w.pullTo(t, cache)
	in, err := OpenRepo(Snapshot{Cache: w.cache, Repo: model, Revision: "main"})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	s, err := dirstore.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p, err := store.Put(t.Context(), s, in.Ref, in.Origin, in.Manifest, progress.Discard)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, at int64, data []byte) error {
		f, err := os.OpenFile(filepath.Join(p.Dir, name), os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteAt(data, at)
		return errors.Join(err, f.Close())
	}
	for _, tt := range []struct {
		name  string
		spoil func() error
		most  int64 // bytes to fetch
	}{
		{"one bit", func() error { return write("w.bin", 7*mib+3, []byte{0x55}) }, mib},
		{"a MiB of zeros across two blocks", func() error { return write("w.bin", 9*mib+100, make([]byte, mib)) }, 2 * mib},
		{"bits far apart", func() error {
			return errors.Join(write("w.bin", 3, []byte{0x55}), write("w.bin", size-1, []byte{0x55}))
		}, 2 * mib},
		{"cut", func() error { return os.Truncate(filepath.Join(p.Dir, "w.bin"), 20*mib+5) }, size - 20*mib},
		{"missing", func() error { return os.Remove(filepath.Join(p.Dir, "w.bin")) }, size},
		{"a small file", func() error { return write("config.json", 2, []byte("M")) }, 23},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.spoil(); err != nil {
				t.Fatal(err)
			}
			a, err := s.Open(t.Context(), p.Ref)
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			found, err := store.Check(t.Context(), a, nil, progress.Discard)
			if err != nil || len(found) == 0 {
				t.Fatalf("%v, %v", found, err)
			}
			donor, ok := NewHubDonor(client, a.Manifest().Source)
			if !ok {
				t.Fatal("no donor")
			}
			before := hub.Sent()
			r, err := store.Mend(t.Context(), s, a.Info(), found, []store.Donor{donor}, progress.Discard)
			if err != nil || len(r.Files) != 1 || len(r.Notes)+len(r.Lacks) > 0 {
				t.Fatalf("%+v, %v", r, err)
			}
			if sent := hub.Sent() - before; sent > tt.most {
				t.Errorf("%d bytes were fetched, more than %d", sent, tt.most)
			}
			if found, err := store.Check(t.Context(), a, nil, progress.Discard); err != nil || len(found) > 0 {
				t.Errorf("afterwards: %v, %v", found, err)
			}
		})
	}
	t.Run("the Hub has other bytes", func(t *testing.T) {
		if err := write("w.bin", 3, []byte{0x55}); err != nil {
			t.Fatal(err)
		}
		hub.Inject(-1, "cdn", "", hubtest.Fault{Flip: true, FlipAt: 9})
		a, err := s.Open(t.Context(), p.Ref)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		found, err := store.Check(t.Context(), a, nil, progress.Discard)
		if err != nil || len(found) != 1 {
			t.Fatalf("%v, %v", found, err)
		}
		donor, _ := NewHubDonor(client, a.Manifest().Source)
		r, err := store.Mend(t.Context(), s, a.Info(), found, []store.Donor{donor}, progress.Discard)
		if err != nil || len(r.Files) != 0 || len(r.Lacks) != 1 || r.Lacks[0].Bytes != mib || len(r.Notes) != 1 {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// TestNoHubDonor: a manifest may say anything.
func TestNoHubDonor(t *testing.T) {
	good := store.Source{Kind: store.FromHub, Repo: "ns/model", RepoType: "model", Commit: "0123456789012345678901234567890123456789"}
	if _, ok := NewHubDonor(nil, good); !ok {
		t.Error("a good source is refused")
	}
	for name, spoil := range map[string]func(*store.Source){
		"path":   func(s *store.Source) { s.Kind = store.FromPath },
		"repo":   func(s *store.Source) { s.Repo = "../x" },
		"type":   func(s *store.Source) { s.RepoType = "x" },
		"commit": func(s *store.Source) { s.Commit = "main" },
	} {
		s := good
		spoil(&s)
		if _, ok := NewHubDonor(nil, s); ok {
			t.Errorf("%s: %+v is no commit of a repository", name, s)
		}
	}
}
