package convert_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/internal/fixture"
	"github.com/akadata/bitnet-tool/quant"
)

func TestNotTernaryNamesEveryProjection(t *testing.T) {
	_, err := tryQuantize(t, smallLlama(t), filepath.Join(t.TempDir(), "x"), convert.Options{Type: quant.TQ1_0})
	var nt *convert.NotTernaryError
	if !errors.As(err, &nt) {
		t.Fatal(err)
	}
	if len(nt.Residuals) != 7 {
		t.Fatalf("%d projections, want 7", len(nt.Residuals))
	}
	for _, r := range nt.Residuals {
		// Gaussian weights lose about half of their norm.
		if r.Ratio < 0.3 || r.Ratio > 0.7 {
			t.Errorf("%s: ratio %v", r.Tensor, r.Ratio)
		}
	}
}

func TestForcedTernary(t *testing.T) {
	f, _ := quantize(t, smallLlama(t), convert.Options{Type: quant.I2_S, ForceTernary: true})
	if s, _ := gguf.Get[string](&f.Meta, "bitnet_tool.recipe"); s != "--type I2_S --force-ternary" {
		t.Errorf("recipe %q", s)
	}
	if s, _ := gguf.Get[string](&f.Meta, "bitnet_tool.activation"); s != "int8_token" {
		t.Errorf("activation %q", s)
	}
}

// An already ternary checkpoint without any configuration is recognised by its
// values, and its scale is taken as it is.
func TestTernaryByValues(t *testing.T) {
	const m = 0.15625 // exact in BF16
	dir := smallLlama(t)
	editTensors(t, dir, func(ts map[string]rawTensor) {
		for name, x := range ts {
			if !strings.Contains(name, "_proj") {
				continue
			}
			w := make([]float32, len(x.Data)/2)
			for i := range w {
				// Mostly zeros: the mean of |w| is far from m.
				w[i] = m * float32((i*i+i/7)%8/6) * float32(1-2*(i%2))
			}
			ts[name] = rawTensor{x.DType, x.Shape, bf16(w...)}
		}
	})
	f, res := quantize(t, dir, convert.Options{Type: quant.I2_S})
	b, info := tensorBytes(t, f, "blk.0.ffn_up.weight")
	if got := math.Float32frombits(binary.LittleEndian.Uint32(b[info.Elements()/4:])); got != m {
		t.Errorf("scale %v, want %v", got, m)
	}
	if res.ThresholdSensitive != 0 {
		t.Errorf("threshold-sensitive %d", res.ThresholdSensitive)
	}
}

// The same ternary matrices stored as factors and as divisors, and with rows
// permuted for arch llama, give the same I2_S bytes when the scale is a power
// of two.
func TestMultiplyAndDivide(t *testing.T) {
	factor, divisor := smallPacked(t), smallPacked(t)
	setScales := func(dir string, v float32) {
		editTensors(t, dir, func(ts map[string]rawTensor) {
			for name := range ts {
				if strings.HasSuffix(name, "_scale") {
					ts[name] = rawTensor{"BF16", []int64{1}, bf16(v)}
				}
			}
		})
	}
	setScales(factor, 1.0/32)
	setScales(divisor, 32)
	editConfig(t, divisor, func(c map[string]any) {
		c["quantization_config"] = map[string]any{"quant_method": "bitnet"} // no linear_class: bitlinear
	})
	a, _ := quantize(t, factor, convert.Options{Type: quant.I2_S})
	b, _ := quantize(t, divisor, convert.Options{Type: quant.I2_S})
	for name := range fixture.I2S(t, fixture.BitNetPacked) {
		if !strings.HasPrefix(name, "blk.0.") {
			continue
		}
		x, _ := tensorBytes(t, a, name)
		y, _ := tensorBytes(t, b, name)
		if !cmp.Equal(x, y) {
			t.Errorf("%s differs", name)
		}
	}
	for f, want := range map[*gguf.File]string{a: "multiply", b: "divide"} {
		if s, _ := gguf.Get[string](&f.Meta, "bitnet_tool.scale_mode"); s != want {
			t.Errorf("scale mode %q, want %q", s, want)
		}
	}
}

// Packed weights of arch llama are permuted as codes, dense ones as floats;
// both give the same rows.
func TestPackedLlamaIsPermuted(t *testing.T) {
	packed, dense := smallPacked(t), smallPacked(t)
	for _, dir := range []string{packed, dense} {
		editConfig(t, dir, func(c map[string]any) {
			c["architectures"] = []string{"LlamaForCausalLM"}
			c["hidden_act"] = "silu"
		})
		editTensors(t, dir, func(ts map[string]rawTensor) {
			for name := range ts {
				if strings.Contains(name, "sub_norm") {
					delete(ts, name)
				}
				if strings.HasSuffix(name, "_scale") {
					ts[name] = rawTensor{"BF16", []int64{1}, bf16(0.5)}
				}
			}
		})
	}
	editTensors(t, dense, func(ts map[string]rawTensor) {
		for name, x := range ts {
			if x.DType == "U8" {
				ts[name] = unpack(x, 0.5)
				delete(ts, name+"_scale")
			}
		}
	})
	editConfig(t, dense, func(c map[string]any) {
		c["quantization_config"].(map[string]any)["quantization_mode"] = "online"
	})
	a, _ := quantize(t, packed, convert.Options{Type: quant.I2_S})
	b, _ := quantize(t, dense, convert.Options{Type: quant.I2_S})
	for _, name := range []string{"attn_q", "attn_k", "attn_v", "ffn_down"} {
		x, _ := tensorBytes(t, a, "blk.0."+name+".weight")
		y, _ := tensorBytes(t, b, "blk.0."+name+".weight")
		if !cmp.Equal(x, y) {
			t.Errorf("%s differs", name)
		}
	}
}

// unpack follows transformers' unpack_weights: four planes of rows, the lowest
// bits first.
func unpack(x rawTensor, m float32) rawTensor {
	rows, cols := x.Shape[0], x.Shape[1]
	w := make([]float32, 0, 4*rows*cols)
	for plane := range 4 {
		for _, b := range x.Data {
			w = append(w, m*(float32(b>>(2*plane)&3)-1))
		}
	}
	return rawTensor{"BF16", []int64{4 * rows, cols}, bf16(w...)}
}

func TestCoarseTypesWarn(t *testing.T) {
	for _, tc := range []struct {
		name string
		dir  string
		t    quant.Type
		want int
	}{
		{"ternary, Q4_0", smallMasters(t), quant.Q4_0, 1},
		{"ternary, Q4_K", smallMasters(t), quant.Q4_K, 0},
		{"plain, Q4_0", smallLlama(t), quant.Q4_0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := convert.Open(tc.dir)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			p, err := s.Plan(t.Context(), convert.Options{Type: tc.t})
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Warnings) != tc.want {
				t.Errorf("warnings %q, want %d", p.Warnings, tc.want)
			}
		})
	}
}

func TestThresholdSensitive(t *testing.T) {
	// The mean of |w| is 1 and one weight in four is 0.5: exactly on the
	// threshold, which rounds to the even 0.
	dir := smallMasters(t)
	editTensors(t, dir, func(ts map[string]rawTensor) {
		x := ts[q0]
		w := make([]float32, len(x.Data)/2)
		for i := range w {
			w[i] = []float32{0.5, -1.5, 1.25, -0.75}[i%4]
		}
		ts[q0] = rawTensor{x.DType, x.Shape, bf16(w...)}
	})
	f, res := quantize(t, dir, convert.Options{Type: quant.TQ2_0})
	b, info := tensorBytes(t, f, "blk.0.attn_q.weight")
	if want := info.Elements() / 4; res.ThresholdSensitive != want {
		t.Errorf("threshold-sensitive %d, want %d", res.ThresholdSensitive, want)
	}
	c, _ := quant.Lookup(quant.TQ2_0)
	got := make([]float32, info.Elements())
	if err := c.Decode(got, b, 0); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float32{0, -1, 1, -1}, got[:4]); diff != "" {
		t.Error(diff)
	}
}

func TestMetadata(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "models--acme--tiny", "snapshots")
	dir := filepath.Join(cache, strings.Repeat("0123abcd", 5))
	if err := os.MkdirAll(cache, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(smallPacked(t), dir); err != nil {
		t.Fatal(err)
	}
	f, _ := quantize(t, dir, convert.Options{Type: quant.I2_S, TokenEmbedding: quant.Q8_0})
	var got []string
	for k, v := range f.Meta.All() {
		if a, ok := v.(gguf.Array); ok {
			v = fmt.Sprintf("%d × %s", a.Len, a.Elem)
		}
		got = append(got, fmt.Sprintf("%s = %v (%T)", k, v, v))
	}
	want := strings.Split(strings.TrimSpace(strings.Replace(wantMetadata, "DIGEST", sourceDigest(t, dir), 1)), "\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

const wantMetadata = `
general.architecture = bitnet-b1.58 (string)
general.type = model (string)
general.name = acme/tiny (string)
general.source.repo_url = https://huggingface.co/acme/tiny (string)
bitnet-b1.58.vocab_size = 1088 (uint32)
bitnet-b1.58.context_length = 512 (uint32)
bitnet-b1.58.embedding_length = 256 (uint32)
bitnet-b1.58.block_count = 1 (uint32)
bitnet-b1.58.feed_forward_length = 768 (uint32)
bitnet-b1.58.rope.dimension_count = 64 (uint32)
bitnet-b1.58.rope.freq_base = 500000 (float32)
bitnet-b1.58.attention.head_count = 4 (uint32)
bitnet-b1.58.attention.head_count_kv = 2 (uint32)
bitnet-b1.58.attention.key_length = 64 (uint32)
bitnet-b1.58.attention.value_length = 64 (uint32)
bitnet-b1.58.attention.layer_norm_rms_epsilon = 1e-05 (float32)
bitnet-b1.58.hidden_activation = relu2 (string)
bitnet_tool.activation = int8_token (string)
general.file_type = 40 (uint32)
tokenizer.ggml.model = gpt2 (string)
tokenizer.ggml.pre = llama-bpe (string)
tokenizer.ggml.tokens = 1088 × str (string)
tokenizer.ggml.token_type = 1088 × i32 (string)
tokenizer.ggml.merges = 768 × str (string)
tokenizer.ggml.bos_token_id = 1024 (uint32)
tokenizer.ggml.eos_token_id = 1025 (uint32)
tokenizer.ggml.eot_token_id = 1033 (uint32)
tokenizer.ggml.eom_token_id = 1032 (uint32)
tokenizer.ggml.add_bos_token = true (bool)
tokenizer.chat_template = {% for message in messages %}{{ message['role'] | capitalize + ': ' + message['content'] | trim + '<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}{{ 'Assistant: ' }}{% endif %} (string)
general.quantization_version = 2 (uint32)
bitnet_tool.version = test (string)
bitnet_tool.i2s_layout = 128x32 (string)
bitnet_tool.scale_mode = multiply (string)
bitnet_tool.source.digest = DIGEST (string)
bitnet_tool.source.repo = acme/tiny (string)
bitnet_tool.source.commit = 0123abcd0123abcd0123abcd0123abcd0123abcd (string)
bitnet_tool.recipe = --type I2_S --token-embedding-type Q8_0 (string)
`

// sourceDigest computes the digest as the documentation says.
func sourceDigest(t *testing.T, dir string) string {
	t.Helper()
	var lines []string
	for name, x := range readTensors(t, filepath.Join(dir, "model.safetensors")) {
		shape := strings.ReplaceAll(fmt.Sprint(x.Shape), " ", ",")
		lines = append(lines, fmt.Sprintf("%s %s %s %x\n", name, x.DType, shape, sha256.Sum256(x.Data)))
	}
	slices.Sort(lines)
	return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(strings.Join(lines, ""))))
}
