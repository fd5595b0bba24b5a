package verify

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/quant"
)

// TestTruncated cuts a file at many places. That must show at the header, with
// or without a checkpoint to compare with, and nothing else must be tried.
func TestTruncated(t *testing.T) {
	path := model(t, "masters", quant.I2_S)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head := int(openFile(t, path).DataOffset)
	masters := sources["masters"](t)
	for _, size := range []int{0, 3, 24, head / 2, head, head + 1, len(data) / 2, len(data) - 33, len(data) - 1} {
		if err := os.WriteFile(path, data[:size], 0o644); err != nil {
			t.Fatal(err)
		}
		for _, o := range []Options{{Level: Smoke}, {Level: Smoke, Against: masters}} {
			r := verified(t, path, o)
			if len(r.Levels) != 1 || r.Levels[0].Level != Header || r.Levels[0].OK {
				t.Fatalf("%d bytes: levels %+v", size, r.Levels)
			}
			if got := one(t, r, "header.structure"); got.Severity != Error || r.Verdict != File {
				t.Errorf("%d bytes: verdict %s,%s", size, r.Verdict, show(bad(r)))
			}
		}
	}
}

func TestHeader(t *testing.T) {
	set := func(key string, v any) func(*testing.T) string {
		return func(t *testing.T) string {
			return openFile(t, model(t, "masters", quant.I2_S)).rewrite(func(m *gguf.Meta) { m.Set(key, v) })
		}
	}
	without := func(key string) func(*testing.T) string {
		return func(t *testing.T) string {
			return openFile(t, model(t, "masters", quant.I2_S)).rewrite(func(m *gguf.Meta) { m.Delete(key) })
		}
	}
	tests := []struct {
		name   string
		make   func(t *testing.T) string
		rule   string
		object string
		detail string
		level  Severity
		want   Verdict
	}{
		{"no layers", set("bitnet-b1.58.block_count", uint32(0)), "header.architecture", "", "layer count 0", Error, File},
		{"layers without tensors", set("bitnet-b1.58.block_count", uint32(900)), "header.tensors", "bitnet-b1.58.block_count", "900 layers in a file of", Error, File},
		{"NaN epsilon", set("bitnet-b1.58.attention.layer_norm_rms_epsilon", float32(nan())), "header.architecture", "", "epsilon", Error, File},
		{"no head count", without("bitnet-b1.58.attention.head_count"), "header.architecture", "", "no key bitnet-b1.58.attention.head_count", Error, File},
		{"tensor missing", func(t *testing.T) string {
			return openFile(t, model(t, "masters", quant.I2_S)).rewrite(func(*gguf.Meta) {}, arch.Block(2, arch.FFNUp))
		}, "header.tensors", arch.Block(2, arch.FFNUp), "is missing", Error, File},
		{"no tokens", without("tokenizer.ggml.tokens"), "header.tokenizer", "", "tokenizer.ggml.tokens", Error, Tokenizer},
		{"eos beyond the vocabulary", set("tokenizer.ggml.eos_token_id", uint32(5000)), "header.tokenizer", "", "5000", Error, Tokenizer},
		{"too few tokens", func(t *testing.T) string {
			return openFile(t, model(t, "masters", quant.I2_S)).rewrite(func(m *gguf.Meta) {
				v, _, _ := gguf.Slice[string](m, "tokenizer.ggml.tokens")
				m.Set("tokenizer.ggml.tokens", v[:1087])
				k, _, _ := gguf.Slice[int32](m, "tokenizer.ggml.token_type")
				m.Set("tokenizer.ggml.token_type", k[:1087])
			})
		}, "header.tokenizer", "tokenizer.ggml.tokens", "1087 tokens, but the embedding has 1088 rows", Error, Tokenizer},
		{"pre-tokenizer missing", without("tokenizer.ggml.pre"), "header.pre", "tokenizer.ggml.pre", "is not there", Warning, Tokenizer},
		{"placeholder template", set("tokenizer.chat_template", "Human: {{ x }}\n\nBITNETAssistant: "), "header.template", "tokenizer.chat_template", "placeholder", Warning, Template},
		{"wrong label", set("general.file_type", uint32(7)), "header.label", "general.file_type", "is 7, which means Q8_0, but most weights are I2_S", Warning, Unknown},
		{"label of another program's I2_S", set("general.file_type", uint32(2)), "header.label", "general.file_type", "is 2, which means Q4_0, but most weights are I2_S", Warning, Unknown},
		{"no label", without("general.file_type"), "header.label", "general.file_type", "does not say", Info, Unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := verified(t, tt.make(t), Options{Level: Header})
			got := one(t, r, tt.rule)
			if got.Object() != tt.object || !strings.Contains(got.Detail, tt.detail) || got.Severity != tt.level {
				t.Errorf("got %+v", got)
			}
			if r.Verdict != tt.want {
				t.Errorf("verdict %s, want %s", r.Verdict, tt.want)
			}
			if r.Levels[0].OK != (tt.level != Error) {
				t.Errorf("ok is %t", r.Levels[0].OK)
			}
		})
	}
}

func nan() float64 { var zero float64; return zero / zero }

// TestHeaderErrorsStopEvaluation: what cannot be loaded is not loaded.
func TestHeaderErrorsStopEvaluation(t *testing.T) {
	path := openFile(t, model(t, "masters", quant.I2_S)).rewrite(func(*gguf.Meta) {}, arch.OutputNorm)
	r := verified(t, path, Options{Level: Smoke})
	last := r.Levels[len(r.Levels)-1]
	if last.Level != Smoke || last.OK || last.Unchecked == "" || len(last.Findings) > 0 {
		t.Errorf("smoke: %+v", last)
	}
	if r.Verdict != File {
		t.Errorf("verdict %s", r.Verdict)
	}
}

// TestUnsupported: what is not known here is not called bad.
func TestUnsupported(t *testing.T) {
	tests := []struct {
		name   string
		change func(m *gguf.Meta)
		detail string
	}{
		{"architecture", func(m *gguf.Meta) { m.Set("general.architecture", "mamba") }, `architecture "mamba"`},
		{"activation", func(m *gguf.Meta) { m.Set("bitnet-b1.58.hidden_activation", "gelu") }, `activation "gelu"`},
		{"tokenizer", func(m *gguf.Meta) { m.Set("tokenizer.ggml.model", "rwkv") }, "tokenizer.ggml.model"},
		{"pre-tokenizer", func(m *gguf.Meta) { m.Set("tokenizer.ggml.pre", "falcon3") }, "falcon3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := openFile(t, model(t, "masters", quant.I2_S)).rewrite(tt.change)
			r, err := Run(t.Context(), path, Options{Level: Content})
			if !errors.Is(err, ErrUnchecked) || !strings.Contains(err.Error(), tt.detail) {
				t.Fatalf("error %v", err)
			}
			if fs := bad(r); len(fs) > 0 || r.Verdict != Unknown {
				t.Errorf("verdict %s,%s", r.Verdict, show(fs))
			}
			if r.Levels[0].OK || r.Levels[0].Unchecked == "" || !r.Levels[2].OK || r.Levels[2].Coverage != 1 {
				t.Errorf("levels %+v", r.Levels)
			}
		})
	}
}
