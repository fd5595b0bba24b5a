package zfsstore

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/store"
	"github.com/akadata/bitnet-tool/internal/store/storetest"
)

var (
	v1    = store.Ref{Name: "model", Version: "v1"}
	v2    = store.Ref{Name: "model", Version: "v2"}
	files = storetest.Files{"config.json": `{"a":1}`, "sub/LICENSE": "MIT"}
	other = storetest.Files{"config.json": `{"a":2}`}
)

// wantError checks the kind of an error and that its text helps.
func wantError(t *testing.T, err, want error, says ...string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
	for _, text := range says {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, s *Store, ref store.Ref, f storetest.Files) error {
	t.Helper()
	_, err := store.Put(t.Context(), s, ref, storetest.Source(t, f), storetest.Manifest(), progress.Discard)
	return err
}

// TestVersion looks at what a version is to ZFS.
func TestVersion(t *testing.T) {
	p := newPool(t, 256<<20)
	s := p.store(t, "models")
	published := storetest.Put(t, s, v1, files)
	dataset := p.name + "/models/model/v1"
	want := map[string]string{
		"recordsize": "1048576", "compression": "zstd", "atime": "off", "xattr": "sa", "primarycache": "all",
		"sync": "standard", "dedup": "off", "redundant_metadata": "all", "checksum": "on",
		"readonly": "on", "canmount": "on", "mounted": "yes", "bitnet-tool:state": "complete", "bitnet-tool:publish": "-",
	}
	for property, value := range want {
		if got := zfsGet(t, property, dataset); got != value && !sameValue(property, got) {
			t.Errorf("%s=%s, want %s", property, got, value)
		}
	}
	snapshot := dataset + "@bitnet-tool"
	if published.Snapshot != snapshot || published.Dir != zfsGet(t, "mountpoint", dataset) {
		t.Errorf("published %+v", published.Info)
	}
	if got := zfsGet(t, propDigest, snapshot); got != string(published.Digest) {
		t.Errorf("the snapshot's digest is %s, want %s", got, published.Digest)
	}
	if holds := command(t, "zfs", "holds", "-H", snapshot); !strings.Contains(holds, "\tbitnet-tool\t") {
		t.Errorf("holds: %q", holds)
	}
	if got := zfsGet(t, propCurrent, p.name+"/models/model"); got != "v1" {
		t.Errorf("current is %s", got)
	}
	if err := os.WriteFile(filepath.Join(published.Dir, "config.json"), nil, 0o644); err == nil {
		t.Error("a version can be written to")
	}
	inSnapshot, err := os.ReadFile(filepath.Join(published.Dir, ".zfs/snapshot/bitnet-tool/config.json"))
	if err != nil || string(inSnapshot) != files["config.json"] {
		t.Errorf("in the snapshot: %q, %v", inSnapshot, err)
	}
	warnings, err := s.Warnings(t.Context())
	if err != nil || len(warnings) != 0 {
		t.Errorf("warnings of a store of our own: %q, %v", warnings, err)
	}
}

// TestForeignDataset stores into a dataset that an administrator made, with
// properties of his own.
func TestForeignDataset(t *testing.T) {
	p := newPool(t, 256<<20)
	dataset := p.name + "/theirs"
	command(t, "zfs", "create", "-o", "recordsize=128K", "-o", "compression=off", "-o", "com.example:x=1", dataset)
	before := command(t, "zfs", "get", "-Hp", "-s", "local", "-o", "property,value", "all", dataset)
	s := open(t, dataset)
	storetest.Put(t, s, v1, files)
	if after := command(t, "zfs", "get", "-Hp", "-s", "local", "-o", "property,value", "all", dataset); after != before {
		t.Errorf("local properties were\n%s\nand are\n%s", before, after)
	}
	warnings, err := s.Warnings(t.Context())
	must(t, err)
	if text := strings.Join(warnings, "\n"); !strings.Contains(text, "not made by bitnet-tool") || !strings.Contains(text, "compression=off") || !strings.Contains(text, "recordsize=131072") {
		t.Errorf("warnings %q", text)
	}
	if got := zfsGet(t, "recordsize", dataset+"/model/v1"); got != "1048576" {
		t.Errorf("the version has recordsize=%s", got)
	}
}

// TestProtected has an administrator put things beside and into versions: the
// store refuses to remove those versions, names the reason, and all stays.
func TestProtected(t *testing.T) {
	p := newPool(t, 256<<20)
	s := p.store(t, "models")
	root := p.name + "/models"
	storetest.Put(t, s, v1, files)
	storetest.Put(t, s, v2, other)
	version := root + "/model/v1"
	for _, tt := range []struct {
		name    string
		make    []string
		undo    []string
		dataset string // that must stay
	}{
		{"snapshot", []string{"snapshot", version + "@monday"}, []string{"destroy", version + "@monday"}, version + "@monday"},
		{"bookmark", []string{"bookmark", version + "@bitnet-tool", version + "#mark"}, []string{"destroy", version + "#mark"}, version + "#mark"},
		{"child", []string{"create", "-o", "mountpoint=none", version + "/notes"}, []string{"destroy", version + "/notes"}, version + "/notes"},
		{"clone", []string{"clone", version + "@bitnet-tool", root + "/copy"}, []string{"destroy", root + "/copy"}, root + "/copy"},
		{"hold", []string{"hold", "backup", version + "@bitnet-tool"}, []string{"release", "backup", version + "@bitnet-tool"}, version + "@bitnet-tool"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			command(t, "zfs", tt.make...)
			name := tt.dataset
			if tt.name == "hold" {
				name = "backup"
			}
			wantError(t, s.Remove(t.Context(), v1), store.ErrProtected, name)
			if !strings.Contains(command(t, "zfs", "list", "-H", "-t", "all", "-r", "-o", "name", root), tt.dataset) {
				t.Fatalf("%s is gone", tt.dataset)
			}
			if got := len(storetest.Sound(t, s)); got != 2 {
				t.Errorf("%d versions are left", got)
			}
			command(t, "zfs", tt.undo...)
		})
	}
	t.Run("no hold", func(t *testing.T) {
		command(t, "zfs", "release", "bitnet-tool", version+"@bitnet-tool")
		wantError(t, s.Remove(t.Context(), v1), store.ErrProtected, version)
		command(t, "zfs", "hold", "bitnet-tool", version+"@bitnet-tool")
	})
	must(t, s.Remove(t.Context(), v1))
	if exists(version) {
		t.Error("the version is still there")
	}
}

// TestForeignInStore cleans a store in which an administrator keeps things of
// his own: where staging areas are, under the names of models, and inside a
// staging area that a dead process left.
func TestForeignInStore(t *testing.T) {
	p := newPool(t, 256<<20)
	s := p.store(t, "models")
	root := p.name + "/models"
	storetest.Put(t, s, v1, files)
	tx, err := s.Begin(t.Context(), v2, 0)
	must(t, err)
	staging := tx.(interface{ Root() *os.Root }).Root().Name()
	dead := root + "/_incoming/" + filepath.Base(staging)
	command(t, "zfs", "snapshot", dead+"@hourly")
	closeOf(tx)

	keep := []string{root + "/_incoming/theirs", root + "/model/theirs", root + "/theirs", root + "/theirs/v1", root + "/model/v1/child", root + "/model/v1@monday", dead + "@hourly"}
	for _, name := range keep[:5] {
		command(t, "zfs", "create", "-o", "mountpoint=none", name)
	}
	command(t, "zfs", "snapshot", keep[5])

	wantError(t, s.Clean(t.Context()), store.ErrProtected, dead+"@hourly")
	storetest.Put(t, s, v2, other) // goes on nevertheless
	for _, name := range keep {
		if !exists(name) {
			t.Errorf("%s is gone", name)
		}
	}
	var got []string
	for _, i := range storetest.Sound(t, s) {
		got = append(got, i.Ref.String())
	}
	if want := []string{"model@v1", "model@v2"}; !slices.Equal(got, want) {
		t.Errorf("the store holds %q, want %q", got, want)
	}
	wantError(t, s.Remove(t.Context(), store.Ref{Name: "model", Version: "theirs"}), store.ErrNotFound)
	wantError(t, put(t, s, store.Ref{Name: "theirs", Version: "v2"}, files), store.ErrConflict, root+"/theirs")
	if got := zfsGet(t, propCurrent, root+"/theirs"); got != "-" {
		t.Errorf("%s=%s was set on %s/theirs", propCurrent, got, root)
	}
}

// closeOf ends a transaction as the death of its process would.
func closeOf(x store.Tx) { x.(*tx).close() }

func TestUnmounted(t *testing.T) {
	p := newPool(t, 256<<20)
	s := p.store(t, "models")
	storetest.Put(t, s, v1, files)
	dataset := p.name + "/models/model/v1"
	command(t, "zfs", "unmount", dataset)
	_, err := s.Open(t.Context(), v1)
	wantError(t, err, store.ErrUnavailable, "zfs mount "+dataset)
	must(t, s.Clean(t.Context()))
	storetest.Sound(t, s)

	command(t, "zfs", "set", "mountpoint=none", p.name+"/models")
	_, err = s.Begin(t.Context(), v2, 0)
	wantError(t, err, store.ErrUnavailable, "mountpoint=none")
}

func TestReadOnly(t *testing.T) {
	p := newPool(t, 256<<20)
	s := p.store(t, "models")
	storetest.Put(t, s, v1, files)

	command(t, "zfs", "set", "readonly=on", p.name+"/models")
	wantError(t, put(t, s, v2, other), store.ErrUnavailable, "readonly=on")
	command(t, "zfs", "inherit", "readonly", p.name+"/models")

	p.reopen(t, nil, "-o", "readonly=on")
	wantError(t, put(t, s, v2, other), store.ErrUnavailable)
	wantError(t, s.Remove(t.Context(), v1), store.ErrUnavailable)
	if n := len(storetest.Sound(t, s)); n != 1 {
		t.Errorf("a read-only pool shows %d versions", n)
	}
	p.reopen(t, nil)
}

// TestFullPool fills a pool, not a quota, while a version is written.
func TestFullPool(t *testing.T) {
	const size, more = 64 << 20, 65 << 20
	p := newPool(t, size)
	s := p.store(t, "models")
	storetest.Put(t, s, v1, files)
	wantError(t, put(t, s, v2, storetest.Files{"big": strings.Repeat("x", more)}), store.ErrSpace, "zfs list -o space")

	x, err := s.Begin(t.Context(), v2, 0)
	must(t, err)
	err = x.Root().WriteFile("big", noise(more), 0o644)
	if err == nil {
		t.Fatal("65 MiB were written into a pool of 64")
	}
	must(t, x.Abort())
	if n := len(storetest.Sound(t, s)); n != 1 {
		t.Errorf("%d versions", n)
	}
	command(t, "zpool", "sync", p.name)
	storetest.Put(t, s, v2, other)
}

// noise is data that does not compress, the same for every call.
func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	r.Read(b)
	return b
}

// TestBusy has another process use the staging area when it is to be
// published.
func TestBusy(t *testing.T) {
	p := newPool(t, 256<<20)
	s := p.store(t, "models")
	s.busyWait = 300 * time.Millisecond
	x, err := s.Begin(t.Context(), v1, 0)
	must(t, err)
	m := storetest.Manifest()
	m.Files, err = store.Copy(t.Context(), x.Root(), storetest.Source(t, files), progress.Discard)
	must(t, err)
	dir := x.Root().Name()
	busy, err := os.Open(filepath.Join(dir, "config.json"))
	must(t, err)
	t.Cleanup(func() { busy.Close() })
	_, err = x.Commit(t.Context(), m)
	wantError(t, err, store.ErrLocked, "busy")
	if n := len(storetest.Sound(t, s)); n != 0 {
		t.Errorf("%d versions", n)
	}

	// It is waited for, if it takes no longer than that.
	time.AfterFunc(time.Second, func() { busy.Close() })
	s.busyWait = 20 * time.Second
	must(t, s.Clean(t.Context()))
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there: %v", dir, err)
	}
}

func TestLocked(t *testing.T) {
	p := newPool(t, 256<<20)
	s := p.store(t, "models")
	storetest.Put(t, s, v1, files)
	_, unlock, err := s.change(t.Context())
	must(t, err)
	waiting := open(t, s.dataset)
	waiting.lockWait = 300 * time.Millisecond
	wantError(t, put(t, waiting, v2, other), store.ErrLocked)
	wantError(t, waiting.Remove(t.Context(), v1), store.ErrLocked)
	_, err = waiting.Use(t.Context(), v1)
	wantError(t, err, store.ErrLocked)
	if n := len(storetest.Sound(t, waiting)); n != 1 {
		t.Errorf("a locked store shows %d versions", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	waiting.lockWait = time.Hour
	wantError(t, waiting.Remove(ctx, v1), context.Canceled)
	unlock()
	must(t, waiting.Remove(t.Context(), v1))
}
