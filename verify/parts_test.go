package verify

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/quant"
)

// parted writes a model as parts of a few tensors and gives their paths.
func parted(t *testing.T, whole string, tensors int) (parts []string) {
	t.Helper()
	f := openFile(t, whole)
	files, err := f.Split(t.Context(), filepath.Join(t.TempDir(), "m"), tensors, progress.Discard)
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, p := range files {
		parts = append(parts, p.Path)
	}
	return parts
}

// TestParts: a split model is as good as a whole one, and what is wrong with it
// is found in the part where it is.
func TestParts(t *testing.T) {
	dir := checkpoints(t, "masters")["masters"]
	gate, up := arch.Block(1, arch.FFNGate), arch.Block(0, arch.FFNUp)
	// spoil changes a tensor in the part that has it, and gives that part.
	spoil := func(t *testing.T, parts []string, name string, do func(f *file)) string {
		i := slices.IndexFunc(parts, func(path string) bool { _, ok := openFile(t, path).Tensor(name); return ok })
		if i < 0 {
			t.Fatalf("%s is in part %d", name, i)
		}
		do(openFile(t, parts[i]))
		return filepath.Base(parts[i])
	}
	tests := []struct {
		name   string
		spoil  func(t *testing.T, parts []string) (file string)
		rule   string // "" if it is good
		tensor string
		says   string
	}{
		{"good", func(*testing.T, []string) string { return "" }, "", "", ""},
		{"code 3", func(t *testing.T, parts []string) string {
			return spoil(t, parts, gate, func(f *file) { f.patch(gate, 0, []byte{0xff}) })
		}, "content.code", gate, "code 3"},
		{"copy in another part", func(t *testing.T, parts []string) string {
			var from []byte
			spoil(t, parts, gate, func(f *file) { from = f.bytes(gate) })
			spoil(t, parts, up, func(f *file) { f.patch(up, 0, from) })
			return ""
		}, "content.copies", gate, "same weights as " + up},
		{"trit", func(t *testing.T, parts []string) string {
			return spoil(t, parts, gate, func(f *file) { flip(f, gate, 515) })
		}, "lineage.weights", gate, ""},
		{"missing", func(_ *testing.T, parts []string) string {
			os.Remove(parts[1])
			return ""
		}, "header.structure", "", "-00002-of-"},
		{"cut", func(t *testing.T, parts []string) string {
			if err := os.Truncate(parts[2], 10_000); err != nil {
				t.Fatal(err)
			}
			return ""
		}, "header.structure", "", "-00003-of-"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			parts := parted(t, model(t, "masters", quant.I2_S), 10)
			file := tt.spoil(t, parts)
			r, err := Run(t.Context(), parts[0], Options{Level: Smoke, Against: dir})
			if err != nil {
				t.Fatal(err)
			}
			if tt.rule == "" {
				if r.Verdict != Good || len(r.Levels) < 4 || len(r.Levels[1].Findings) != len(parts) {
					t.Errorf("verdict %s%s", r.Verdict, show(r.Levels[1].Findings))
				}
				return
			}
			var found []Finding
			for _, l := range r.Levels {
				found = append(found, l.Findings...)
			}
			i := slices.IndexFunc(found, func(f Finding) bool { return f.Rule == tt.rule && f.Severity == Error })
			if i < 0 || found[i].Tensor != tt.tensor || found[i].File != file || !strings.Contains(found[i].Detail, tt.says) {
				t.Errorf("verdict %s, want %s of %q in %q, got%s", r.Verdict, tt.rule, tt.tensor, file, show(found))
			}
		})
	}
	t.Run("a tensor each", func(t *testing.T) {
		r, err := Run(t.Context(), parted(t, model(t, "masters", quant.I2_S), 1)[0], Options{Level: Content})
		if err != nil || !r.Levels[2].OK {
			t.Errorf("error %v%s", err, show(r.Levels[2].Findings))
		}
	})
	t.Run("not the first", func(t *testing.T) {
		parts := parted(t, model(t, "masters", quant.I2_S), 10)
		if _, err := Run(t.Context(), parts[1], Options{}); !errors.Is(err, gguf.ErrNotFirst) {
			t.Error(err)
		}
	})
}

// TestKnownParts: each part is compared with what is known of it.
func TestKnownParts(t *testing.T) {
	parts := parted(t, model(t, "masters", quant.I2_S), 10)
	known := map[string]*Known{}
	s, err := open(parts[0], Options{Level: Hash, Progress: progress.Discard, Known: func(string) *Known { return &Known{} }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	checkStructure(t.Context(), s)
	if s.read(t.Context()); s.err != nil || len(s.digests) != len(parts) {
		t.Fatal(s.err, len(s.digests))
	}
	for i, d := range s.digests {
		known[parts[i]] = &Known{Source: "it", Size: d.size, SHA256: d.hex(), Blocks: d.blocks}
	}
	o := Options{Level: Hash, Known: func(path string) *Known { return known[path] }}
	r, err := Run(t.Context(), parts[0], o)
	if err != nil || !r.Levels[1].OK {
		t.Fatal(err, show(r.Levels[1].Findings))
	}
	f := openFile(t, parts[2])
	f.patch(f.Tensors[0].Name, 3, []byte{0xaa, 0x55})
	r, err = Run(t.Context(), parts[0], o)
	if err != nil {
		t.Fatal(err)
	}
	var bad []Finding
	for _, f := range r.Levels[1].Findings {
		if f.Severity == Error {
			bad = append(bad, f)
		}
	}
	if len(bad) != 2 || bad[0].Rule != "hash.digest" || bad[1].Rule != "hash.changed" || bad[1].Offset == nil ||
		bad[0].File != filepath.Base(parts[2]) || bad[1].File != bad[0].File || !strings.Contains(bad[1].Detail, f.Tensors[0].Name) {
		t.Errorf("got%s", show(bad))
	}
}
