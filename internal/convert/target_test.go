package convert_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/quant"
)

func TestNoSuchMix(t *testing.T) {
	s, err := convert.Open(smallLlama(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Plan(t.Context(), convert.Options{Type: quant.Q6_K, Mix: true}); !errors.Is(err, convert.ErrOption) {
		t.Errorf("error %v", err)
	}
}

func TestTargets(t *testing.T) {
	masters, silu, llama := smallMasters(t), synthetic(t, "D", familyShape), smallLlama(t)
	square := synthetic(t, "D", "layers=1,hidden=256,heads=2,kv_heads=1,head_dim=128,vocab=512")
	embedding := synthetic(t, "H", familyShape)
	for _, tc := range []struct {
		name   string
		dir    string
		target convert.Target
		t      quant.Type
		arch   string // "" for a refusal
		says   string // in the error or the warnings
	}{
		{"relu2 for bitnet.cpp", masters, convert.BitNetCpp, quant.I2_S, "bitnet-b1.58", ""},
		{"relu2 for ik", masters, convert.IkLlama, quant.I2_S, "bitnet-b1.58", "ik_llama.cpp: I2_S has to be requantized by its llama-quantize"},
		{"relu2 for llama.cpp", masters, convert.LlamaCpp, quant.TQ2_0, "bitnet", "before August 2026 in architecture bitnet it computes silu, the model wants relu2"},
		{"I2_S for llama.cpp", masters, convert.LlamaCpp, quant.I2_S, "", "llama.cpp: it does not know type I2_S, of 7 tensors"},
		{"TQ1_0 for ik", masters, convert.IkLlama, quant.TQ1_0, "", "does not know type TQ1_0"},
		{"Q8_0 for ik", masters, convert.IkLlama, quant.Q8_0, "bitnet-b1.58", ""},
		{"silu for bitnet.cpp", square, convert.BitNetCpp, quant.I2_S, "bitnet", ""},
		{"silu for llama.cpp", square, convert.LlamaCpp, quant.TQ1_0, "bitnet", ""},
		{"wide heads", silu, convert.LlamaCpp, quant.TQ1_0, "", "heads that add up to the embedding's 256, not 512"},
		{"llama for llama.cpp", llama, convert.LlamaCpp, quant.Q4_K, "llama", ""},
		{"embedding model for bitnet.cpp", embedding, convert.BitNetCpp, quant.I2_S, "qwen3", "July 2026"},
		{"embedding model for llama.cpp", embedding, convert.LlamaCpp, quant.Q8_0, "", "llama.cpp does not know architecture qwen3"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := convert.Open(tc.dir)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			p, err := s.Plan(t.Context(), convert.Options{Type: tc.t, Target: tc.target})
			if tc.arch == "" {
				if !errors.Is(err, convert.ErrUnsupported) || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("error %v, want %q", err, tc.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if all := strings.Join(p.Warnings, "\n"); !strings.Contains(all, tc.says) || (all == "") != (tc.says == "") {
				t.Errorf("warnings %q, want %q", all, tc.says)
			}
			got, err := arch.FromMeta(p.Meta)
			if err != nil {
				t.Fatal(err)
			}
			if got.Name != tc.arch || got.Activation != s.Params.Activation || got.HeadDim != s.Params.HeadDim {
				t.Errorf("architecture %s with %s", got.Name, got.Activation)
			}
			for key := range p.Meta.All() {
				if strings.HasSuffix(key, ".block_count") && key != tc.arch+".block_count" {
					t.Errorf("key %s is left", key)
				}
			}
			if s, _ := gguf.Get[string](p.Meta, "bitnet_tool.recipe"); s != fmt.Sprintf("--type %s --target %s", tc.t, tc.target) {
				t.Errorf("recipe %q", s)
			}
		})
	}
}

// TestVerdicts asks who can load files that nobody wrote for anyone.
func TestVerdicts(t *testing.T) {
	meta := func(name string, more map[string]any) *gguf.Meta {
		m := &gguf.Meta{}
		m.Set("general.architecture", name)
		for key, v := range map[string]any{
			"context_length": uint32(64), "embedding_length": uint32(256), "block_count": uint32(1), "feed_forward_length": uint32(256),
			"attention.head_count": uint32(2), "attention.layer_norm_rms_epsilon": float32(1e-5), "vocab_size": uint32(512),
		} {
			m.Set(name+"."+key, v)
		}
		m.Set("tokenizer.ggml.model", "gpt2")
		m.Set("tokenizer.ggml.pre", "llama-bpe")
		for key, v := range more {
			m.Set(key, v)
		}
		return m
	}
	of := func(types ...quant.Type) (ts []gguf.Tensor) {
		for i, ty := range types {
			ts = append(ts, gguf.Tensor{TensorInfo: gguf.TensorInfo{Name: fmt.Sprint(i), Type: ty}})
		}
		return ts
	}
	head := gguf.Tensor{TensorInfo: gguf.TensorInfo{Name: "output.weight", Type: quant.F16}}
	norm := gguf.Tensor{TensorInfo: gguf.TensorInfo{Name: "blk.0.attn_q_norm_in.weight", Type: quant.F32}}
	for _, tc := range []struct {
		name    string
		meta    *gguf.Meta
		tensors []gguf.Tensor
		want    []string
	}{
		{"I2_S", meta("bitnet-b1.58", nil), of(quant.I2_S, quant.F32), []string{"bitnet-tool", "bitnet.cpp"}},
		{"TQ2_0", meta("bitnet", nil), of(quant.TQ2_0), []string{"bitnet-tool", "bitnet.cpp", "llama.cpp"}},
		{"Q4_K", meta("llama", nil), of(quant.Q4_K, quant.Q6_K), []string{"bitnet-tool", "bitnet.cpp", "llama.cpp", "ik_llama.cpp"}},
		{"private type", meta("llama", nil), []gguf.Tensor{{TypeID: 135}}, []string{"ik_llama.cpp"}},
		{"relu2 under the name of silu", meta("bitnet", map[string]any{"bitnet.hidden_activation": "relu2"}), of(quant.Q8_0), []string{"bitnet-tool", "llama.cpp"}},
		{"silu under the name of relu2", meta("bitnet-b1.58", map[string]any{"bitnet-b1.58.hidden_activation": "silu"}), of(quant.Q8_0), []string{"bitnet-tool"}},
		{"output matrix of its own", meta("bitnet", nil), append(of(quant.Q8_0), head), []string{"bitnet-tool"}},
		{"output matrix of its own, allowed", meta("bitnet-b1.58", nil), append(of(quant.I2_S), head), []string{"bitnet-tool", "bitnet.cpp"}},
		{"embedding model", meta("gemma3", nil), append(of(quant.I2_S), norm), []string{"bitnet.cpp"}},
		{"plain Gemma 3", meta("gemma3", nil), of(quant.Q8_0), nil},
		{"unknown architecture", meta("mamba", nil), of(quant.Q8_0), nil},
		{"unknown pre-tokenizer", meta("llama", map[string]any{"tokenizer.ggml.pre": "x"}), of(quant.Q8_0), nil},
		{"Falcon 3's pre-tokenizer", meta("llama", map[string]any{"tokenizer.ggml.pre": "falcon3"}), of(quant.Q8_0), []string{"bitnet.cpp", "llama.cpp", "ik_llama.cpp"}},
		{"Falcon-E's pre-tokenizer", meta("llama", map[string]any{"tokenizer.ggml.pre": "falcon_e"}), of(quant.Q8_0), []string{"bitnet.cpp", "ik_llama.cpp"}},
		{"SentencePiece has none", meta("llama", map[string]any{"tokenizer.ggml.model": "llama", "tokenizer.ggml.pre": "x"}), of(quant.Q8_0), []string{"bitnet-tool", "bitnet.cpp", "llama.cpp", "ik_llama.cpp"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for _, v := range convert.Verdicts(tc.meta, tc.tensors) {
				if len(v.Refusals) == 0 {
					got = append(got, v.Program)
				}
				// Of models that are unknown here it is not known what others do.
				falconE := strings.Contains(tc.name, "Falcon-E") && v.Program == "llama.cpp"
				if own := v.Program == "bitnet-tool"; v.Unknown != (!own && tc.want == nil || falconE) {
					t.Errorf("%s: unknown %t, %v", v.Program, v.Unknown, v.Refusals)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
