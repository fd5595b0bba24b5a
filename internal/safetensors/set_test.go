package safetensors

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const (
	shard1 = "model-00001-of-00002.safetensors"
	shard2 = "model-00002-of-00002.safetensors"
)

// index makes an index with this weight_map: tensor, file, tensor, file …
func index(pairs ...string) []byte {
	var members []string
	for p := range slices.Chunk(pairs, 2) {
		members = append(members, fmt.Sprintf("%q:%q", p[0], p[1]))
	}
	return []byte(`{"metadata":{"total_size":12},"weight_map":{` + strings.Join(members, ",") + "}}\n")
}

// bytesOf makes a file of U8 tensors of one byte each: name, byte, name, byte …
func bytesOf(pairs ...string) []byte {
	var entries []entry
	for p := range slices.Chunk(pairs, 2) {
		entries = append(entries, entry{p[0], U8, []int64{1}, p[1]})
	}
	return encode(map[string]string{"format": "pt"}, entries...)
}

// contents returns "name=bytes in file" of every tensor.
func contents(t *testing.T, s *Set) []string {
	t.Helper()
	var all []string
	for _, tensor := range s.Tensors() {
		all = append(all, fmt.Sprintf("%s=%s in %s", tensor.Name, read(t, tensor), tensor.File))
		if found, ok := s.Tensor(tensor.Name); !ok || found.File != tensor.File || found.Offset != tensor.Offset {
			t.Errorf("Tensor(%q) is another one", tensor.Name)
		}
	}
	if _, ok := s.Tensor("missing"); ok {
		t.Error("a tensor found that is not there")
	}
	return all
}

func TestOpenSet(t *testing.T) {
	for _, c := range []struct {
		name     string
		files    map[string][]byte
		want     []string
		warnings []string
	}{
		{
			name: "single",
			files: map[string][]byte{
				singleName:                  bytesOf("b", "2", "a", "1"),
				"consolidated.safetensors":  bytesOf("c", "3"),
				"model.fp16.safetensors":    []byte("broken"),
				"adapter_model.safetensors": []byte("broken"),
			},
			want: []string{"a=1 in " + singleName, "b=2 in " + singleName},
		},
		{
			name: "sharded",
			files: map[string][]byte{
				indexName:                  index("c", shard2, "a", shard2, "b", shard1),
				shard1:                     bytesOf("b", "2"),
				shard2:                     bytesOf("c", "3", "a", "1"),
				singleName:                 bytesOf("a", "9"),
				"consolidated.safetensors": []byte("broken"),
			},
			want: []string{"a=1 in " + shard2, "b=2 in " + shard1, "c=3 in " + shard2},
		},
		{
			name: "index of one file",
			files: map[string][]byte{
				indexName:  index("a", singleName),
				singleName: bytesOf("a", "1"),
			},
			want: []string{"a=1 in " + singleName},
		},
		{
			name: "tensors and shards that the index does not name",
			files: map[string][]byte{
				indexName:                          index("a", shard1, "b", shard2),
				shard1:                             bytesOf("x", "7", "a", "1", "extra", "8"),
				shard2:                             bytesOf("b", "2"),
				"model-00003-of-00003.safetensors": []byte("broken"),
				"model-00001-of-00003.safetensors": []byte("broken"),
			},
			want: []string{"a=1 in " + shard1, "b=2 in " + shard2},
			warnings: []string{
				shard1 + ": 2 tensors that " + indexName + ` does not name are left out, the first is "extra"`,
				`"model-00001-of-00003.safetensors": ` + indexName + " does not name this file; it is not read",
				`"model-00003-of-00003.safetensors": ` + indexName + " does not name this file; it is not read",
			},
		},
		{
			name: "index with wrong total, other keys and no metadata",
			files: map[string][]byte{
				indexName: []byte(` {"version" : [1, -2.5e3, 0E+07, -0.5, true, false, null, {"\u0061":"\n"}], "weight_map":{"a":"m.safetensors"}} `),
				// A name of the author's own choice.
				"m.safetensors": bytesOf("a", "1"),
			},
			want: []string{"a=1 in m.safetensors"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := OpenSet(writeFiles(t, c.files))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, contents(t, s)); d != "" {
				t.Errorf("contents (-want +got):\n%s", d)
			}
			if d := cmp.Diff(c.warnings, s.Warnings(), cmpopts.EquateEmpty()); d != "" {
				t.Errorf("warnings (-want +got):\n%s", d)
			}
			if d := cmp.Diff(map[string]string{"format": "pt"}, s.Metadata()); d != "" {
				t.Errorf("metadata (-want +got):\n%s", d)
			}
			if err := s.CheckUnchanged(); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSetMetadata(t *testing.T) {
	s, err := OpenSet(writeFiles(t, map[string][]byte{
		indexName: index("a", shard1, "b", shard2),
		shard1:    encode(map[string]string{"format": "pt", "one": "1"}, entry{"a", U8, []int64{0}, ""}),
		shard2:    encode(map[string]string{"format": "mlx", "two": "2"}, entry{"b", U8, []int64{0}, ""}),
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if d := cmp.Diff(map[string]string{"format": "pt", "one": "1", "two": "2"}, s.Metadata()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if s.Tensors()[0].Name = "changed"; s.Tensors()[0].Name != "a" {
		t.Error("the set changed with what it returned")
	}
}

func TestOpenSetRefuses(t *testing.T) {
	good := bytesOf("a", "1")
	sharded := func(idx []byte) map[string][]byte {
		return map[string][]byte{indexName: idx, shard1: good, shard2: bytesOf("b", "2"), singleName: good}
	}
	weightMap := func(file string) map[string][]byte {
		return sharded([]byte(`{"weight_map":{"a":` + file + `}}`))
	}
	for _, c := range []struct {
		name  string
		files map[string][]byte
		want  string
	}{
		{"single malformed", map[string][]byte{singleName: nil}, singleName + ": malformed safetensors: 0 bytes"},

		// The text of the index.
		{"index empty", sharded(nil), indexName + ": malformed safetensors: offset 0: the JSON text ends where '{' is expected"},
		{"index is a Git LFS pointer", sharded([]byte("version https://git-lfs.github.com/spec/v1\n")), "Git LFS pointer"},
		{"index is an HTML page", sharded([]byte("<!DOCTYPE html>")), "HTML page"},
		{"index is an array", sharded([]byte("[]")), "'[' where '{' is expected"},
		{"index invalid UTF-8", sharded([]byte("{\"a\":\"\xff\"}")), "offset 6: the index is not valid UTF-8"},
		{"index with more behind", sharded(append(index("a", shard1), '{')), "'{' where the end of the index is expected"},
		{"index ends early", sharded([]byte(`{"weight_map":{"a":"model`)), "the JSON text ends where"},
		{"index skips something that is no value", sharded([]byte(`{"metadata":nul}`)), "'n' where a value is expected"},
		{"index skips a bad number", sharded([]byte(`{"metadata":01}`)), "'0' where a value is expected"},
		{"index skips a number with two signs", sharded([]byte(`{"metadata":--1}`)), "'-' where a value is expected"},
		{"index skips a number without fraction", sharded([]byte(`{"metadata":1.}`)), "'1' where a value is expected"},
		{"index skips a number without exponent", sharded([]byte(`{"metadata":1e+}`)), "'1' where a value is expected"},
		{"index skips a long number", sharded([]byte(`{"metadata":` + strings.Repeat("1", 65) + `}`)), "'1' where a value is expected"},
		{"index skips a bad string", sharded([]byte(`{"metadata":"\q"}`)), "an escape that JSON does not know"},
		{"index nested too deep", sharded([]byte(`{"metadata":{"a":[{"b":{}}]}}`)), "nested deeper than 4"},

		// weight_map.
		{"no weight_map", sharded([]byte(`{"metadata":{}}`)), "weight_map is missing or empty"},
		{"empty weight_map", sharded(index()), "weight_map is missing or empty"},
		{"weight_map null", sharded([]byte(`{"weight_map":null}`)), "weight_map: offset 14: 'n' where '{' is expected"},
		{"duplicate weight_map", sharded([]byte(`{"weight_map":{"a":"` + shard1 + `"},"weight_map":{}}`)), `key "weight_map" appears twice`},
		{"duplicate tensor", sharded(index("a", shard1, "b", shard2, "a", shard2)), `weight_map: tensor "a" appears twice`},
		{"file is a number", weightMap("1"), `weight_map: tensor "a": offset 19: '1' where a string is expected`},

		// File names.
		{"slash", weightMap(`"sub/model.safetensors"`), `tensor "a": file "sub/model.safetensors": not a plain file name`},
		{"parent", weightMap(`"../model.safetensors"`), "not a plain file name"},
		{"absolute", weightMap(`"/etc/model.safetensors"`), "not a plain file name"},
		{"backslash", weightMap(`"..\\model.safetensors"`), "not a plain file name"},
		{"drive letter", weightMap(`"C:model.safetensors"`), "not a plain file name"},
		{"alternate stream", weightMap(`"model:x.safetensors"`), "not a plain file name"},
		{"NUL", weightMap(`"model\u0000.safetensors"`), "not a plain file name"},
		{"control character", weightMap(`"model\u001b.safetensors"`), "not a plain file name"},
		{"look-alike", weightMap(`"modеl.safetensors"`), "not a plain file name"}, // with a Cyrillic е
		{"dots", weightMap(`".."`), "not a .safetensors file"},
		{"hidden", weightMap(`".model.safetensors"`), "not a plain file name"},
		{"suffix only", weightMap(`".safetensors"`), "not a plain file name"},
		{"empty", weightMap(`""`), "not a .safetensors file"},
		{"pickle", weightMap(`"pytorch_model.bin"`), `file "pytorch_model.bin": not a .safetensors file`},
		{"256 bytes", weightMap(`"` + strings.Repeat("m", 256-12) + `.safetensors"`), "not a plain file name"},

		// Index against shards.
		{"missing shard", sharded(index("a", shard1, "b", "model-00003-of-00003.safetensors")), "model-00003-of-00003.safetensors: malformed safetensors: model.safetensors.index.json names this file, which is missing: download it"},
		{"malformed shard", map[string][]byte{indexName: index("a", shard1), shard1: []byte("broken")}, shard1 + ": malformed safetensors: 6 bytes"},
		{"tensor missing", sharded(index("a", shard1, "b", shard2, "c", shard2)), `tensor "c" is mapped to ` + shard2 + ", which does not hold it"},
		{"tensor in the other shard", sharded(index("a", shard2, "b", shard1)), `tensor "a" is mapped to ` + shard2 + ", and " + shard1 + " holds it"},
		{"tensor in two shards", map[string][]byte{indexName: index("a", shard1, "b", shard2), shard1: good, shard2: bytesOf("b", "2", "a", "3")}, `tensor "a" appears twice, in ` + shard1 + " and in " + shard2},
		{"tensors of two shards differ in case", map[string][]byte{indexName: index("a", shard1, "A", shard2), shard1: good, shard2: bytesOf("A", "2")}, "differ only in case, in " + shard1 + " and in " + shard2},
		{"one file under two names", map[string][]byte{indexName: index("a", shard1, "b", shard2), shard1: bytesOf("a", "1", "b", "2"), shard2: bytesOf("a", "1", "b", "2")}, "appears twice"},
	} {
		t.Run(c.name, func(t *testing.T) { refuseSet(t, writeFiles(t, c.files), c.want) })
	}
}

// refuseSet checks that a folder is refused as malformed, within the memory allowed.
func refuseSet(t *testing.T, dir, want string) {
	t.Helper()
	var err error
	checkMemory(t, func() { _, err = OpenSet(dir) })
	if !errors.Is(err, ErrFormat) || errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("got %v, want an ErrFormat and nothing else", err)
	}
	if msg := err.Error(); !strings.Contains(msg, want) || len(msg) > 1000 {
		t.Errorf("got  %.1000s\nwant %s", msg, want)
	}
}

func TestIndexBombs(t *testing.T) {
	// fill makes an index of the greatest size allowed.
	fill := func(before string, unit func(i int) string, after string) []byte {
		return repeat(before, unit, after)[lengthSize:]
	}
	for _, c := range []struct {
		name  string
		index func() []byte
		want  string
	}{
		{"too large", func() []byte { return make([]byte, maxIndex+1) }, "an index of 16777217 bytes, while our limit is 16777216"},
		{"nested arrays", func() []byte { return fill(`{"a":`, same("["), "") }, "nested deeper than 4"},
		{"nested objects", func() []byte { return fill("", same(`{"a":`), "") }, "nested deeper than 4"},
		{"a long string", func() []byte { return fill(`{"a":"`, same("a"), `"}`) }, "weight_map is missing"},
		{"a long number", func() []byte { return fill(`{"a":`, same("1"), `}`) }, "'1' where a value is expected"},
		{"a long array", func() []byte { return fill(`{"a":[0`, same(",0"), `]}`) }, "weight_map is missing"},
		{"a long name", func() []byte { return fill(`{"weight_map":{"`, same("a"), `":"m.safetensors"}}`) }, "a string longer than 1024 bytes"},
		{"tiny tensors", func() []byte {
			return fill(`{"weight_map":{"":"m.safetensors"`, func(i int) string { return fmt.Sprintf(`,"%x":"m.safetensors"`, i) }, "}}")
		}, "more than 262144 tensors, which is our limit"},
		{"one tensor again and again", func() []byte {
			return fill(`{"weight_map":{"":"m.safetensors"`, func(i int) string {
				if i > maxSetTensors-2 {
					return " "
				}
				return `,"a":"m.safetensors"`
			}, "}}")
		}, `tensor "a" appears twice`},
		{"files", func() []byte {
			return fill(`{"weight_map":{"":"m.safetensors"`, func(i int) string { return fmt.Sprintf(`,"%x":"%x.safetensors"`, i, i) }, "}}")
		}, "more than 1024 files, which is our limit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			refuseSet(t, writeFiles(t, map[string][]byte{indexName: c.index()}), c.want)
		})
	}
}

func TestSetOfTooManyTensors(t *testing.T) {
	files := map[string][]byte{}
	var pairs []string
	for shard := range maxSetTensors/maxTensors + 1 {
		var entries []entry
		for i := range maxTensors {
			entries = append(entries, entry{fmt.Sprintf("%d.%d", shard, i), U8, []int64{0}, ""})
		}
		name := fmt.Sprintf("%d.safetensors", shard)
		files[name] = encode(nil, entries...)
		pairs = append(pairs, entries[0].name, name)
	}
	files[indexName] = index(pairs...)
	_, err := OpenSet(writeFiles(t, files))
	if want := "4.safetensors: malformed safetensors: more than 262144 tensors up to here"; !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestOpenSetNothingThere(t *testing.T) {
	dir := writeFiles(t, map[string][]byte{shard1: bytesOf("a", "1"), "pytorch_model.bin": nil})
	for _, d := range []string{dir, filepath.Join(dir, "missing")} {
		if _, err := OpenSet(d); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", d, err)
		}
	}
	if _, err := OpenSet(dir); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("the folder is not named: %v", err)
	}
}

func TestSetCheckUnchanged(t *testing.T) {
	for _, changed := range []string{indexName, shard1, shard2} {
		t.Run(changed, func(t *testing.T) {
			dir := writeFiles(t, map[string][]byte{
				indexName: index("a", shard1, "b", shard2),
				shard1:    bytesOf("a", "1"),
				shard2:    bytesOf("b", "2"),
			})
			s, err := OpenSet(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.CheckUnchanged(); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(filepath.Join(dir, changed), 5); err != nil {
				t.Fatal(err)
			}
			if err := s.CheckUnchanged(); !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), changed) {
				t.Error(err)
			}
		})
	}
}
