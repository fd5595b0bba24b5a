package verify

import (
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/quant"
)

// TestLineageWeights changes tensors of good files; each change must be found
// by comparing with the checkpoint, and named.
func TestLineageWeights(t *testing.T) {
	gate, up := arch.Block(1, arch.FFNGate), arch.Block(1, arch.FFNUp)
	tests := []struct {
		name   string
		source string
		typ    quant.Type
		change func(f *file)

		rule    string
		tensor  string
		element int64 // -1: none
		detail  string
	}{
		{
			"one flipped trit", "masters", quant.I2_S,
			func(f *file) { flip(f, gate, 256*7+45) },
			"lineage.weights", gate, 256*7 + 45, "1 of 196608 trits differs, at row 7, column 45",
		},
		{
			"last trit", "packed", quant.I2_S,
			func(f *file) { flip(f, gate, 196607) },
			"lineage.weights", gate, 196607, "1 of 196608 trits differs, at row 767, column 255",
		},
		{
			"one flipped trit in TQ2_0", "masters", quant.TQ2_0,
			func(f *file) { b := f.bytes(up); b[0] ^= b[0]&3 ^ other(b[0]&3); f.patch(up, 0, b[:1]) },
			"lineage.weights", up, 0, "1 of 196608 weights differs, at row 0, column 0",
		},
		{
			"one changed weight in Q8_0", "masters", quant.Q8_0,
			func(f *file) { b := f.bytes(up); f.patch(up, 34+2+5, []byte{b[34+2+5] ^ 1}) },
			"lineage.weights", up, 37, "1 of 196608 weights differs, at row 0, column 37",
		},
		{
			"one changed weight in BF16", "llama", quant.BF16,
			func(f *file) { b := f.bytes(arch.OutputHead); f.patch(arch.OutputHead, 2000, []byte{b[2000] ^ 1}) },
			"lineage.weights", arch.OutputHead, 1000, "1 of 278528 weights differs, at row 3, column 232",
		},
		{
			"changed norm", "masters", quant.I2_S,
			func(f *file) { f.patch(arch.OutputNorm, 40, []byte{0, 0, 128, 63}) },
			"lineage.weights", arch.OutputNorm, 10, "1 of 256 weights differs, at row 0, column 10: 1, should be",
		},
		{
			"negated", "masters", quant.TQ2_0,
			func(f *file) {
				b := f.bytes(gate)
				for i := range len(b) / 66 {
					b[66*i+65] ^= 0x80
				}
				f.patch(gate, 0, b)
			},
			"lineage.weights", gate, -2, "all of these are negated",
		},
		{
			"one block's scale", "masters", quant.TQ2_0,
			func(f *file) { b := f.bytes(gate); b[66*3+65] += 4; f.patch(gate, 0, b) },
			"lineage.weights", gate, -2, "all of these are scaled by 2.000",
		},
		{
			"code 3", "masters", quant.I2_S,
			func(f *file) { f.patch(gate, 100, []byte{0b01_11_01_01}) },
			"lineage.weights", gate, -2, "code 3",
		},
		{
			"scaled by 2", "masters", quant.I2_S,
			func(f *file) { f.setScale(gate, 2*f.scale(gate)) },
			"lineage.scale", gate, -1, "scaled by 2.000",
		},
		{
			"scale two steps off", "masters", quant.I2_S,
			func(f *file) { b := f.bytes(gate); f.patch(gate, int64(len(b)-32), []byte{b[len(b)-32] ^ 2}) },
			"lineage.scale", gate, -1, "scaled by 0.99999976",
		},
		{
			"scale off in a file from packed weights", "packed", quant.I2_S,
			func(f *file) { b := f.bytes(gate); f.patch(gate, int64(len(b)-32), []byte{b[len(b)-32] ^ 8}) },
			"lineage.scale", gate, -1, "scaled by 1.0000",
		},
		{
			"negative scale", "masters", quant.I2_S,
			func(f *file) { f.setScale(gate, -f.scale(gate)) },
			"lineage.scale", gate, -1, "scaled by -1.000",
		},
		{
			"scaled TQ1_0", "masters", quant.TQ1_0,
			func(f *file) {
				b := f.bytes(gate)
				for i := range len(b) / 54 {
					b[54*i+53] += 4
				}
				f.patch(gate, 0, b)
			},
			"lineage.scale", gate, -1, "scaled by 2.000",
		},
		{
			"scaled norm", "llama", quant.F16,
			func(f *file) { double(f, arch.OutputNorm) },
			"lineage.scale", arch.OutputNorm, -1, "scaled by 2.000",
		},
		{
			"zeroed bytes", "masters", quant.I2_S,
			func(f *file) { f.patch(gate, 0, make([]byte, len(f.bytes(gate)))) },
			"lineage.zeroed", gate, -1, "its bytes are all zero",
		},
		{
			"zeroed weights", "masters", quant.I2_S,
			func(f *file) { f.patch(gate, 0, repeat(0x55, len(f.bytes(gate))-32)) },
			"lineage.zeroed", gate, -1, "every weight is zero",
		},
		{
			"zeroed Q8_0", "llama", quant.Q8_0,
			func(f *file) { f.patch(gate, 0, make([]byte, len(f.bytes(gate)))) },
			"lineage.zeroed", gate, -1, "its bytes are all zero",
		},
		{
			"duplicated", "masters", quant.I2_S,
			func(f *file) { f.patch(gate, 0, f.bytes(up)) },
			"lineage.swapped", gate, -1, "holds the weights of " + up,
		},
	}
	dirs := checkpoints(t, "masters", "packed", "llama")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := openFile(t, model(t, tt.source, tt.typ))
			tt.change(f)
			r := verified(t, f.path, Options{Level: Lineage, Against: dirs[tt.source]})
			got := one(t, r, tt.rule)
			if got.Severity != Error || got.Tensor != tt.tensor || !strings.Contains(got.Detail, tt.detail) {
				t.Errorf("got %s", show([]Finding{got}))
			}
			if got.Offset == nil {
				t.Error("no offset")
			} else if tensor, _ := f.Tensor(tt.tensor); *got.Offset < f.DataOffset+tensor.Offset || *got.Offset >= f.DataOffset+tensor.Offset+tensor.Size {
				t.Errorf("offset %d is outside the tensor", *got.Offset)
			}
			switch {
			case got.Element == nil && tt.element >= 0, got.Element != nil && tt.element != -2 && *got.Element != tt.element:
				t.Errorf("element %v, want %d", got.Element, tt.element)
			}
			for _, other := range bad(r) {
				if other.Tensor != tt.tensor && other.Rule != "content.copies" {
					t.Errorf("another tensor is accused:%s", show([]Finding{other}))
				}
			}
			if r.Verdict != File {
				t.Errorf("verdict %s", r.Verdict)
			}
		})
	}
}

// flip makes a trit another one.
func flip(f *file, tensor string, element int) {
	f.setTrit(tensor, element, float32(other(byte(f.decode(tensor)[element]+1)))-1)
}

// other gives another of the codes 0, 1, 2.
func other(code byte) byte { return (code + 1) % 3 }

func repeat(b byte, n int) []byte { return []byte(strings.Repeat(string(rune(b)), n)) }

// double doubles the weights of an F32 tensor.
func double(f *file, tensor string) {
	x := f.decode(tensor)
	for i := range x {
		x[i] *= 2
	}
	c, _ := quant.Lookup(quant.F32)
	b := make([]byte, 4*len(x))
	if err := c.Encode(b, x, 0); err != nil {
		f.t.Fatal(err)
	}
	f.patch(tensor, 0, b)
}

func TestLineageSwapped(t *testing.T) {
	t.Parallel()
	gate, up := arch.Block(1, arch.FFNGate), arch.Block(1, arch.FFNUp)
	for _, typ := range []quant.Type{quant.I2_S, quant.Q8_0} {
		t.Run(typ.String(), func(t *testing.T) {
			f := openFile(t, model(t, "masters", typ))
			a, b := f.bytes(gate), f.bytes(up)
			f.patch(gate, 0, b)
			f.patch(up, 0, a)
			r := verified(t, f.path, Options{Level: Lineage, Against: sources["masters"](t)})
			fs := bad(r)
			if len(fs) != 2 {
				t.Fatalf("findings:%s", show(fs))
			}
			for i, names := range [][2]string{{gate, up}, {up, gate}} {
				if f := fs[i]; f.Rule != "lineage.swapped" || f.Tensor != names[0] || f.Detail != "holds the weights of "+names[1] {
					t.Errorf("got %s", show(fs[i:i+1]))
				}
			}
		})
	}
}

// TestLineageMetadata changes keys; each must be named.
func TestLineageMetadata(t *testing.T) {
	tests := []struct {
		name   string
		change func(m *gguf.Meta)
		rule   string
		key    string
		detail string
	}{
		{"activation", func(m *gguf.Meta) { m.Set("bitnet-b1.58.hidden_activation", "silu") }, "lineage.metadata", "bitnet-b1.58.hidden_activation", "is silu, config.json means relu2"},
		{"rope base", func(m *gguf.Meta) { m.Set("bitnet-b1.58.rope.freq_base", float32(10000)) }, "lineage.metadata", "bitnet-b1.58.rope.freq_base", "is 10000, config.json means 500000"},
		{"no rope base", func(m *gguf.Meta) { m.Delete("bitnet-b1.58.rope.freq_base") }, "lineage.metadata", "bitnet-b1.58.rope.freq_base", "is not there, which means 10000"},
		{"epsilon", func(m *gguf.Meta) { m.Set("bitnet-b1.58.attention.layer_norm_rms_epsilon", float32(1e-6)) }, "lineage.metadata", "bitnet-b1.58.attention.layer_norm_rms_epsilon", "is 1e-06"},
		{"context", func(m *gguf.Meta) { m.Set("bitnet-b1.58.context_length", uint32(2048)) }, "lineage.metadata", "bitnet-b1.58.context_length", "is 2048, config.json means 512"},
		{"eos", func(m *gguf.Meta) { m.Set("tokenizer.ggml.eos_token_id", uint32(5)) }, "lineage.tokenizer", "tokenizer.ggml.eos_token_id", "is 5"},
		{"no bos is added", func(m *gguf.Meta) { m.Set("tokenizer.ggml.add_bos_token", false) }, "lineage.tokenizer", "tokenizer.ggml.add_bos_token", "is false"},
		{"pre-tokenizer", func(m *gguf.Meta) { m.Set("tokenizer.ggml.pre", "qwen2") }, "lineage.tokenizer", "tokenizer.ggml.pre", `is "qwen2"`},
		{"two tokens swapped", func(m *gguf.Meta) {
			v, _, _ := gguf.Slice[string](m, "tokenizer.ggml.tokens")
			v[300], v[301] = v[301], v[300]
			m.Set("tokenizer.ggml.tokens", v)
		}, "lineage.tokenizer", "tokenizer.ggml.tokens", "token 300 is"},
		{"merge missing", func(m *gguf.Meta) {
			v, _, _ := gguf.Slice[string](m, "tokenizer.ggml.merges")
			m.Set("tokenizer.ggml.merges", v[:len(v)-1])
		}, "lineage.tokenizer", "tokenizer.ggml.merges", "merges, the checkpoint has"},
		{"control token as text", func(m *gguf.Meta) {
			v, _, _ := gguf.Slice[int32](m, "tokenizer.ggml.token_type")
			v[1030] = 1
			m.Set("tokenizer.ggml.token_type", v)
		}, "lineage.tokenizer", "tokenizer.ggml.token_type", "of token 1030"},
		{"template", func(m *gguf.Meta) { m.Set("tokenizer.chat_template", "{{ messages }}") }, "lineage.template", "tokenizer.chat_template", "is not the checkpoint's"},
		{"no template", func(m *gguf.Meta) { m.Delete("tokenizer.chat_template") }, "lineage.template", "tokenizer.chat_template", "is not there"},
	}
	dirs := checkpoints(t, "masters")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := openFile(t, model(t, "masters", quant.I2_S)).rewrite(tt.change)
			r := verified(t, path, Options{Level: Lineage, Against: dirs["masters"]})
			got := one(t, r, tt.rule)
			if got.Key != tt.key || !strings.Contains(got.Detail, tt.detail) || got.Severity == Info {
				t.Errorf("got%s", show([]Finding{got}))
			}
			want := map[string]Verdict{"lineage.metadata": File, "lineage.tokenizer": Tokenizer, "lineage.template": Template}[tt.rule]
			if r.Verdict != want {
				t.Errorf("verdict %s, want %s", r.Verdict, want)
			}
			if want != Template && got.Severity != Error {
				t.Errorf("severity %s", got.Severity)
			}
		})
	}
}
