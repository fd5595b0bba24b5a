package store_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/internal/dirstore"
	"github.com/akadata/bitnet-tool/internal/hubtest"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/store"
	"github.com/google/go-cmp/cmp"
)

const mib = store.BlockSize

var ref = store.Ref{Name: "m", Version: "v"}

// weights are the content of the file that is damaged.
func weights() []byte {
	b := make([]byte, 5*mib+77)
	hubtest.Random(3, int64(len(b))).ReadAt(b, 0)
	return b
}

func newStore(t *testing.T) store.Store {
	t.Helper()
	s, err := dirstore.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t *testing.T, s store.Store, ref store.Ref, files map[string][]byte) {
	t.Helper()
	tx, err := s.Begin(t.Context(), ref, 0)
	if err != nil {
		t.Fatal(err)
	}
	m := &store.Manifest{Tool: "test"}
	for name, data := range files {
		err = errors.Join(err, tx.Root().MkdirAll(filepath.Dir(name), 0o755), tx.Root().WriteFile(name, data, 0o644))
	}
	if err == nil {
		m.Files, err = store.Describe(t.Context(), tx.Root(), progress.Discard)
	}
	if err == nil {
		_, err = tx.Commit(t.Context(), m)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// memory is a donor that has a file, and counts what it gave.
type memory struct {
	data []byte
	gave int64
	err  error
}

func (m *memory) Blocks(_ context.Context, _ store.File, blocks []int64, take store.Take) error {
	for _, b := range blocks {
		d := m.data[b*mib : min((b+1)*mib, int64(len(m.data)))]
		m.gave += int64(len(d))
		if _, err := take(b, d); err != nil {
			return err
		}
	}
	return m.err
}

func TestMend(t *testing.T) {
	flip := func(b []byte) []byte { b = bytes.Clone(b); b[3*mib+9] ^= 1; return b }
	write := func(b []byte) func(string) error {
		return func(dir string) error { return os.WriteFile(filepath.Join(dir, "sub/w.bin"), b, 0o644) }
	}
	w := weights()
	zeroed := bytes.Clone(w)
	clear(zeroed[mib : 2*mib])
	all := int64(len(w))
	for name, tt := range map[string]struct {
		spoil func(dir string) error
		gave  int64
	}{
		"sound":          {func(string) error { return nil }, 0},
		"one bit":        {write(flip(w)), mib},
		"last byte":      {write(append(bytes.Clone(w[:all-1]), w[all-1]^1)), 77},
		"a MiB of zeros": {write(zeroed), mib},
		"cut":            {write(w[:3*mib+100]), 2*mib + 77},
		"longer":         {write(append(bytes.Clone(w), 1, 2, 3)), 0},
		"empty":          {write(nil), all},
		"missing":        {func(dir string) error { return os.Remove(filepath.Join(dir, "sub/w.bin")) }, all},
		"folder missing": {func(dir string) error { return os.RemoveAll(filepath.Join(dir, "sub")) }, all},
		"link": {func(dir string) error {
			return errors.Join(os.Rename(filepath.Join(dir, "sub/w.bin"), filepath.Join(dir, "../../elsewhere")),
				os.Symlink("../../../elsewhere", filepath.Join(dir, "sub/w.bin")))
		}, all},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			put(t, s, ref, map[string][]byte{"a": []byte("a"), "sub/w.bin": w, "empty": nil})
			a, err := s.Open(t.Context(), ref)
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			if err := tt.spoil(a.Dir()); err != nil {
				t.Fatal(err)
			}
			found, err := store.Check(t.Context(), a, nil, progress.Discard)
			if err != nil || (len(found) > 0) != (name != "sound") {
				t.Fatalf("%v, %v", found, err)
			}
			wrong, right := &memory{data: bytes.Repeat([]byte("x"), len(w)), err: errors.New("went away")}, &memory{data: w}
			r, err := store.Mend(t.Context(), s, a.Info(), found, []store.Donor{wrong, right}, progress.Discard)
			if err != nil {
				t.Fatal(err)
			}
			want := []string{"sub/w.bin"}
			if name == "sound" {
				want = nil
			}
			if diff := cmp.Diff(want, r.Files); diff != "" || len(r.Lacks) > 0 || right.gave != tt.gave {
				t.Errorf("%s, %v; %d bytes were given, not %d", diff, r.Lacks, right.gave, tt.gave)
			}
			if tt.gave > 0 && (len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "went away")) {
				t.Errorf("notes: %q", r.Notes)
			}
			if found, err := store.Check(t.Context(), a, nil, progress.Discard); err != nil || len(found) > 0 {
				t.Errorf("afterwards: %v, %v", found, err)
			}
			if left, _ := os.ReadDir(filepath.Join(a.Dir(), "../../.bitnet-tool/incoming")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// TestMendBehindLink: a folder that has become a link is not written through.
func TestMendBehindLink(t *testing.T) {
	s, w := newStore(t), weights()
	put(t, s, ref, map[string][]byte{"sub/w.bin": w})
	put(t, s, store.Ref{Name: "other", Version: "v"}, map[string][]byte{"w.bin": []byte("theirs")})
	a, err := s.Open(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	sub := filepath.Join(a.Dir(), "sub")
	if err := errors.Join(os.RemoveAll(sub), os.Symlink("../../other/v", sub)); err != nil {
		t.Fatal(err)
	}
	found, err := store.Check(t.Context(), a, nil, progress.Discard)
	if err != nil || len(found) == 0 {
		t.Fatalf("%v, %v", found, err)
	}
	_, err = store.Mend(t.Context(), s, a.Info(), found, []store.Donor{&memory{data: w}}, progress.Discard)
	if !errors.Is(err, store.ErrDamaged) {
		t.Errorf("%v", err)
	}
	if got, _ := os.ReadFile(filepath.Join(a.Dir(), "../../other/v/w.bin")); string(got) != "theirs" {
		t.Errorf("the other version has %.20q", got)
	}
}

// TestMendLacks: what nobody has stays as it is, and the rest is repaired.
func TestMendLacks(t *testing.T) {
	s, w := newStore(t), weights()
	put(t, s, ref, map[string][]byte{"a.bin": w, "b": []byte("b")})
	a, err := s.Open(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	cut := w[:4*mib]
	for name, data := range map[string][]byte{"a.bin": cut, "b": []byte("x"), "mine": []byte("mine")} {
		if err := os.WriteFile(filepath.Join(a.Dir(), name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	found, err := store.Check(t.Context(), a, nil, progress.Discard)
	if err != nil {
		t.Fatal(err)
	}
	short := donorFunc(func(f store.File, take store.Take) error {
		if f.Path == "b" {
			_, err := take(0, []byte("b"))
			return err
		}
		return nil
	})
	r, err := store.Mend(t.Context(), s, a.Info(), found, []store.Donor{short}, progress.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(store.Repair{Files: []string{"b"}, Lacks: []store.Lack{{File: "a.bin", Bytes: mib + 77}}}, r); diff != "" {
		t.Error(diff)
	}
	if got, _ := os.ReadFile(filepath.Join(a.Dir(), "a.bin")); !bytes.Equal(got, cut) {
		t.Error("what could not be repaired was changed")
	}
	if got, _ := os.ReadFile(filepath.Join(a.Dir(), "mine")); string(got) != "mine" {
		t.Error("a file that is not ours was changed")
	}
}

type donorFunc func(store.File, store.Take) error

func (d donorFunc) Blocks(_ context.Context, f store.File, _ []int64, take store.Take) error {
	return d(f, take)
}

// TestVersions repairs from another store, where the content is part of a
// file of another name.
func TestVersions(t *testing.T) {
	s, other, w := newStore(t), newStore(t), weights()
	put(t, s, ref, map[string][]byte{"w.bin": w})
	put(t, other, store.Ref{Name: "x", Version: "y"}, map[string][]byte{"moved": append(bytes.Repeat([]byte("m"), 2*mib), w...)})
	a, err := s.Open(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := os.Remove(filepath.Join(a.Dir(), "w.bin")); err != nil {
		t.Fatal(err)
	}
	found, err := store.Check(t.Context(), a, nil, progress.Discard)
	if err != nil {
		t.Fatal(err)
	}
	r, err := store.Mend(t.Context(), s, a.Info(), found, []store.Donor{store.Versions{Store: s}}, progress.Discard)
	if err != nil || len(r.Files) > 0 {
		t.Errorf("from itself: %+v, %v", r, err)
	}
	r, err = store.Mend(t.Context(), s, a.Info(), found, []store.Donor{store.Versions{Store: other}}, progress.Discard)
	if err != nil || len(r.Files) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	in, err := os.Open(filepath.Join(a.Dir(), "w.bin"))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if got, _ := io.ReadAll(in); !bytes.Equal(got, w) {
		t.Error("another content")
	}
}

// wholeStore says that it replaces versions as a whole, and notes what it is to
// put in place.
type wholeStore struct {
	store.Store
	swapped []string
}

func (s *wholeStore) MendsWhole() bool { return true }

func (s *wholeStore) Mend(ctx context.Context, ref store.Ref, size int64) (store.Mending, error) {
	m, err := s.Store.(store.Mender).Mend(ctx, ref, size)
	return &wholeMending{m, s}, err
}

type wholeMending struct {
	store.Mending
	store *wholeStore
}

func (m *wholeMending) Swap(ctx context.Context, files []store.File) error {
	for _, f := range files {
		m.store.swapped = append(m.store.swapped, f.Path)
	}
	return m.Mending.Swap(ctx, files)
}

// TestMendWhole: all files of a version are made anew, or none.
func TestMendWhole(t *testing.T) {
	s, w := &wholeStore{Store: newStore(t)}, weights()
	put(t, s, ref, map[string][]byte{"sub/w.bin": w, "b": []byte("b"), "good": w[:mib+1]})
	a, err := s.Open(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := errors.Join(os.WriteFile(filepath.Join(a.Dir(), "sub/w.bin"), w[1:], 0o644), os.Remove(filepath.Join(a.Dir(), "b"))); err != nil {
		t.Fatal(err)
	}
	found, err := store.Check(t.Context(), a, nil, progress.Discard)
	if err != nil {
		t.Fatal(err)
	}
	small := donorFunc(func(_ store.File, take store.Take) error {
		_, err := take(0, []byte("b"))
		return err
	})
	r, err := store.Mend(t.Context(), s, a.Info(), found, []store.Donor{small}, progress.Discard)
	if err != nil || len(r.Files) > 0 || len(r.Lacks) != 1 || len(s.swapped) > 0 {
		t.Errorf("one file lacks: %+v, %v; in place: %q", r, err, s.swapped)
	}
	r, err = store.Mend(t.Context(), s, a.Info(), found, []store.Donor{small, &memory{data: w}}, progress.Discard)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(s.swapped)
	if diff := cmp.Diff([]string{"b", "good", "sub/w.bin"}, s.swapped) + cmp.Diff([]string{"b", "sub/w.bin"}, r.Files); diff != "" {
		t.Error(diff)
	}
	if found, err = store.Check(t.Context(), a, nil, progress.Discard); err != nil || len(found) > 0 {
		t.Errorf("afterwards: %v, %v", found, err)
	}

	// What was good and is no longer stops it.
	if err := errors.Join(os.Remove(filepath.Join(a.Dir(), "b")), os.WriteFile(filepath.Join(a.Dir(), "good"), w[1:mib+2], 0o644)); err != nil {
		t.Fatal(err)
	}
	_, err = store.Mend(t.Context(), s, a.Info(), []store.Damage{{File: "b", Kind: store.Missing}}, []store.Donor{small}, progress.Discard)
	if !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), "good") {
		t.Errorf("%v", err)
	}
}
