package convert_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/synth"
	"github.com/akadata/bitnet-tool/quant"
)

// families are the ways in which ternary checkpoints are published, as package
// synth names them, and what becomes of each.
var families = []struct {
	name       string
	arch       string
	activation string
	tokenizer  string
	mode       string
	evaluated  bool
}{
	{"A", "bitnet-b1.58", "relu2", "gpt2", "multiply", true},
	{"B", "bitnet-b1.58", "relu2", "gpt2", "masters", true},
	{"D", "bitnet", "silu", "llama", "masters", true},
	{"E", "llama", "silu", "gpt2", "divide", true},
	{"F", "llama", "silu", "gpt2", "divide", true},
	{"G", "llama", "silu", "gpt2", "divide", true},
	{"G-masters", "llama", "silu", "gpt2", "masters", true},
	{"G-ternary", "llama", "silu", "gpt2", "masters", true},
	{"H", "qwen3", "silu", "gpt2", "masters", false},
	{"H-gemma3", "gemma3", "gelu_pytorch_tanh", "llama", "masters", false},
}

// familyShape has heads that are together wider than the residual stream, as
// some of the families do.
const familyShape = "layers=2,heads=4,kv_heads=2,head_dim=128,vocab=640,context=64"

// synthetic writes a checkpoint of random weights in the manner of a family.
func synthetic(t *testing.T, family, shape string) string {
	t.Helper()
	s, err := synth.ParseShape(shape)
	if err != nil {
		t.Fatal(err)
	}
	c, err := synth.New(s, family, synth.Options{Seed: 58})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), family)
	if err := c.Write(t.Context(), dir, progress.Discard); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestFamilies converts a checkpoint of every family and compares every tensor
// with the source: trits, scales, gains and embeddings.
func TestFamilies(t *testing.T) {
	for _, fam := range families {
		t.Run(fam.name, func(t *testing.T) {
			dir := synthetic(t, fam.name, familyShape)
			f, res := quantize(t, dir, convert.Options{Type: quant.I2_S})
			for key, want := range map[string]string{
				"general.architecture": fam.arch, fam.arch + ".hidden_activation": fam.activation,
				"tokenizer.ggml.model": fam.tokenizer, "bitnet_tool.scale_mode": fam.mode, "bitnet_tool.activation": "int8_token",
			} {
				if got, _ := gguf.Get[string](&f.Meta, key); got != want {
					t.Errorf("%s is %q, want %q", key, got, want)
				}
			}
			if n, _ := f.Meta.Uint(fam.arch + ".pooling_type"); fam.evaluated != (n == 0) || !fam.evaluated && n != 3 {
				t.Errorf("pooling type %d", n)
			}
			if want := 2 * 7; res.Types[quant.I2_S] != want {
				t.Errorf("%d ternary tensors, want %d", res.Types[quant.I2_S], want)
			}
			src := readCheckpoint(t, dir)
			want := map[string]bool{}
			for hf, m := range src.tensors {
				name := ggufName(t, hf, fam.arch)
				want[name] = true
				compareTensor(t, f, name, m, src, fam.arch)
			}
			for _, x := range f.Tensors {
				if !want[x.Name] {
					t.Errorf("tensor %q is not in the checkpoint", x.Name)
				}
			}
		})
	}
}

// compareTensor compares a tensor of the file with what the checkpoint means.
func compareTensor(t *testing.T, f *gguf.File, name string, m meant, src *checkpoint, arch string) {
	t.Helper()
	b, info := tensorBytes(t, f, name)
	c, _ := quant.Lookup(info.Type)
	var scale quant.Scale
	if c.Trailer > 0 {
		n := len(b) - c.Trailer
		scale = quant.Scale(math.Float32frombits(binary.LittleEndian.Uint32(b[n:])))
		b = b[:n]
		if float32(scale) != m.scale {
			t.Errorf("%s: scale %v, want %v", name, scale, m.scale)
		}
	}
	got := make([]float32, info.Elements())
	if err := c.Decode(got, b, scale); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	want := m.values
	if arch == "llama" {
		switch {
		case strings.HasSuffix(name, "attn_q.weight"):
			want = interleaved(m, src.int("num_attention_heads"))
		case strings.HasSuffix(name, "attn_k.weight"):
			want = interleaved(m, src.int("num_key_value_heads"))
		}
	}
	if arch == "gemma3" && strings.Contains(name, "norm") && !strings.Contains(name, "norm_in") {
		want = slices.Clone(want)
		for i := range want {
			want[i]++
		}
	}
	for i := range want {
		// The embedding is F16, of BF16 or F16 values.
		if d := math.Abs(float64(got[i] - want[i])); d > 0 && (info.Type != quant.F16 || d > 1e-7) {
			t.Fatalf("%s: element %d is %v, want %v", name, i, got[i], want[i])
		}
	}
}

// interleaved mixes the two halves of each head's rows: the row h·d/2+i becomes
// row 2i+h.
func interleaved(m meant, heads int) []float32 {
	out := make([]float32, len(m.values))
	d := m.rows / heads
	for head := range heads {
		for h := range 2 {
			for i := range d / 2 {
				from, to := (head*d+h*d/2+i)*m.cols, (head*d+2*i+h)*m.cols
				copy(out[to:to+m.cols], m.values[from:from+m.cols])
			}
		}
	}
	return out
}

// ggufName maps names as the converters of llama.cpp and bitnet.cpp do.
func ggufName(t *testing.T, hf, arch string) string {
	t.Helper()
	hf = strings.TrimPrefix(hf, "model.")
	switch hf {
	case "embed_tokens.weight":
		return "token_embd.weight"
	case "norm.weight":
		return "output_norm.weight"
	case "lm_head.weight":
		return "output.weight"
	}
	var n int
	if _, err := fmt.Sscanf(hf, "layers.%d.", &n); err != nil {
		t.Fatalf("name %q", hf)
	}
	part := strings.TrimSuffix(strings.TrimPrefix(hf, fmt.Sprintf("layers.%d.", n)), ".weight")
	names := map[string]string{
		"input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
		"self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
		"self_attn.attn_sub_norm": "attn_sub_norm", "self_attn.inner_attn_ln": "attn_sub_norm",
		"post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
		"mlp.ffn_sub_norm": "ffn_sub_norm", "mlp.ffn_layernorm": "ffn_sub_norm", "mlp.down_proj": "ffn_down",
		"self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
		"pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm",
	}
	if arch == "gemma3" {
		names["post_attention_layernorm"] = "post_attention_norm"
	}
	base, in := strings.CutSuffix(part, ".norm")
	name, ok := names[base]
	if !ok {
		t.Fatalf("name %q", hf)
	}
	if in {
		name += "_norm_in"
	}
	return fmt.Sprintf("blk.%d.%s.weight", n, name)
}

// checkpoint is a checkpoint as its publishers' code understands it.
type checkpoint struct {
	config  map[string]any
	tensors map[string]meant // by name in the checkpoint, scales consumed
}

// meant is a matrix of the values that are computed with, rows in the
// checkpoint's order.
type meant struct {
	rows, cols int
	values     []float32
	scale      float32 // of a projection
}

func (c *checkpoint) int(key string) int { return int(c.config[key].(float64)) }

// readCheckpoint applies the rules of transformers' integrations/bitnet.py and
// of microsoft/BitNet's converters.
func readCheckpoint(t *testing.T, dir string) *checkpoint {
	t.Helper()
	c := &checkpoint{tensors: map[string]meant{}}
	b, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err == nil {
		err = json.Unmarshal(b, &c.config)
	}
	if err != nil {
		t.Fatal(err)
	}
	raw := readTensors(t, filepath.Join(dir, "model.safetensors"))
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		x := raw[name]
		if strings.HasSuffix(name, "_scale") {
			continue
		}
		m := meant{rows: 1, cols: int(x.Shape[len(x.Shape)-1])}
		if len(x.Shape) > 1 {
			m.rows = int(x.Shape[0])
		}
		switch s, packed := raw[name+"_scale"]; {
		case packed:
			m.scale = floats(t, s)[0]
			if q := c.config["quantization_config"].(map[string]any); q["linear_class"] != "autobitlinear" {
				m.scale = 1 / m.scale
			}
			u := unpack(x, 1)
			m.rows, m.values = int(u.Shape[0]), floats(t, u)
			for i := range m.values {
				m.values[i] *= m.scale
			}
		case strings.HasSuffix(name, "_proj.weight"):
			w := floats(t, x)
			_, embedding := c.config["query_pre_attn_scalar"]
			m.values, m.scale = ternarized(w, embedding || c.config["model_type"] == "qwen3")
		default:
			m.values = floats(t, x)
		}
		c.tensors[name] = m
	}
	return c
}

// ternarized rounds masters to -m, 0 and m.
func ternarized(w []float32, meanItself bool) ([]float32, float32) {
	var sum float64
	distinct := map[float32]bool{}
	for _, x := range w {
		sum += math.Abs(float64(x))
		if x != 0 && len(distinct) < 2 {
			distinct[float32(math.Abs(float64(x)))] = true
		}
	}
	if len(distinct) == 1 {
		for m := range distinct {
			return w, m
		}
	}
	mean := max(float32(sum/float64(len(w))), 1e-5)
	s := 1 / mean
	m := 1 / s
	if meanItself {
		m = mean
	}
	out := make([]float32, len(w))
	for i, x := range w {
		out[i] = float32(max(-1, min(1, math.RoundToEven(float64(x*s))))) * m
	}
	return out, m
}

func floats(t *testing.T, x rawTensor) []float32 {
	t.Helper()
	ty := map[string]quant.Type{"BF16": quant.BF16, "F16": quant.F16, "F32": quant.F32}[x.DType]
	c, ok := quant.Lookup(ty)
	if !ok {
		t.Fatalf("type %s", x.DType)
	}
	out := make([]float32, len(x.Data)/c.BlockBytes)
	if err := c.Decode(out, x.Data, 0); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestFamilyWarnings(t *testing.T) {
	for _, tc := range []struct {
		family string
		edit   func(dir string)
		want   string
	}{
		{"E", func(string) {}, `"quantization_config" more than once`},
		{"H", func(dir string) {
			if err := os.RemoveAll(filepath.Join(dir, "1_Pooling")); err != nil {
				t.Fatal(err)
			}
		}, "the vector of the last token is taken"},
		{"H-gemma3", func(dir string) { editConfig(t, dir, func(c map[string]any) { c["sliding_window"] = 16 }) }, "sliding_window 16"},
	} {
		t.Run(tc.family, func(t *testing.T) {
			dir := synthetic(t, tc.family, familyShape)
			tc.edit(dir)
			s, err := convert.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if all := strings.Join(s.Warnings, "\n"); !strings.Contains(all, tc.want) {
				t.Errorf("warnings %q, want %q", all, tc.want)
			}
		})
	}
}

// TestFamilyRefusals: nothing of a family is skipped, and nothing is taken for
// one that lacks its norms.
func TestFamilyRefusals(t *testing.T) {
	for _, tc := range []struct {
		name, family, want string
		edit               func(dir string)
	}{
		{"plain Qwen 3", "H", `"model.layers.0.self_attn.q_proj.norm.weight" is missing`, func(dir string) {
			editTensors(t, dir, func(ts map[string]rawTensor) {
				maps.DeleteFunc(ts, func(name string, _ rawTensor) bool { return strings.HasSuffix(name, "_proj.norm.weight") })
			})
		}},
		{"one tensor more", "D", `"model.layers.0.self_attn.rope.weight" has no place`, func(dir string) {
			editTensors(t, dir, func(ts map[string]rawTensor) {
				ts["model.layers.0.self_attn.rope.weight"] = ts["model.norm.weight"]
			})
		}},
		{"both names of a norm", "D", "has no place in a bitnet model", func(dir string) {
			editTensors(t, dir, func(ts map[string]rawTensor) {
				ts["model.layers.0.mlp.ffn_sub_norm.weight"] = ts["model.layers.0.mlp.ffn_layernorm.weight"]
			})
		}},
		{"scale of the other kind", "E", "--scale-mode", func(dir string) {
			editTensors(t, dir, func(ts map[string]rawTensor) {
				for name := range ts {
					if strings.HasSuffix(name, "_scale") {
						ts[name] = rawTensor{"BF16", []int64{1}, bf16(0.0125)}
					}
				}
			})
		}},
		{"another query scale", "H-gemma3", "query_pre_attn_scalar", func(dir string) {
			editConfig(t, dir, func(c map[string]any) { c["query_pre_attn_scalar"] = 168 })
		}},
		{"pooling of two kinds", "H", "1_Pooling/config.json", func(dir string) {
			text := `{"pooling_mode_mean_tokens":true,"pooling_mode_lasttoken":true}`
			if err := os.WriteFile(filepath.Join(dir, "1_Pooling", "config.json"), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := synthetic(t, tc.family, familyShape)
			tc.edit(dir)
			_, err := tryQuantize(t, dir, filepath.Join(t.TempDir(), "x"), convert.Options{Type: quant.Q8_0})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

// A dead matrix, of masters near 1e-34 as in published checkpoints, becomes all
// zeros; so does one of zeros. Subnormal gains stay.
func TestDegenerateTensors(t *testing.T) {
	dir := synthetic(t, "B", familyShape)
	const tiny = 1e-39 // subnormal
	editTensors(t, dir, func(ts map[string]rawTensor) {
		set := func(name string, v float32) {
			x := ts[name]
			w := make([]float32, len(x.Data)/2)
			for i := range w {
				w[i] = v * float32(1+i%3)
			}
			ts[name] = rawTensor{x.DType, x.Shape, bf16(w...)}
		}
		set("model.layers.0.mlp.up_proj.weight", 1e-34)
		set("model.layers.1.mlp.up_proj.weight", 0)
		set("model.layers.0.mlp.ffn_sub_norm.weight", tiny)
	})
	f, res := quantize(t, dir, convert.Options{Type: quant.I2_S})
	if len(res.Warnings) != 2 {
		t.Errorf("warnings %q", res.Warnings)
	}
	for _, name := range []string{"blk.0.ffn_up.weight", "blk.1.ffn_up.weight"} {
		b, info := tensorBytes(t, f, name)
		for i, c := range b[:info.Elements()/4] {
			if c != 0x55 {
				t.Fatalf("%s: byte %d is %#x, want all zeros", name, i, c)
			}
		}
		s := math.Float32frombits(binary.LittleEndian.Uint32(b[info.Elements()/4:]))
		if inv := 1 / float32(1e-5); s != 1/inv {
			t.Errorf("%s: scale %v, want 1e-5", name, s)
		}
	}
	b, _ := tensorBytes(t, f, "blk.0.ffn_sub_norm.weight")
	if got := math.Float32frombits(binary.LittleEndian.Uint32(b)); got == 0 || cmp.Diff(got, math.Float32frombits(math.Float32bits(tiny)&0xffff0000)) != "" {
		t.Errorf("gain %v, want about %v", got, float32(tiny))
	}
}
