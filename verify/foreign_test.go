package verify

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/quant"
)

// foreign makes a file look as other converters write it: no key of ours, none
// that follows from the architecture's name.
func foreign(m *gguf.Meta) {
	var ours []string
	for k := range m.All() {
		if strings.HasPrefix(k, "bitnet_tool.") {
			ours = append(ours, k)
		}
	}
	for _, k := range append(ours, "bitnet-b1.58.hidden_activation", "bitnet-b1.58.attention.key_length", "bitnet-b1.58.attention.value_length", "general.type") {
		m.Delete(k)
	}
	m.Set("tokenizer.ggml.scores", make([]float32, 1088))
	m.Set("tokenizer.ggml.padding_token_id", uint32(1025))
}

// TestForeign compares files of other programs with the masters.
func TestForeign(t *testing.T) {
	gate := arch.Block(1, arch.FFNGate)
	tests := []struct {
		name   string
		change func(f *file) string
		want   []string // rules with findings above Info
	}{
		{"plain", func(f *file) string { return f.rewrite(foreign) }, nil},
		{"earlier name", func(f *file) string {
			return f.rewrite(func(m *gguf.Meta) { foreign(m); rename(m, "bitnet-b1.58", "bitnet-25") })
		}, nil},
		{"upstream's name, whose activation is silu", func(f *file) string {
			return f.rewrite(func(m *gguf.Meta) { foreign(m); rename(m, "bitnet-b1.58", "bitnet") })
		}, []string{"lineage.metadata"}},
		{"scales one step off", func(f *file) string {
			for _, tensor := range f.Tensors {
				if tensor.Type == quant.I2_S {
					f.setScale(tensor.Name, math.Nextafter32(f.scale(tensor.Name), 1))
				}
			}
			return f.rewrite(foreign)
		}, nil},
		{"rubbish after the scale", func(f *file) string {
			f.patch(gate, 49152+4, repeat(0x6e, 28))
			return f.rewrite(foreign)
		}, nil},
		{"flipped trit", func(f *file) string { flip(f, gate, 77); return f.rewrite(foreign) }, []string{"lineage.weights"}},
		{"scale", func(f *file) string { f.setScale(gate, 0.07); return f.rewrite(foreign) }, []string{"lineage.scale"}},
	}
	dirs := checkpoints(t, "masters")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := tt.change(openFile(t, model(t, "masters", quant.I2_S)))
			r := verified(t, path, Options{Level: Lineage, Against: dirs["masters"]})
			var rules []string
			for _, f := range bad(r) {
				rules = append(rules, f.Rule)
			}
			if strings.Join(rules, " ") != strings.Join(tt.want, " ") {
				t.Errorf("want %v, got%s", tt.want, show(bad(r)))
			}
			if r.Levels[3].Coverage != 1 {
				t.Errorf("coverage %v", r.Levels[3].Coverage)
			}
		})
	}
}

// TestOtherForm compares a file with the other form of its model: packed
// weights have the masters' trits, and their scales rounded to BF16.
func TestOtherForm(t *testing.T) {
	for _, tt := range []struct {
		made, against string
		typ           quant.Type
	}{
		{"packed", "masters", quant.I2_S},
		{"masters", "packed", quant.I2_S},
		{"packed", "masters", quant.TQ1_0},
		{"masters", "packed", quant.Q8_0},
	} {
		t.Run(tt.made+" against "+tt.against+" "+tt.typ.String(), func(t *testing.T) {
			t.Parallel()
			r := verified(t, model(t, tt.made, tt.typ), Options{Level: Lineage, Against: sources[tt.against](t)})
			if fs := bad(r); len(fs) > 0 || r.Verdict != Good {
				t.Errorf("verdict %s,%s", r.Verdict, show(fs))
			}
			infos := 0
			for _, f := range r.Levels[3].Findings {
				if f.Rule == "lineage.scale" && strings.Contains(f.Detail, "rounded to BF16") {
					infos++
				}
			}
			if infos < 20 || infos > 28 {
				t.Errorf("%d scales are said to be rounded, of 28", infos)
			}
		})
	}
}

// TestWrongCheckpoint compares a file with another model.
func TestWrongCheckpoint(t *testing.T) {
	r := verified(t, model(t, "masters", quant.I2_S), Options{Level: Lineage, Against: sources["llama"](t)})
	rules := map[string]bool{}
	for _, f := range bad(r) {
		rules[f.Rule] = true
	}
	if r.Verdict != File || !rules["lineage.metadata"] || !rules["lineage.tensors"] || !rules["lineage.weights"] {
		t.Errorf("verdict %s,%s", r.Verdict, show(bad(r)))
	}
}

// TestSecondHead: a copy of the embedding as output matrix is superfluous, any
// other is wrong.
func TestSecondHead(t *testing.T) {
	for name, spoil := range map[string]bool{"copy": false, "other": true} {
		t.Run(name, func(t *testing.T) {
			f := openFile(t, model(t, "masters", quant.I2_S))
			path := addHead(f, spoil)
			got := one(t, verified(t, path, Options{Level: Lineage, Against: sources["masters"](t)}), "lineage.tensors")
			want := map[bool]Severity{false: Warning, true: Error}[spoil]
			if got.Tensor != arch.OutputHead || got.Severity != want {
				t.Errorf("got%s", show([]Finding{got}))
			}
		})
	}
}

// addHead writes the file again with a copy of its embedding as output matrix.
func addHead(f *file, spoil bool) string {
	var infos []gguf.TensorInfo
	for _, t := range f.Tensors {
		infos = append(infos, t.TensorInfo)
	}
	embedding, _ := f.Tensor(arch.TokenEmbd)
	head := embedding.TensorInfo
	head.Name = arch.OutputHead
	l, err := gguf.NewLayout(&f.Meta, append(infos, head))
	if err != nil {
		f.t.Fatal(err)
	}
	path := filepath.Join(f.t.TempDir(), "head.gguf")
	w, err := os.Create(path)
	if err != nil {
		f.t.Fatal(err)
	}
	defer w.Close()
	for i, t := range l.Tensors {
		name := t.Name
		if name == arch.OutputHead {
			name = arch.TokenEmbd
		}
		b := f.bytes(name)
		if spoil && t.Name == arch.OutputHead {
			b[4000] ^= 1
		}
		if _, err := l.Section(w, i).Write(b); err != nil {
			f.t.Fatal(err)
		}
	}
	if err := l.WriteFrame(w); err != nil {
		f.t.Fatal(err)
	}
	return path
}

func TestOptions(t *testing.T) {
	path := model(t, "masters", quant.I2_S)
	for name, o := range map[string]Options{
		"lineage without a checkpoint": {Level: Lineage},
		"golden without a baseline":    {Level: Golden},
		"checkpoint not used":          {Level: Content, Against: "x"},
		"baseline not used":            {Level: Smoke, Baseline: tinyBaseline()},
		"time not used":                {Level: Content, MaxTime: 1},
		"no such level":                {Level: 6},
		"negative threads":             {Threads: -1},
	} {
		if _, err := Run(t.Context(), path, o); !errors.Is(err, ErrOption) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	for name, err := range map[string]error{
		"no file":          must(Run(t.Context(), filepath.Join(t.TempDir(), "none"), Options{})),
		"no checkpoint":    must(Run(t.Context(), path, Options{Level: Lineage, Against: filepath.Join(t.TempDir(), "none")})),
		"empty checkpoint": must(Run(t.Context(), path, Options{Level: Lineage, Against: t.TempDir()})),
	} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := Run(t.Context(), t.TempDir(), Options{}); !errors.Is(err, ErrUnchecked) {
		t.Errorf("folder: error %v", err)
	}
}

func must(_ *Report, err error) error { return err }

// TestDigest: in a Hugging Face cache a file's name is its digest.
func TestDigest(t *testing.T) {
	blobs := filepath.Join(t.TempDir(), "blobs")
	if err := os.Mkdir(blobs, 0o755); err != nil {
		t.Fatal(err)
	}
	path := model(t, "masters", quant.I2_S)
	got := one(t, verified(t, path, Options{Level: Hash}), "hash.digest")
	if got.Severity != Info || !strings.Contains(got.Detail, "no manifest") {
		t.Fatalf("got%s", show([]Finding{got}))
	}
	digest := strings.TrimPrefix(got.Detail[:len("sha256:")+64], "sha256:")
	for name, want := range map[string]Severity{digest: Info, strings.Repeat("0", 64): Error} {
		blob := filepath.Join(blobs, name)
		if err := os.Link(path, blob); err != nil {
			t.Fatal(err)
		}
		link := filepath.Join(t.TempDir(), "model.gguf")
		if err := os.Symlink(blob, link); err != nil {
			t.Fatal(err)
		}
		got := one(t, verified(t, link, Options{Level: Hash}), "hash.digest")
		if got.Severity != want || !strings.Contains(got.Detail, "Hugging Face cache") {
			t.Errorf("%s: got%s", name, show([]Finding{got}))
		}
	}
}
