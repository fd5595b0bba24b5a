package zfsstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/store"
	"github.com/akadata/bitnet-tool/internal/store/storetest"
)

const mib = store.BlockSize

// weights are the content of the files that are damaged, in turn; they lie in
// the pool as they are.
var weights = noise(8 * mib)

// model has one file for each kind of damage.
var model = storetest.Files{
	"bit": part(0, mib+77), "zeros": part(2, 2*mib), "sub/cut": part(4, 2*mib+77), "sub/missing": part(7, 77), "config.json": `{"a":1}`,
}

func part(block, size int) string { return string(weights[block*mib : block*mib+size]) }

// memory is a donor of a model's files, and counts what it gave of each.
type memory map[string]int64

func (m memory) Blocks(_ context.Context, f store.File, blocks []int64, take store.Take) error {
	if f.Path == "config.json" {
		return errors.New("has only the weights")
	}
	for _, b := range blocks {
		data := []byte(model[f.Path][b*mib : min((b+1)*mib, f.Size)])
		m[f.Path] += int64(len(data))
		if _, err := take(b, data); err != nil {
			return err
		}
	}
	return nil
}

// check lists what is damaged in a version.
func check(t *testing.T, s *Store, ref store.Ref) (info store.Info, found []store.Damage) {
	t.Helper()
	a, err := s.Open(t.Context(), ref)
	must(t, err)
	defer a.Close()
	found, err = store.Check(t.Context(), a, nil, progress.Discard)
	must(t, err)
	return a.Info(), found
}

// mend repairs a version that must be damaged.
func mend(t *testing.T, s *Store, ref store.Ref, donors ...store.Donor) (store.Repair, error) {
	t.Helper()
	info, found := check(t, s, ref)
	if len(found) == 0 {
		t.Fatal("nothing is damaged")
	}
	return store.Mend(t.Context(), s, info, found, donors, progress.Discard)
}

// written changes files of a version as somebody who does not know better.
func written(t *testing.T, dataset string, change func(dir string) error) {
	t.Helper()
	command(t, "zfs", "set", "readonly=off", dataset)
	must(t, change(zfsGet(t, "mountpoint", dataset)))
	command(t, "zfs", "set", "readonly=on", dataset)
}

func cut(dir string) error { return os.Truncate(filepath.Join(dir, "sub/cut"), mib+100) }

// onDisk changes a part of a model wherever it lies in a pool's file.
func onDisk(t *testing.T, vdev, part string, change func([]byte)) {
	t.Helper()
	raw, err := os.ReadFile(vdev)
	must(t, err)
	f, err := os.OpenFile(vdev, os.O_WRONLY, 0)
	must(t, err)
	defer f.Close()
	found := false
	for at := 0; ; at += len(part) {
		i := bytes.Index(raw[at:], []byte(part))
		if i < 0 {
			break
		}
		at, found = at+i, true
		change(raw[at : at+len(part)])
		_, err := f.WriteAt(raw[at:at+len(part)], int64(at))
		must(t, err)
	}
	if !found {
		t.Fatal("the file's content is not in the pool as it is")
	}
}

// TestMend damages and repairs a version that is not the current one. Its parts
// share a pool, since each takes many commands.
func TestMend(t *testing.T) {
	p := newPool(t, 128<<20)
	s := p.store(t, "models")
	storetest.Put(t, s, v1, model)
	storetest.Put(t, s, v2, other)
	t.Run("all at once", func(t *testing.T) { testMend(t, p, s) })
	written(t, s.versionDataset(v1), cut)
	t.Run("refused", func(t *testing.T) { testMendRefused(t, s) })
	t.Run("command fails", func(t *testing.T) { testMendCommandFails(t, s) })
	t.Run("removed meanwhile", func(t *testing.T) {
		info, _ := check(t, s, v1)
		m, err := s.Mend(t.Context(), v1, 0)
		must(t, err)
		for name, content := range model {
			must(t, errors.Join(m.Root().MkdirAll("sub", 0o755), m.Root().WriteFile(name, []byte(content), 0o644)))
		}
		must(t, s.Remove(t.Context(), v1))
		wantError(t, m.Swap(t.Context(), info.Manifest.Files), store.ErrNotFound)
		must(t, m.Abort())
		if n := len(storetest.Sound(t, s)); n != 1 {
			t.Errorf("%d versions", n)
		}
	})
}

// testMend damages a version in every way, repairs it, and has the pool read
// all it holds.
func testMend(t *testing.T, p pool, s *Store) {
	p.reopen(t, func(vdev string) {
		onDisk(t, vdev, model["bit"][40960:45056], func(b []byte) { b[9] ^= 4 })
		onDisk(t, vdev, model["zeros"][mib:], func(b []byte) { clear(b) })
	})
	written(t, s.versionDataset(v1), func(dir string) error {
		return errors.Join(cut(dir), os.Remove(filepath.Join(dir, "sub/missing")))
	})
	donor := memory{}
	r, err := mend(t, s, v1, donor)
	if err != nil || len(r.Notes)+len(r.Lacks) > 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	if diff := cmp.Diff([]string{"bit", "sub/cut", "sub/missing", "zeros"}, r.Files); diff != "" {
		t.Error(diff)
	}
	// What was missing, in whole blocks.
	if diff := cmp.Diff(memory{"bit": mib, "zeros": mib, "sub/cut": mib + 77, "sub/missing": 77}, donor); diff != "" {
		t.Errorf("bytes that were taken: %s", diff)
	}
	wantMended(t, s)
	command(t, "zpool", "scrub", "-w", p.name)
	if status := command(t, "zpool", "status", "-v", p.name); !strings.Contains(status, "with 0 errors") || !strings.Contains(status, "No known data errors") {
		t.Errorf("after a scrub:\n%s", status)
	}
}

// wantMended makes sure that the store holds both versions as they were, and
// nothing else.
func wantMended(t *testing.T, s *Store) {
	t.Helper()
	if n := len(storetest.Sound(t, s)); n != 2 {
		t.Errorf("the store holds %d versions", n)
	}
	if left := staging(t, s); len(left) > 0 {
		t.Errorf("left: %+v", left)
	}
	if current, err := s.Current(t.Context(), "model"); err != nil || current != v2 {
		t.Errorf("current is %v, %v", current, err)
	}
	info, _ := check(t, s, v1)
	const properties, values = "readonly,canmount,mounted," + propState + "," + propPublish, "on,on,yes,complete,-"
	if got := strings.Join(strings.Fields(zfsGet(t, properties, s.versionDataset(v1))), ","); got != values {
		t.Errorf("%s are %s, want %s", properties, got, values)
	}
	if got := zfsGet(t, propDigest, info.Snapshot); got != string(info.Manifest.Digest) {
		t.Errorf("the snapshot's digest is %s", got)
	}
	if holds := command(t, "zfs", "holds", "-H", info.Snapshot); !strings.Contains(holds, "\tbitnet-tool\t") {
		t.Errorf("holds: %q", holds)
	}
}

// testMendRefused: where a repair cannot be done, the version stays as it is.
func testMendRefused(t *testing.T, s *Store) {
	dataset := s.versionDataset(v1)
	impatient := open(t, s.dataset)
	impatient.busyWait = 300 * time.Millisecond
	refused := func(t *testing.T, kind error, says string) (donor memory) {
		t.Helper()
		donor = memory{}
		_, err := mend(t, impatient, v1, donor)
		wantError(t, err, kind, says)
		if left := staging(t, s); len(left) > 0 {
			t.Errorf("left: %+v", left)
		}
		if _, found := check(t, s, v1); len(found) != 1 {
			t.Errorf("found %+v", found)
		}
		return donor
	}
	t.Run("no space", func(t *testing.T) {
		command(t, "zfs", "set", "quota="+zfsGet(t, "used", s.dataset), s.dataset)
		if donor := refused(t, store.ErrSpace, "bytes are needed"); len(donor) > 0 {
			t.Errorf("bytes were fetched all the same: %v", donor)
		}
		command(t, "zfs", "set", "quota=none", s.dataset)
	})
	t.Run("snapshot", func(t *testing.T) {
		command(t, "zfs", "snapshot", dataset+"@monday")
		refused(t, store.ErrProtected, dataset+"@monday")
		command(t, "zfs", "destroy", dataset+"@monday")
	})
	t.Run("busy", func(t *testing.T) {
		busy, err := os.Open(filepath.Join(zfsGet(t, "mountpoint", dataset), "config.json"))
		must(t, err)
		defer busy.Close()
		refused(t, store.ErrLocked, "busy")
	})
	t.Run("a file of somebody else", func(t *testing.T) {
		written(t, dataset, func(dir string) error { return os.WriteFile(filepath.Join(dir, "sub/notes"), nil, 0o644) })
		_, err := mend(t, s, v1, memory{})
		wantError(t, err, store.ErrProtected, "sub/notes")
		written(t, dataset, func(dir string) error { return os.Remove(filepath.Join(dir, "sub/notes")) })
	})
}

// testMendCommandFails has one command of a swap fail: then the damaged version
// is there again, or the next change of the store finishes the repair.
func testMendCommandFails(t *testing.T, s *Store) {
	zfs, err := exec.LookPath("zfs")
	must(t, err)
	for _, tt := range []struct {
		name, pattern string // of the shell, for the arguments
		times         int
		mended        bool
	}{
		{"second renaming", "rename -u */_incoming/* */model/v1", 1, false},
		{"second renaming, and the way back", "rename -u */_incoming/* */model/v1", 2, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			script := fmt.Sprintf(`#!/bin/sh
case "$*" in %s)
	echo x >>%s/count
	[ $(wc -l <%s/count) -gt %d ] || { echo "cannot do it: I/O error" >&2; exit 1; } ;;
esac
exec %s "$@"
`, strings.ReplaceAll(tt.pattern, " ", `\ `), dir, dir, tt.times, zfs)
			must(t, os.WriteFile(filepath.Join(dir, "zfs"), []byte(script), 0o755))
			t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
			broken := open(t, s.dataset)
			_, err := mend(t, broken, v1, memory{})
			wantError(t, err, store.ErrUnavailable, "I/O error")
			t.Setenv("PATH", filepath.Dir(zfs)+":"+os.Getenv("PATH"))
			must(t, s.Clean(t.Context()))
			if tt.mended {
				wantMended(t, s)
				return
			}
			if _, found := check(t, s, v1); len(found) != 1 || len(staging(t, s)) > 0 {
				t.Errorf("found %+v; left: %+v", found, staging(t, s))
			}
		})
	}
}
