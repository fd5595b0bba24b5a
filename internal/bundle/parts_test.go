package bundle

import (
	"bytes"
	"errors"
	"io"
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
		"cut":      {func(in func(string) string) error { return os.Truncate(in("m.002"), 100_000) }, "the part DIR/m.002 has 100000 of the "},
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

// TestCopies has bundles that are cut or lack parts go on from other copies.
func TestCopies(t *testing.T) {
	good, a := inParts(t, 1)
	other, b := inParts(t, 2)
	in := t.TempDir()
	write := func(name string, from []byte) string {
		name = filepath.Join(in, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, from, 0o644)); err != nil {
			t.Fatal(err)
		}
		return name
	}
	read := func(name string) []byte {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	file, otherFile := filepath.Join(in, "file"), filepath.Join(in, "otherfile")
	for name, a := range map[string]store.Artifact{file: a, otherFile: b} {
		if _, err := WriteFile(t.Context(), name, a, progress.Discard); err != nil {
			t.Fatal(err)
		}
	}
	whole, part := read(file), func(n int) []byte { return read(partName(filepath.Join(good, "m"), n)) }
	short, shorter, empty := write("short", whole[:9<<20]), write("shorter", whole[:100]), write("empty", nil)
	write("a/m.001", part(1))
	write("a/m.002", part(2)[:1<<20])
	write("b/m.002", part(2))
	write("b/m.003", part(3)[:len(part(3))-10])
	write("c/m.003", part(3))
	write("d/m.002", read(partName(filepath.Join(other, "m"), 2)))
	at := func(dir string) string { return filepath.Join(in, dir, "m") }

	for name, tt := range map[string]struct {
		copies []string
		want   error
		says   string
	}{
		"cut, then whole":       {[]string{short, file}, nil, ""},
		"whole, then cut":       {[]string{file, short}, nil, ""},
		"three":                 {[]string{empty, shorter, short, file}, nil, ""},
		"both cut":              {[]string{shorter, short}, ErrCut, "bytes are missing"},
		"of another":            {[]string{short, otherFile}, ErrFormat, "otherfile is no copy of"},
		"parts from three":      {[]string{at("a"), at("b"), at("c")}, nil, ""},
		"by the first's name":   {[]string{at("a") + ".001", at("b") + ".002", at("c") + ".003"}, nil, ""},
		"the first has most":    {[]string{filepath.Join(good, "m"), at("a")}, nil, ""},
		"a part is missing":     {[]string{at("a"), at("c")}, ErrCut, "m.002 has 1048576 of the "},
		"the last is cut":       {[]string{at("a"), at("b")}, ErrCut, "bytes are missing"},
		"without the first":     {[]string{at("b"), at("c")}, ErrCut, "m.001 is missing"},
		"a part of another":     {[]string{at("a"), at("d")}, ErrFormat, "is a part of another bundle"},
		"a file and parts":      {[]string{file, at("a")}, ErrFormat, "one is in parts"},
		"one that is not there": {[]string{short, at("none")}, fs.ErrNotExist, "none"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			f, err := Open(tt.copies[0], tt.copies[1:]...)
			if err == nil {
				defer f.Close()
				var p store.Published
				if p, err = unpack(t.Context(), s, f, store.Ref{}); err == nil && p.Digest != a.Manifest().Digest {
					t.Error("another digest")
				}
			}
			if !errors.Is(err, tt.want) || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, wanted %v, saying %s", err, tt.want, tt.says)
			}
			if err != nil {
				nothing(t, s)
			}
		})
	}
}

// TestUnreadableCopy: what a disk does not give back comes from another copy,
// and where there is none the error is the disk's.
func TestUnreadableCopy(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(name, []byte("content"), 0o644); err != nil {
		t.Fatal(err)
	}
	good, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer good.Close()
	bad, err := os.Open(t.TempDir()) // reading a folder is an error
	if err != nil {
		t.Fatal(err)
	}
	defer bad.Close()
	got, err := io.ReadAll(&spans{left: []*span{{files: []*os.File{bad, good}, size: 7}}})
	if string(got) != "content" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err = io.ReadAll(&spans{left: []*span{{files: []*os.File{bad}, size: 7}}}); err == nil {
		t.Error("no error")
	}
}
