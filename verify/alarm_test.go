package verify

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/synth"
	"github.com/akadata/bitnet-tool/quant"
)

// TestNoAlarm has sound files that look odd: nothing worse than a note is said
// of them.
func TestNoAlarm(t *testing.T) {
	gate, up, down := arch.Block(1, arch.FFNGate), arch.Block(1, arch.FFNUp), arch.Block(1, arch.FFNDown)
	dirs := checkpoints(t, "masters")
	set := func(key string, v any) func(f *file) string {
		return func(f *file) string { return f.rewrite(func(m *gguf.Meta) { m.Set(key, v) }) }
	}
	for _, tt := range []struct {
		name    string
		change  func(f *file) string
		options Options
		but     string // the one rule that may have findings
	}{
		{name: "one token begins and ends a text, as GPT-NeoX has it", change: func(f *file) string {
			return f.rewrite(func(m *gguf.Meta) {
				texts, _, _ := gguf.Slice[string](m, tokensKey)
				bos, _ := m.Int("tokenizer.ggml.bos_token_id")
				texts[bos] = "<|endoftext|>"
				m.Set(tokensKey, texts)
				m.Set("tokenizer.ggml.eos_token_id", uint32(bos))
			})
		}},
		{name: "I2_S of another layout", change: func(f *file) string {
			path, m := filepath.Join(f.t.TempDir(), "64x16.gguf"), f.Meta.Clone()
			m.Set(gguf.LayoutKey, "64x16")
			if _, err := f.Copy(f.t.Context(), path, m, false, progress.Discard); err != nil {
				f.t.Fatal(err)
			}
			return path
		}},
		{name: "a converter's -1 for no token", change: set("tokenizer.ggml.padding_token_id", uint32(math.MaxUint32))},
		{name: "file type of the newer branch", change: set("general.file_type", uint32(41))},
		{
			name: "older name of the pre-tokenizer", change: set(preKey, "llama3"),
			options: Options{Level: Lineage, Against: dirs["masters"]},
		},
		{name: "a dead block, whose scales are the smallest there are", change: func(f *file) string {
			for _, name := range []string{gate, up, down} {
				f.patch(name, 0, repeat(0x55, len(f.bytes(name))-32))
				f.setScale(name, 1e-5)
			}
			return f.path
		}, options: Options{Level: Content}, but: "content.zeros"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := verified(t, tt.change(openFile(t, model(t, "masters", quant.I2_S))), tt.options)
			for _, f := range bad(r) {
				if f.Rule != tt.but || f.Severity == Error {
					t.Errorf("%s", show([]Finding{f}))
				}
			}
		})
	}
}

// TestBlurred: types that hold trits only nearly are no masters for that, and
// masters in them are found.
func TestBlurred(t *testing.T) {
	for _, typ := range []quant.Type{quant.Q4_0, quant.Q4_1, quant.Q5_0, quant.Q5_1, quant.Q4_K, quant.Q5_K, quant.Q6_K} {
		t.Run(typ.String(), func(t *testing.T) {
			t.Parallel()
			f := openFile(t, model(t, "masters", typ))
			for _, x := range bad(verified(t, f.path, Options{Level: Content})) {
				if x.Rule != "header.coarse" {
					t.Errorf("%s", show([]Finding{x}))
				}
			}
			if ds, err := Diff(t.Context(), openFile(t, model(t, "masters", quant.I2_S)).File, f.File, DiffOptions{Trits: true}); err != nil || len(ds) > 0 {
				t.Errorf("trits differ: %v, %v", ds, err)
			}
			name := arch.Block(1, arch.FFNGate)
			x, _ := f.Tensor(name)
			c, _ := quant.Lookup(typ)
			r, w, b := rand.New(rand.NewPCG(1, 2)), make([]float32, x.Elements()), make([]byte, x.Size)
			for i := range w {
				w[i] = float32(r.NormFloat64()) / 50
			}
			if err := c.Encode(b, w, 0); err != nil {
				t.Fatal(err)
			}
			f.patch(name, 0, b)
			if got := one(t, verified(t, f.path, Options{Level: Content}), "content.ternary"); got.Tensor != name || got.Severity != Error {
				t.Errorf("masters: %+v", got)
			}
		})
	}
}

// TestNoBOS: a model whose checkpoint adds no BOS is as its checkpoint.
func TestNoBOS(t *testing.T) {
	dir := sources["masters"](t)
	name := filepath.Join(dir, "tokenizer.json")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var tokenizer map[string]any
	if err := json.Unmarshal(data, &tokenizer); err != nil {
		t.Fatal(err)
	}
	tokenizer["post_processor"] = nil
	if data, err = json.Marshal(tokenizer); err == nil {
		err = os.WriteFile(name, data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.gguf")
	quantize(t, dir, path, convert.Options{Type: quant.I2_S, Tool: "test"})
	if r := verified(t, path, Options{Level: Lineage, Against: dir}); len(bad(r)) > 0 || r.Verdict != Good {
		t.Errorf("verdict %s:%s", r.Verdict, show(bad(r)))
	}
	if f := one(t, verified(t, path, Options{Level: Header}), "header.bos"); f.Severity != Warning {
		t.Errorf("without the checkpoint: %s", f.Severity)
	}
}

// TestOtherGraphs: tensors that an architecture may have, or that it shares its
// name with, are no damage; only this program does not know them.
func TestOtherGraphs(t *testing.T) {
	var norms []string
	for _, x := range openFile(t, model(t, "masters", quant.I2_S)).Tensors {
		if strings.Contains(x.Name, "sub_norm") {
			norms = append(norms, x.Name)
		}
	}
	add := func(name string) func(f *file) string {
		return func(f *file) string { return with(f, name) }
	}
	for _, tt := range []struct {
		name   string
		change func(f *file) string
		detail string
	}{
		{"scales in tensors of their own", add("blk.0.attn_q.scale"), "blk.0.attn_q.scale"},
		{"biases", add("blk.0.attn_q.bias"), "blk.0.attn_q.bias"},
		{"plain Qwen 3", func(f *file) string {
			return f.rewrite(func(m *gguf.Meta) { rename(m, "bitnet-b1.58", "qwen3") }, norms...)
		}, "qwen3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, err := Run(t.Context(), tt.change(openFile(t, model(t, "masters", quant.I2_S))), Options{Level: Header})
			if !errors.Is(err, ErrUnchecked) || !errors.Is(err, arch.ErrUnsupported) || !strings.Contains(err.Error(), tt.detail) {
				t.Errorf("error %v", err)
			}
			if fs := bad(r); len(fs) > 0 || r.Verdict != Unknown {
				t.Errorf("verdict %s:%s", r.Verdict, show(fs))
			}
		})
	}
}

// with writes the file again with one more tensor, of one weight.
func with(f *file, name string) string {
	f.t.Helper()
	infos := []gguf.TensorInfo{}
	for _, x := range f.Tensors {
		infos = append(infos, x.TensorInfo)
	}
	infos = append(infos, gguf.TensorInfo{Name: name, Dims: []int64{1}, Type: quant.F32})
	l, err := gguf.NewLayout(&f.Meta, infos)
	if err != nil {
		f.t.Fatal(err)
	}
	path := filepath.Join(f.t.TempDir(), "larger.gguf")
	w, err := os.Create(path)
	if err != nil {
		f.t.Fatal(err)
	}
	defer w.Close()
	for i, x := range f.Tensors {
		if _, err := l.Section(w, i).Write(f.bytes(x.Name)); err != nil {
			f.t.Fatal(err)
		}
	}
	if _, err := l.Section(w, len(f.Tensors)).Write([]byte{0, 0, 128, 63}); err != nil {
		f.t.Fatal(err)
	}
	if err := l.WriteFrame(w); err != nil {
		f.t.Fatal(err)
	}
	return path
}

// TestSentencePieceLineage: what decides about tokens is compared, and what
// converters disagree about is not.
func TestSentencePieceLineage(t *testing.T) {
	shape, err := synth.ParseShape("tiny")
	if err != nil {
		t.Fatal(err)
	}
	c, err := synth.New(shape, "D", synth.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "model")
	if err := c.Write(t.Context(), dir, progress.Discard); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.gguf")
	quantize(t, dir, path, convert.Options{Type: quant.I2_S, Tool: "test"})
	scores := func(change func(scores []float32, kinds []int32)) func(m *gguf.Meta) {
		return func(m *gguf.Meta) {
			s, _, _ := gguf.Slice[float32](m, scoresKey)
			k, _, _ := gguf.Slice[int32](m, kindsKey)
			change(s, k)
			m.Set(scoresKey, s)
		}
	}
	for name, tt := range map[string]struct {
		change func(m *gguf.Meta)
		key    string // "" for none
	}{
		"nothing": {func(*gguf.Meta) {}, ""},
		"scores of pieces": {scores(func(s []float32, k []int32) {
			i := slices.Index(k, 1)
			s[i]--
		}), scoresKey},
		"scores of what is no piece": {scores(func(s []float32, k []int32) {
			for i := range s {
				if k[i] != 1 {
					s[i] = 0
				}
			}
		}), ""},
		"space in front": {func(m *gguf.Meta) {
			was, _ := gguf.Get[bool](m, addSpaceKey)
			m.Set(addSpaceKey, !was)
		}, addSpaceKey},
	} {
		t.Run(name, func(t *testing.T) {
			r := verified(t, openFile(t, path).rewrite(tt.change), Options{Level: Lineage, Against: dir})
			var keys []string
			for _, f := range bad(r) {
				keys = append(keys, f.Key)
			}
			if got := strings.Join(keys, " "); got != tt.key {
				t.Errorf("findings%s", show(bad(r)))
			}
		})
	}
}
