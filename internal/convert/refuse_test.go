package convert_test

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/internal/fixture"
	"github.com/akadata/bitnet-tool/internal/safetensors"
	"github.com/akadata/bitnet-tool/quant"
)

const (
	q0     = "model.layers.0.self_attn.q_proj.weight"
	down0  = "model.layers.0.mlp.down_proj.weight"
	scale0 = q0 + "_scale"
)

// Each fault ends in an error of its kind that names the culprit, and leaves
// no file.
func TestRefusals(t *testing.T) {
	i2s := convert.Options{Type: quant.I2_S}
	for _, tc := range []struct {
		name   string
		source func(*testing.T) string
		edit   func(t *testing.T, dir string)
		o      convert.Options
		want   error
		names  string
	}{
		{
			name: "plain model as I2_S", source: smallLlama, o: i2s,
			want: convert.ErrNotTernary, names: "blk.0.",
		},
		{
			name: "missing tensor", source: smallMasters, o: i2s,
			edit: func(t *testing.T, dir string) {
				editTensors(t, dir, func(ts map[string]rawTensor) { delete(ts, q0) })
			},
			want: convert.ErrTensors, names: q0,
		},
		{
			name: "masters that are used as they are", source: smallMasters, o: i2s,
			edit: func(t *testing.T, dir string) {
				editConfig(t, dir, func(c map[string]any) {
					c["quantization_config"] = map[string]any{"quant_method": "bitnet", "modules_to_not_convert": []string{"lm_head", "self_attn.q_proj"}}
				})
			},
			want: convert.ErrUnsupported, names: q0,
		},
		{
			name: "unknown tensor", source: smallMasters, o: i2s,
			edit: func(t *testing.T, dir string) {
				editTensors(t, dir, func(ts map[string]rawTensor) {
					ts["model.layers.0.extra.weight"] = rawTensor{"BF16", []int64{1}, bf16(1)}
				})
			},
			want: convert.ErrTensors, names: "model.layers.0.extra.weight",
		},
		{
			name: "layer beyond the configured count", source: func(t *testing.T) string { return fixture.BF16(t) }, o: i2s,
			edit: func(t *testing.T, dir string) {
				editConfig(t, dir, func(c map[string]any) { c["num_hidden_layers"] = 3 })
			},
			want: convert.ErrTensors, names: "model.layers.3.",
		},
		{
			name: "wrong shape", source: smallMasters, o: i2s,
			edit: func(t *testing.T, dir string) {
				editTensors(t, dir, func(ts map[string]rawTensor) {
					x := ts[down0]
					x.Shape = []int64{x.Shape[1], x.Shape[0]}
					ts[down0] = x
				})
			},
			want: convert.ErrTensors, names: down0,
		},
		{
			name: "integer weights", source: smallMasters, o: i2s,
			edit: func(t *testing.T, dir string) {
				editTensors(t, dir, func(ts map[string]rawTensor) {
					x := ts[q0]
					x.DType = "I16"
					ts[q0] = x
				})
			},
			want: convert.ErrTensors, names: q0,
		},
		{
			name: "packed weight without scale", source: smallPacked, o: i2s,
			edit: func(t *testing.T, dir string) {
				editTensors(t, dir, func(ts map[string]rawTensor) { delete(ts, scale0) })
			},
			want: convert.ErrTensors, names: q0,
		},
		{
			name: "scale without packed weight", source: smallMasters, o: i2s,
			edit: func(t *testing.T, dir string) {
				editTensors(t, dir, func(ts map[string]rawTensor) { ts[scale0] = rawTensor{"BF16", []int64{1}, bf16(1)} })
			},
			want: convert.ErrTensors, names: q0,
		},
		{
			name: "scale that is zero", source: smallPacked, o: i2s,
			edit: func(t *testing.T, dir string) {
				editTensors(t, dir, func(ts map[string]rawTensor) { ts[scale0] = rawTensor{"BF16", []int64{1}, bf16(0)} })
			},
			want: convert.ErrTensors, names: scale0,
		},
		{
			name: "scale of two values", source: smallPacked, o: i2s,
			edit: func(t *testing.T, dir string) {
				editTensors(t, dir, func(ts map[string]rawTensor) { ts[scale0] = rawTensor{"BF16", []int64{2}, bf16(1, 1)} })
			},
			want: convert.ErrTensors, names: scale0,
		},
		{
			name: "code 3", source: smallPacked, o: i2s,
			edit: func(t *testing.T, dir string) {
				editTensors(t, dir, func(ts map[string]rawTensor) { ts[q0].Data[1000] |= 3 })
			},
			want: quant.ErrCode, names: q0,
		},
		{
			name: "scales that look like divisors", source: smallPacked, o: i2s,
			edit: func(t *testing.T, dir string) {
				editTensors(t, dir, func(ts map[string]rawTensor) { ts[scale0] = rawTensor{"BF16", []int64{1}, bf16(64)} })
			},
			want: convert.ErrScaleMode, names: scale0,
		},
		{
			name: "scales that look like factors", source: smallPacked, o: i2s,
			edit: func(t *testing.T, dir string) {
				editConfig(t, dir, func(c map[string]any) {
					c["quantization_config"] = map[string]any{"quant_method": "bitnet"}
				})
			},
			want: convert.ErrScaleMode, names: "weight_scale",
		},
		{
			name: "NaN", source: smallMasters, o: i2s,
			edit: func(t *testing.T, dir string) {
				editTensors(t, dir, func(ts map[string]rawTensor) {
					binary.LittleEndian.PutUint16(ts[down0].Data[2*70001:], 0x7fc1)
				})
			},
			want: quant.ErrNotFinite, names: "weight 70001",
		},
		{
			name: "columns that do not divide", source: smallMasters, o: convert.Options{Type: quant.TQ2_0},
			edit: func(t *testing.T, dir string) {
				editConfig(t, dir, func(c map[string]any) { c["intermediate_size"] = 640 })
				editTensors(t, dir, func(ts map[string]rawTensor) {
					ts["model.layers.0.mlp.ffn_sub_norm.weight"] = rawTensor{"BF16", []int64{640}, make([]byte, 2*640)}
					ts[down0] = rawTensor{"BF16", []int64{256, 640}, make([]byte, 2*256*640)}
					for _, n := range []string{"gate", "up"} {
						ts["model.layers.0.mlp."+n+"_proj.weight"] = rawTensor{"BF16", []int64{640, 256}, make([]byte, 2*256*640)}
					}
				})
			},
			want: quant.ErrShape, names: "blk.0.ffn_down.weight",
		},
		{
			name: "output type of a tied model", source: smallMasters,
			o:    convert.Options{Type: quant.I2_S, Output: quant.Q8_0},
			want: convert.ErrOption, names: "output-type",
		},
		{
			name: "scale mode of masters", source: smallMasters,
			o:    convert.Options{Type: quant.I2_S, ScaleMode: convert.Divide},
			want: convert.ErrOption, names: "scale-mode",
		},
		{
			name: "ternary embedding", source: smallMasters,
			o:    convert.Options{Type: quant.I2_S, TokenEmbedding: quant.TQ2_0},
			want: convert.ErrOption, names: "token-embedding-type",
		},
		{
			name: "type without an encoder", source: smallMasters, o: convert.Options{Type: quant.IQ2_XS},
			want: convert.ErrUnsupported, names: "IQ2_XS",
		},
		{
			name: "rope scaling", source: smallLlama, o: convert.Options{Type: quant.F16},
			edit: func(t *testing.T, dir string) {
				editConfig(t, dir, func(c map[string]any) { c["rope_scaling"] = map[string]any{"rope_type": "llama3"} })
			},
			want: arch.ErrUnsupported, names: "rope_scaling",
		},
		{
			name: "other family", source: smallLlama, o: convert.Options{Type: quant.F16},
			edit: func(t *testing.T, dir string) {
				editConfig(t, dir, func(c map[string]any) { c["architectures"] = []string{"MambaForCausalLM"} })
			},
			want: arch.ErrUnsupported, names: "MambaForCausalLM",
		},
		{
			name: "truncated weights", source: smallMasters, o: i2s,
			edit: func(t *testing.T, dir string) {
				path := filepath.Join(dir, "model.safetensors")
				if err := os.Truncate(path, 500_000); err != nil {
					t.Fatal(err)
				}
			},
			want: safetensors.ErrFormat, names: "model.safetensors",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := tc.source(t)
			if tc.edit != nil {
				tc.edit(t, dir)
			}
			out := t.TempDir()
			_, err := tryQuantize(t, dir, filepath.Join(out, "model.gguf"), tc.o)
			if !errors.Is(err, tc.want) {
				t.Fatalf("error %v, want %v", err, tc.want)
			}
			if !strings.Contains(err.Error(), tc.names) {
				t.Errorf("error %q does not name %q", err, tc.names)
			}
			if left, _ := os.ReadDir(out); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}
