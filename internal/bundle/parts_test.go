package bundle

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/store"
)

// inParts exports a model of some 13 MB in three parts, called m.001 and so on.
func inParts(t *testing.T, seed uint64) (dir string, a store.Artifact) {
	t.Helper()
	a = put(t, newStore(t), ref, map[string][]byte{"a": []byte("a"), "w.bin": noise(seed, 13<<20)})
	dir = t.TempDir()
	names, size, err := WriteParts(t.Context(), filepath.Join(dir, "m"), 6<<20, a, progress.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var sum int64
	for i, name := range names {
		info, err := os.Stat(name)
		if err != nil || info.Size() >= 6<<20 || name != partName(filepath.Join(dir, "m"), i+1) {
			t.Errorf("%s: %v, %v", name, info.Size(), err)
		}
		sum += info.Size()
	}
	if len(names) != 3 || sum != size {
		t.Fatalf("%v: %d bytes, %d announced", names, sum, size)
	}
	return dir, a
}

func importFile(t *testing.T, s store.Store, name string) (store.Published, error) {
	t.Helper()
	f, err := Open(name)
	if err != nil {
		return store.Published{}, err
	}
	defer f.Close()
	return unpack(t.Context(), s, f, store.Ref{})
}

func TestParts(t *testing.T) {
	dir, a := inParts(t, 1)
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"m.001", "m"} {
		p, err := importFile(t, newStore(t), in(name))
		if err != nil || p.Digest != a.Manifest().Digest {
			t.Errorf("%s: %v", name, err)
		}
	}
	// One after another they are a bundle, too.
	var all []byte
	for _, name := range []string{"m.001", "m.002", "m.003"} {
		b, err := os.ReadFile(in(name))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	if p, err := unpack(t.Context(), newStore(t), bytes.NewReader(all), store.Ref{}); err != nil || p.Digest != a.Manifest().Digest {
		t.Errorf("all parts in one: %v", err)
	}
	if _, _, err := WriteParts(t.Context(), in("m"), 6<<20, a, progress.Discard); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over parts: %v", err)
	}
	if _, _, err := WriteParts(t.Context(), in("x"), MinPart-1, a, progress.Discard); !errors.Is(err, ErrTooMany) {
		t.Errorf("tiny parts: %v", err)
	}
}

// TestLeftoverPart: a part that is in the way is seen before anything is
// written, however high its number.
func TestLeftoverPart(t *testing.T) {
	_, a := inParts(t, 1)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "m.007"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := WriteParts(t.Context(), filepath.Join(dir, "m"), 6<<20, a, progress.Discard); !errors.Is(err, fs.ErrExist) {
		t.Errorf("%v", err)
	}
}

func TestBadParts(t *testing.T) {
	other, _ := inParts(t, 2)
	good, _ := inParts(t, 1)
	for name, tt := range map[string]struct {
		spoil func(in func(string) string) error
		want  string
	}{
		"exchanged": {func(in func(string) string) error {
			return errors.Join(os.Rename(in("m.002"), in("x")), os.Rename(in("m.003"), in("m.002")), os.Rename(in("x"), in("m.003")))
		}, "m.002 is part 3, not 2"},
		"first is another": {func(in func(string) string) error {
			b, err := os.ReadFile(in("m.002"))
			return errors.Join(err, os.WriteFile(in("m.001"), b, 0o644))
		}, "m.001 is part 2, not 1"},
		"missing":      {func(in func(string) string) error { return os.Remove(in("m.002")) }, "the part " + "DIR/m.002 is missing"},
		"last missing": {func(in func(string) string) error { return os.Remove(in("m.003")) }, "the part DIR/m.003 is missing"},
		"of another bundle": {func(in func(string) string) error {
			b, err := os.ReadFile(filepath.Join(other, "m.002"))
			return errors.Join(err, os.WriteFile(in("m.002"), b, 0o644))
		}, "m.002 is a part of another bundle"},
		"cut":      {func(in func(string) string) error { return os.Truncate(in("m.002"), 100_000) }, "the parts before DIR/m.003 have"},
		"last cut": {func(in func(string) string) error { return os.Truncate(in("m.003"), 100_000) }, "it is cut"},
		"no part":  {func(in func(string) string) error { return os.WriteFile(in("m.003"), []byte("x"), 0o644) }, "m.003 does not begin as a part"},
		"one more": {func(in func(string) string) error {
			b, err := os.ReadFile(in("m.003"))
			return errors.Join(err, os.WriteFile(in("m.004"), b, 0o644))
		}, "m.004 is part 3, not 4"},
		"folder": {func(in func(string) string) error { return os.Mkdir(in("m.004"), 0o755) }, "m.004 is no plain file"},
		"one bit": {func(in func(string) string) error {
			b, err := os.ReadFile(in("m.002"))
			if err == nil {
				b[3<<20] ^= 1
				err = os.WriteFile(in("m.002"), b, 0o644)
			}
			return err
		}, `"w.bin"`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(good)); err != nil {
				t.Fatal(err)
			}
			if err := tt.spoil(func(n string) string { return filepath.Join(dir, n) }); err != nil {
				t.Fatal(err)
			}
			s := newStore(t)
			_, err := importFile(t, s, filepath.Join(dir, "m.001"))
			if want := strings.ReplaceAll(tt.want, "DIR", dir); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, wanted: %s", err, want)
			}
			nothing(t, s)
		})
	}
	t.Run("begun in the middle", func(t *testing.T) {
		_, err := importFile(t, newStore(t), filepath.Join(other, "m.002"))
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "begin with the first, "+filepath.Join(other, "m.001")) {
			t.Errorf("%v", err)
		}
	})
	if _, err := Open(filepath.Join(other, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("none: %v", err)
	}
}

// TestOtherSize: parts of two exports of one version do not mix.
func TestOtherSize(t *testing.T) {
	dir, a := inParts(t, 1)
	again := t.TempDir()
	if _, _, err := WriteParts(t.Context(), filepath.Join(again, "m"), 8<<20, a, progress.Discard); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(again, "m.002"))
	if err != nil || os.WriteFile(filepath.Join(dir, "m.002"), b, 0o644) != nil {
		t.Fatal(err)
	}
	if _, err := importFile(t, newStore(t), filepath.Join(dir, "m.001")); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "m.002") {
		t.Errorf("%v", err)
	}
}
