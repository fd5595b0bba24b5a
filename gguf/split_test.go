package gguf

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/quant"
)

// onDisk writes a sample file and opens it.
func onDisk(t *testing.T, m *Meta, ts []TensorInfo) (string, *File) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.gguf")
	if err := os.WriteFile(path, write(t, m, ts), 0o640); err != nil {
		t.Fatal(err)
	}
	return path, reopen(t, path)
}

func reopen(t *testing.T, path string) *File {
	t.Helper()
	f, err := OpenModel(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func fileBytes(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// listing gives what is in a folder, hidden files too.
func listing(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestPartNames(t *testing.T) {
	if got := PartName("a/m", 0, 3); got != "a/m-00001-of-00003.gguf" {
		t.Error(got)
	}
	tests := []struct {
		path, prefix string
		no, count    int
		ok           bool
	}{
		{"a/m-00002-of-00003.gguf", "a/m", 1, 3, true},
		{"m-x-00001-of-00001.gguf", "m-x", 0, 1, true},
		{"m-00000-of-00003.gguf", "", 0, 0, false},
		{"m-00004-of-00003.gguf", "", 0, 0, false},
		{"m-0001-of-00003.gguf", "", 0, 0, false},
		{"m-00001-of-00003.bin", "", 0, 0, false},
		{"-00001-of-00003.gguf", "", 0, 0, false},
	}
	for _, tt := range tests {
		prefix, no, count, ok := ParsePartName(tt.path)
		if prefix != tt.prefix || no != tt.no || count != tt.count || ok != tt.ok {
			t.Errorf("%s: %q %d %d %v", tt.path, prefix, no, count, ok)
		}
	}
}

// Splitting and merging gives the same bytes, whatever the number of parts and
// with an alignment of its own.
func TestSplitAndMerge(t *testing.T) {
	for _, perPart := range []int{1, 2, 3, 6, 7, 100} {
		path, f := onDisk(t, metaOf(append(everythingMeta, entry{"general.alignment", uint32(64)})...), sample)
		prefix := filepath.Join(filepath.Dir(path), "part")
		parts, err := f.Split(t.Context(), prefix, perPart, progress.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if want := (len(sample) + perPart - 1) / perPart; len(parts) != want {
			t.Fatalf("%d parts of %d tensors, want %d", len(parts), perPart, want)
		}
		for i, p := range parts {
			g, err := Open(p.Path)
			if err != nil {
				t.Fatal(err)
			}
			if g.FileSize != p.Size || len(g.Tensors) != p.Tensors {
				t.Errorf("%+v, but the file has %d bytes and %d tensors", p, g.FileSize, len(g.Tensors))
			}
			for key, want := range map[string]any{splitNoKey: uint16(i), splitCountKey: uint16(len(parts)), splitTensorsKey: int32(len(sample))} {
				if v, _ := g.Meta.Value(key); v != want {
					t.Errorf("part %d: %s is %v (%T), want %v", i, key, v, v, want)
				}
			}
			g.Close()
		}
		merged := reopen(t, parts[0].Path)
		if got := len(merged.Files()); got != len(parts) {
			t.Errorf("%d files, want %d", got, len(parts))
		}
		for i, tensor := range merged.Tensors {
			file, off := merged.Place(tensor)
			got, want := make([]byte, tensor.Size), make([]byte, tensor.Size)
			_, err := file.Disk().ReadAt(got, off)
			_, rerr := f.Section(f.Tensors[i]).ReadAt(want, 0)
			if err != nil || rerr != nil || !bytes.Equal(got, want) || file != merged.Files()[i/perPart] {
				t.Errorf("parts of %d: tensor %q is not in %s at %d: %v, %v", perPart, tensor.Name, file.Disk().Name(), off, err, rerr)
			}
		}
		m := merged.Meta.Clone()
		for _, key := range []string{splitNoKey, splitCountKey, splitTensorsKey} {
			m.Delete(key) // of a set of one
		}
		back := filepath.Join(filepath.Dir(path), "back.gguf")
		if _, err := merged.Copy(t.Context(), back, m, false, progress.Discard); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(fileBytes(t, path), fileBytes(t, back)); diff != "" {
			t.Fatalf("parts of %d: (-split +merged):\n%s", perPart, diff)
		}
	}
}

func TestSplitLeavesNothing(t *testing.T) {
	path, f := onDisk(t, metaOf(everythingMeta...), sample)
	dir := filepath.Dir(path)
	prefix := filepath.Join(dir, "model")
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Split(canceled, prefix, 2, progress.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	taken := PartName(prefix, 1, 4)
	if err := os.WriteFile(taken, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Split(t.Context(), prefix, 2, progress.Discard); !errors.Is(err, fs.ErrExist) {
		t.Errorf("part exists: %v", err)
	}
	if diff := cmp.Diff([]string{"model-00002-of-00004.gguf", "model.gguf"}, listing(t, dir)); diff != "" {
		t.Errorf("left over (-want +got):\n%s", diff)
	}
}

// obstacle is a progress sink that puts a file in the way while a task is under
// way.
type obstacle string

func (o obstacle) Start(string, int64) progress.Task { return o }
func (o obstacle) Add(int64)                         { os.WriteFile(string(o), nil, 0o600) }
func (o obstacle) Done(error)                        {}

// If a part cannot get its name, those that have theirs lose it again.
func TestSplitCannotFinish(t *testing.T) {
	for _, no := range []int{0, 1, 3} {
		path, f := onDisk(t, metaOf(everythingMeta...), sample)
		prefix := filepath.Join(filepath.Dir(path), "m")
		taken := PartName(prefix, no, 4)
		if _, err := f.Split(t.Context(), prefix, 2, obstacle(taken)); !errors.Is(err, fs.ErrExist) {
			t.Errorf("part %d is there: %v", no+1, err)
		}
		if diff := cmp.Diff([]string{filepath.Base(taken), "model.gguf"}, listing(t, filepath.Dir(path))); diff != "" {
			t.Errorf("part %d is there: left over (-want +got):\n%s", no+1, diff)
		}
	}
}

func TestPartsThatDoNotBelongTogether(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(t *testing.T, part func(i int) string)
	}{
		{"missing", func(_ *testing.T, part func(int) string) { os.Remove(part(2)) }},
		{"exchanged", func(_ *testing.T, part func(int) string) {
			os.Rename(part(1), part(0)+"x")
			os.Rename(part(2), part(1))
			os.Rename(part(0)+"x", part(2))
		}},
		{"of another set", func(t *testing.T, part func(int) string) {
			_, f := onDisk(t, metaOf(everythingMeta...), sample[:5])
			other, err := f.Split(t.Context(), filepath.Join(t.TempDir(), "o"), 3, progress.Discard)
			if err != nil {
				t.Fatal(err)
			}
			os.Rename(other[1].Path, part(1))
		}},
		{"the same tensor twice", func(t *testing.T, part func(int) string) {
			b := bytes.Replace(fileBytes(t, part(1)), []byte("output.weight"), []byte("token_embd.we"), 1)
			b = bytes.Replace(b, []byte("blk.0.ffn_down.weight"), []byte("blk.0.attn_q.weight\x00\x00"), 1)
			os.WriteFile(part(1), b, 0o600)
		}},
		{"of another number of tensors", func(t *testing.T, part func(int) string) {
			f, err := Open(part(0))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			m := f.Meta.Clone()
			m.Set(splitTensorsKey, int32(len(sample)+1))
			if _, err := f.Copy(t.Context(), part(0), m, true, progress.Discard); err != nil {
				t.Fatal(err)
			}
		}},
		{"cut", func(t *testing.T, part func(int) string) {
			b := fileBytes(t, part(1))
			os.WriteFile(part(1), b[:len(b)-64], 0o600)
		}},
		{"renamed", func(_ *testing.T, part func(int) string) {
			os.Rename(part(0), filepath.Join(filepath.Dir(part(0)), "x.gguf"))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path, f := onDisk(t, metaOf(everythingMeta...), sample)
			prefix := filepath.Join(filepath.Dir(path), "m")
			parts, err := f.Split(t.Context(), prefix, 3, progress.Discard)
			if err != nil || len(parts) != 3 {
				t.Fatal(parts, err)
			}
			tt.spoil(t, func(i int) string { return parts[i].Path })
			first := parts[0].Path
			if tt.name == "renamed" {
				first = filepath.Join(filepath.Dir(path), "x.gguf")
			}
			if f, err := OpenModel(first); err == nil || !errors.Is(err, ErrParts) && !errors.Is(err, ErrFormat) {
				t.Errorf("opened as %v, error %v", f, err)
			}
		})
	}
	t.Run("not the first", func(t *testing.T) {
		path, f := onDisk(t, metaOf(everythingMeta...), sample)
		parts, err := f.Split(t.Context(), path, 3, progress.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := OpenModel(parts[1].Path); !errors.Is(err, ErrNotFirst) || !contains(err, "model.gguf-00001-of-00003.gguf") {
			t.Error(err)
		}
	})
}

// Metadata change, tensor data and permissions do not.
func TestCopyOverItself(t *testing.T) {
	path, f := onDisk(t, metaOf(everythingMeta...), sample)
	m := f.Meta.Clone()
	m.Set("new.key", string(bytes.Repeat([]byte("x"), 1000)))
	m.Delete("u8")
	if _, err := f.Copy(t.Context(), path, m, false, progress.Discard); !errors.Is(err, fs.ErrExist) {
		t.Errorf("without force: %v", err)
	}
	size, err := f.Copy(t.Context(), path, m, true, progress.Discard)
	if err != nil {
		t.Fatal(err)
	}
	g := reopen(t, path)
	if g.FileSize != size || size <= f.FileSize {
		t.Errorf("size %d, reported %d", g.FileSize, size)
	}
	if _, ok := g.Meta.Value("u8"); ok || g.Meta.Len() != f.Meta.Len() {
		t.Error("metadata are not those asked for")
	}
	old, now := fileData(t, f), fileData(t, g)
	if !bytes.Equal(old, now) {
		t.Error("tensor data changed")
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o640 {
		t.Error(st.Mode(), err)
	}
	if diff := cmp.Diff([]string{"model.gguf"}, listing(t, filepath.Dir(path))); diff != "" {
		t.Error(diff)
	}
}

func fileData(t *testing.T, f *File) []byte {
	t.Helper()
	b := make([]byte, f.FileSize-f.DataOffset)
	if _, err := f.r.ReadAt(b, f.DataOffset); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestChangedUnderWay(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"longer":   func(p string) error { return os.WriteFile(p, make([]byte, 1<<20), 0o600) },
		"shorter":  func(p string) error { return os.Truncate(p, 1000) },
		"gone":     os.Remove,
		"replaced": func(p string) error { return errors.Join(os.WriteFile(p+"2", nil, 0o600), os.Rename(p+"2", p)) },
	} {
		t.Run(name, func(t *testing.T) {
			path, f := onDisk(t, metaOf(everythingMeta...), sample)
			if err := f.CheckUnchanged(); err != nil {
				t.Fatal(err)
			}
			if err := change(path); err != nil {
				t.Fatal(err)
			}
			if err := f.CheckUnchanged(); !errors.Is(err, ErrChanged) {
				t.Error(err)
			}
			out := filepath.Join(t.TempDir(), "out.gguf")
			if _, err := f.Copy(t.Context(), out, &f.Meta, false, progress.Discard); err == nil {
				t.Error("copied")
			}
			if names := listing(t, filepath.Dir(out)); len(names) != 0 {
				t.Error(names)
			}
		})
	}
}

// Each sign of a change counts by itself.
func TestChangedSigns(t *testing.T) {
	for name, change := range map[string]func(path string, st os.FileInfo) error{
		"time only": func(p string, st os.FileInfo) error { return os.Chtimes(p, st.ModTime(), st.ModTime().Add(1)) },
		"size only": func(p string, st os.FileInfo) error {
			return errors.Join(os.Truncate(p, st.Size()+1), os.Chtimes(p, st.ModTime(), st.ModTime()))
		},
		"another file": func(p string, st os.FileInfo) error {
			return errors.Join(os.WriteFile(p+"2", make([]byte, st.Size()), 0o600), os.Chtimes(p+"2", st.ModTime(), st.ModTime()), os.Rename(p+"2", p))
		},
	} {
		path, f := onDisk(t, metaOf(everythingMeta...), sample)
		st, err := os.Stat(path)
		if err == nil {
			err = change(path, st)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := f.CheckUnchanged(); !errors.Is(err, ErrChanged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Types whose layout is not known go from file to file by number and size.
func TestCopyUnknownTypes(t *testing.T) {
	data := v3(2, 0).tensor("t", 133, 0, 256, 2).tensor("next", 24, 1024, 1).data(32, 1056).b
	path := filepath.Join(t.TempDir(), "u.gguf")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f := reopen(t, path)
	out := path + ".out"
	if _, err := f.Copy(t.Context(), out, &f.Meta, false, progress.Discard); err != nil {
		t.Fatal(err)
	}
	g := reopen(t, out)
	if g.Tensors[0].TypeID != 133 || !bytes.Equal(fileData(t, f)[:1025], fileData(t, g)[:1025]) {
		t.Error("type or bytes differ")
	}
}

func TestCopyRefuses(t *testing.T) {
	_, f := onDisk(t, metaOf(everythingMeta...), sample)
	f.Version = 1
	if _, err := f.Copy(t.Context(), filepath.Join(t.TempDir(), "x"), &f.Meta, false, progress.Discard); !errors.Is(err, ErrUnsupported) {
		t.Error(err)
	}
}

func TestRename(t *testing.T) {
	m := metaOf(entry{"general.architecture", "bitnet-25"}, entry{"bitnet-25.block_count", uint32(2)}, entry{"bitnet-255.x", "y"}, entry{"general.name", "n"})
	m.Rename("bitnet")
	var keys []string
	for k := range m.All() {
		keys = append(keys, k)
	}
	want := []string{"general.architecture", "bitnet.block_count", "bitnet-255.x", "general.name"}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Error(diff)
	}
	if s, _ := Get[string](m, "general.architecture"); s != "bitnet" {
		t.Error(s)
	}
}

// The layout that the metadata state is the type of the tensors; one that is
// not known makes them unknown.
func TestI2SLayoutKey(t *testing.T) {
	for layout, want := range map[string]quant.Type{
		"": quant.I2_S, "128x32": quant.I2_S, "64x16": quant.I2_S_64x16, "4rows": quant.I2_S_4ROWS, "other": quant.Invalid,
	} {
		_, f := onDisk(t, metaOf(entry{"general.architecture", "bitnet"}), []TensorInfo{{"w", []int64{128, 4}, quant.I2_S}, {"v", []int64{1}, quant.F32}})
		m := f.Meta.Clone()
		if layout != "" {
			m.Set(LayoutKey, layout)
		}
		if want == quant.Invalid {
			if _, err := f.Copy(t.Context(), filepath.Join(t.TempDir(), "x"), m, false, progress.Discard); !errors.Is(err, ErrUnsupported) {
				t.Errorf("%q: %v", layout, err)
			}
			continue
		}
		out := filepath.Join(t.TempDir(), "x.gguf")
		if _, err := f.Copy(t.Context(), out, m, false, progress.Discard); err != nil {
			t.Fatalf("%q: %v", layout, err)
		}
		g := reopen(t, out)
		if g.Tensors[0].Type != want || g.Tensors[0].TypeID != 36 || string(g.I2SLayout()) != layout {
			t.Errorf("%q: %s", layout, g.Tensors[0].Type)
		}
	}
	if _, err := NewLayout(metaOf(entry{LayoutKey, "64x16"}), []TensorInfo{{"w", []int64{128, 4}, quant.I2_S}}); err == nil {
		t.Error("I2_S written under the name of another layout")
	}
	for _, typ := range []quant.Type{quant.I2_S_64x16, quant.I2_S_4ROWS} {
		if _, err := NewLayout(metaOf(entry{LayoutKey, "64x16"}), []TensorInfo{{"w", []int64{128, 4}, typ}}); err == nil {
			t.Errorf("%s is written", typ)
		}
	}
}
