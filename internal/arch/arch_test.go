package arch_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/fixture"
	"github.com/akadata/bitnet-tool/internal/safetensors"
)

func config(t *testing.T, dir string) *arch.Config {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := arch.ParseConfig(b)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The names and shapes of the table are those of real checkpoints.
func TestTensorsMatchCheckpoints(t *testing.T) {
	for name, dir := range map[string]string{"bitnet": fixture.BF16(t), "llama": fixture.Llama(t)} {
		t.Run(name, func(t *testing.T) {
			p, err := config(t, dir).Params()
			if err != nil {
				t.Fatal(err)
			}
			set, err := safetensors.OpenSet(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer set.Close()
			want := map[string][]int64{}
			for _, x := range set.Tensors() {
				want[x.Name] = x.Shape
			}
			got := map[string][]int64{}
			for _, x := range p.Tensors() {
				got[x.HF] = []int64{int64(x.Rows), int64(x.Cols)}
				if x.Role == arch.Norm {
					got[x.HF] = got[x.HF][1:]
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// through writes metadata into a file's header and reads it back.
func through(t *testing.T, m *gguf.Meta) *gguf.Meta {
	t.Helper()
	l, err := gguf.NewLayout(m, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := gguf.NewFile(bytes.NewReader(l.Header), int64(len(l.Header)))
	if err != nil {
		t.Fatal(err)
	}
	return &f.Meta
}

func TestMetaRoundTrip(t *testing.T) {
	for name, dir := range map[string]string{"bitnet": fixture.BF16(t), "llama": fixture.Llama(t)} {
		t.Run(name, func(t *testing.T) {
			want, err := config(t, dir).Params()
			if err != nil {
				t.Fatal(err)
			}
			m := &gguf.Meta{}
			m.Set("general.architecture", want.Name)
			want.SetMeta(m)
			got, err := arch.FromMeta(through(t, m))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(arch.Params{}, "Tied")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// meta2B is the header of the published BitNet-b1.58-2B-4T GGUF: no
// hidden_activation, no key_length.
func meta2B(name string) *gguf.Meta {
	m := &gguf.Meta{}
	m.Set("general.architecture", name)
	for key, v := range map[string]any{
		"vocab_size": uint32(128256), "context_length": uint32(4096), "embedding_length": uint32(2560),
		"block_count": uint32(30), "feed_forward_length": uint32(6912), "rope.dimension_count": uint32(128),
		"attention.head_count": uint32(20), "attention.head_count_kv": uint32(5),
		"attention.layer_norm_rms_epsilon": float32(1e-5), "rope.freq_base": float32(500000),
	} {
		m.Set(name+"."+key, v)
	}
	return m
}

func TestActivationRule(t *testing.T) {
	for _, tc := range []struct {
		name    string
		meta    *gguf.Meta
		edit    func(m *gguf.Meta)
		want    arch.Activation
		notices int
	}{
		{name: "bitnet-b1.58", meta: meta2B("bitnet-b1.58"), want: arch.ReLU2},
		{name: "bitnet-25", meta: meta2B("bitnet-25"), want: arch.ReLU2},
		{name: "llama", meta: meta2B("llama"), want: arch.SiLU},
		{name: "bitnet of the 2B-4T shape", meta: meta2B("bitnet"), want: arch.ReLU2, notices: 1},
		{
			name: "bitnet of another shape", meta: meta2B("bitnet"), want: arch.SiLU,
			edit: func(m *gguf.Meta) { m.Set("bitnet.block_count", uint32(29)) },
		},
		{
			name: "key wins over shape", meta: meta2B("bitnet"), want: arch.SiLU,
			edit: func(m *gguf.Meta) { m.Set("bitnet.hidden_activation", "silu") },
		},
		{
			name: "key wins over architecture", meta: meta2B("bitnet-b1.58"), want: arch.SiLU,
			edit: func(m *gguf.Meta) { m.Set("bitnet-b1.58.hidden_activation", "silu") },
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.edit != nil {
				tc.edit(tc.meta)
			}
			p, err := arch.FromMeta(tc.meta)
			if err != nil {
				t.Fatal(err)
			}
			if p.Activation != tc.want || len(p.Notices) != tc.notices {
				t.Errorf("%s with notices %q", p.Activation, p.Notices)
			}
			if p.HeadDim != 128 || p.KVHeads != 5 {
				t.Errorf("head width %d, key-value heads %d", p.HeadDim, p.KVHeads)
			}
		})
	}
}

func TestBadMeta(t *testing.T) {
	const a = "bitnet-b1.58"
	for _, tc := range []struct {
		name, key string
		value     any // nil deletes
		want      error
	}{
		{"no architecture", "general.architecture", nil, arch.ErrParams},
		{"unknown architecture", "general.architecture", "mamba", arch.ErrUnsupported},
		{"no layer count", a + ".block_count", nil, arch.ErrParams},
		{"negative count", a + ".block_count", int32(-1), arch.ErrParams},
		{"huge count", a + ".block_count", uint64(1 << 40), arch.ErrParams},
		{"count as text", a + ".block_count", "30", arch.ErrParams},
		{"zero heads", a + ".attention.head_count", uint32(0), arch.ErrParams},
		{"uneven sharing", a + ".attention.head_count_kv", uint32(3), arch.ErrParams},
		{"NaN epsilon", a + ".attention.layer_norm_rms_epsilon", float32(math.NaN()), arch.ErrParams},
		{"infinite rope base", a + ".rope.freq_base", float32(math.Inf(1)), arch.ErrParams},
		{"negative rope base", a + ".rope.freq_base", float32(-5), arch.ErrParams},
		{"odd head width", a + ".attention.key_length", uint32(127), arch.ErrParams},
		{"partial rotation", a + ".rope.dimension_count", uint32(64), arch.ErrUnsupported},
		{"other value width", a + ".attention.value_length", uint32(64), arch.ErrUnsupported},
		{"rope scaling", a + ".rope.scaling.type", "yarn", arch.ErrUnsupported},
		{"rope scaling without a type", a + ".rope.scaling.factor", float32(4), arch.ErrUnsupported},
		{"rope scaling by its old name", a + ".rope.scale_linear", float32(4), arch.ErrUnsupported},
		{"rope scaling by 0", a + ".rope.scaling.factor", float32(0), nil},
		{"experts", a + ".expert_count", uint32(8), arch.ErrUnsupported},
		{"no experts", a + ".expert_count", uint32(0), nil},
		{"unknown activation", a + ".hidden_activation", "gelu", arch.ErrUnsupported},
		{"activation as number", a + ".hidden_activation", uint32(1), arch.ErrParams},
		{"unknown activation format", "bitnet_tool.activation", "int4_group", arch.ErrUnsupported},
		{"part of a split model", "split.count", uint16(2), arch.ErrUnsupported},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := meta2B(a)
			if tc.value == nil {
				m.Delete(tc.key)
			} else {
				m.Set(tc.key, tc.value)
			}
			_, err := arch.FromMeta(m)
			if !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
		})
	}
}

func TestBadConfig(t *testing.T) {
	good := map[string]any{
		"architectures": []string{"BitNetForCausalLM"}, "hidden_size": 256, "intermediate_size": 768,
		"num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 1088,
		"max_position_embeddings": 512, "rope_theta": 5e5, "rms_norm_eps": 1e-5, "hidden_act": "relu2",
	}
	for _, tc := range []struct {
		name, key string
		value     any
		want      error
	}{
		{"good", "use_cache", true, nil},
		{"lower-case n", "architectures", []string{"BitnetForCausalLM"}, nil},
		{"no architecture", "architectures", []string{}, arch.ErrUnsupported},
		{"attention bias", "attention_bias", true, arch.ErrUnsupported},
		{"rms norm inside linears", "quantization_config", map[string]any{"quant_method": "bitnet", "use_rms_norm": true}, arch.ErrUnsupported},
		{"other quantization", "quantization_config", map[string]any{"quant_method": "gptq"}, arch.ErrUnsupported},
		{"unknown activation", "hidden_act", "gelu", arch.ErrUnsupported},
		{"no activation", "hidden_act", nil, arch.ErrUnsupported},
		{"text for a number", "hidden_size", "256", arch.ErrParams},
		{"zero width", "hidden_size", 0, arch.ErrParams},
		{"absurd layers", "num_hidden_layers", 1 << 20, arch.ErrParams},
		{"rope scaling of no kind", "rope_scaling", map[string]any{"rope_type": "default"}, nil},
		{"rope scaling", "rope_scaling", map[string]any{"type": "linear", "factor": 2}, arch.ErrUnsupported},
		{"rope parameters", "rope_parameters", map[string]any{"rope_type": "yarn", "rope_theta": 5e5}, arch.ErrUnsupported},
		{"rope parameters by layer", "rope_parameters", map[string]any{"full_attention": map[string]any{"rope_theta": 5e5}}, arch.ErrUnsupported},
		{"two rope bases", "rope_parameters", map[string]any{"rope_theta": 1e4}, arch.ErrParams},
		{"partial rotation", "partial_rotary_factor", 0.5, arch.ErrUnsupported},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := map[string]any{}
			for k, v := range good {
				c[k] = v
			}
			c[tc.key] = tc.value
			b, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := arch.ParseConfig(b)
			if err == nil {
				_, err = parsed.Params()
			}
			if !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
		})
	}
}

// Which architecture a configuration stands for: by architectures first, then
// by model_type.
func TestDispatch(t *testing.T) {
	const sizes = `"hidden_size":256,"intermediate_size":512,"num_hidden_layers":1,"num_attention_heads":4,"vocab_size":512,"max_position_embeddings":64`
	for _, tc := range []struct {
		name, config string
		arch         string // "" if refused
		ternary      bool
	}{
		{"2B-4T", `"architectures":["BitNetForCausalLM"],"model_type":"bitnet","hidden_act":"relu2"`, "bitnet-b1.58", true},
		{"1bitLLM", `"architectures":["BitnetForCausalLM"],"model_type":"llama","hidden_act":"silu"`, "bitnet", true},
		{"Falcon-E", `"architectures":["LlamaForCausalLM"],"model_type":"llama","hidden_act":"silu","quantization_config":{"quant_method":"bitnet"}`, "llama", true},
		{"Llama", `"architectures":["LlamaForCausalLM"],"model_type":"llama","hidden_act":"silu"`, "llama", false},
		{"embedding on Qwen", `"architectures":["Qwen3Model"],"model_type":"qwen3","hidden_act":"silu"`, "qwen3", true},
		{"embedding on Gemma", `"architectures":["Gemma3TextModel"],"model_type":"gemma3_text","hidden_activation":"gelu_pytorch_tanh"`, "gemma3", true},
		{"Gemma with another activation", `"model_type":"gemma3_text","hidden_activation":"silu"`, "", true},
		{"Llama with Gemma's", `"architectures":["LlamaForCausalLM"],"hidden_act":"gelu_pytorch_tanh"`, "", false},
		{"Qwen 2", `"architectures":["Qwen2ForCausalLM"],"model_type":"qwen2","hidden_act":"silu"`, "", false},
		{"two architectures", `"architectures":["LlamaForCausalLM","BitNetForCausalLM"],"hidden_act":"silu"`, "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := arch.ParseConfig([]byte("{" + tc.config + "," + sizes + "}"))
			if err != nil {
				t.Fatal(err)
			}
			p, err := c.Params()
			if tc.arch == "" {
				if !errors.Is(err, arch.ErrUnsupported) {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if p.Name != tc.arch || p.Ternary != tc.ternary || c.Ternary() != tc.ternary {
				t.Errorf("architecture %s, ternary %t", p.Name, p.Ternary)
			}
			m := &gguf.Meta{}
			m.Set("general.architecture", p.Name)
			if p.InNorms {
				p.Pooling = arch.PoolCLS
			}
			p.SetMeta(m)
			back, err := arch.FromMeta(m)
			if err != nil {
				t.Fatal(err)
			}
			// Architectures with int8 activations of their own are ternary.
			p.Int8Activations = p.Int8Activations || back.Int8Activations
			if diff := cmp.Diff(p, back, cmpopts.IgnoreFields(arch.Params{}, "Tied")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDuplicateQuantizationConfig(t *testing.T) {
	c, err := arch.ParseConfig([]byte(`{"architectures":["LlamaForCausalLM"],
		"quantization_config":{"quant_method":"bitnet"},
		"quantization_config":{"quant_method":"bitnet","linear_class":"bitlinear"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if !c.Ternary() || c.Quantization.LinearClass != "bitlinear" {
		t.Errorf("%+v", c.Quantization)
	}
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "quantization_config") {
		t.Errorf("warnings %q", c.Warnings)
	}
}

// Python, for which configurations are written, knows no key in another case, and
// takes the last of equal keys whole.
func TestConfigKeysAreExact(t *testing.T) {
	c, err := arch.ParseConfig([]byte(`{"architectures":["BitNetForCausalLM"],"hidden_size":256,"Hidden_Size":512,"HIDDEN_ACT":"silu",
		"quantization_config":{"quant_method":"bitnet","use_rms_norm":true},
		"quantization_config":{"quant_method":"bitnet","Linear_Class":"bitlinear"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if c.HiddenSize != 256 || c.HiddenAct != "" {
		t.Errorf("hidden_size %d, hidden_act %q", c.HiddenSize, c.HiddenAct)
	}
	if diff := cmp.Diff(&arch.Quantization{Method: "bitnet"}, c.Quantization); diff != "" {
		t.Errorf("quantization_config (-want +got):\n%s", diff)
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(`{"architectures":["BitNetForCausalLM"],"hidden_size":256,"num_attention_heads":4}`))
	f.Add([]byte(strings.Repeat(`{"a":`, 100)))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := arch.ParseConfig(data)
		if err != nil {
			return
		}
		if p, err := c.Params(); err == nil && len(p.Tensors()) == 0 {
			t.Error("a model without tensors")
		}
	})
}

// What a configuration does not say, and what transformers 5 says elsewhere.
func TestConfigDefaults(t *testing.T) {
	const sizes = `"hidden_size":256,"intermediate_size":512,"num_hidden_layers":1,"num_attention_heads":4,"vocab_size":512,"max_position_embeddings":64`
	const bitnet = `"architectures":["BitNetForCausalLM"],"model_type":"bitnet","hidden_act":"relu2"`
	const llama = `"architectures":["LlamaForCausalLM"],"model_type":"llama","hidden_act":"silu"`
	const gemma = `"model_type":"gemma3_text","hidden_activation":"gelu_pytorch_tanh"`
	type values struct {
		Rope, Eps float32
		Tied      bool
	}
	for _, tc := range []struct {
		name, config string
		want         values
	}{
		{"BitNet", bitnet, values{500000, 1e-5, false}},
		{"1bitLLM", `"architectures":["BitnetForCausalLM"],"model_type":"llama","hidden_act":"silu"`, values{10000, 1e-6, false}},
		{"Llama", llama, values{10000, 1e-6, false}},
		{"Qwen 3", `"model_type":"qwen3","hidden_act":"silu"`, values{10000, 1e-6, false}},
		{"Gemma 3", gemma, values{1000000, 1e-6, true}},
		{"Gemma 3 with a head", gemma + `,"tie_word_embeddings":false`, values{1000000, 1e-6, false}},
		{"base in rope_parameters", llama + `,"rope_parameters":{"rope_theta":500000.0,"rope_type":"default"}`, values{500000, 1e-6, false}},
		{"base in both", llama + `,"rope_theta":500000,"rope_parameters":{"rope_theta":500000.0,"rope_type":"default","factor":null}`, values{500000, 1e-6, false}},
		{"nothing in rope_parameters", llama + `,"rope_theta":500000,"rope_parameters":null,"rope_scaling":null`, values{500000, 1e-6, false}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := arch.ParseConfig([]byte("{" + tc.config + "," + sizes + "}"))
			if err != nil {
				t.Fatal(err)
			}
			p, err := c.Params()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, values{p.RopeBase, p.Eps, p.Tied}); diff != "" {
				t.Error(diff)
			}
		})
	}
}
