package verify

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/quant"
)

func f32(x float64) []byte {
	return binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(x)))
}

// TestContent changes tensors in ways that show without a checkpoint.
func TestContent(t *testing.T) {
	gate, norm := arch.Block(1, arch.FFNGate), arch.Block(0, arch.AttnNorm)
	tests := []struct {
		name   string
		source string
		typ    quant.Type
		change func(f *file)

		rule     string
		severity Severity
		tensor   string
		element  int64 // -1: none
		offset   int64 // in the tensor; -1: none
		detail   string
	}{
		{
			"code 3", "masters", quant.I2_S,
			func(f *file) { f.patch(gate, 100, []byte{0b01_11_01_01}) },
			"content.code", Error, gate, 3*128 + 32 + 4, 100, "row 1, column 164",
		},
		{
			"code 3 in a later chunk", "masters", quant.I2_S,
			func(f *file) { f.patch(gate, 32*1000+31, []byte{0b00_01_10_11}) },
			"content.code", Error, gate, 128*1000 + 96 + 31, 32*1000 + 31, "row 500, column 127",
		},
		{
			"code 3 in TQ2_0", "masters", quant.TQ2_0,
			func(f *file) { f.patch(gate, 66*2+33, []byte{0b01_11_01_01}) },
			"content.code", Error, gate, 256*2 + 128 + 64 + 1, 66*2 + 33, "row 2, column 193",
		},
		{
			"NaN in a norm", "masters", quant.I2_S,
			func(f *file) { f.patch(norm, 4*17, f32(math.NaN())) },
			"content.finite", Error, norm, 17, 68, "NaN at row 0, column 17",
		},
		{
			"Inf in the embedding", "masters", quant.I2_S,
			func(f *file) { f.patch(arch.TokenEmbd, 2*(256*1000+3), []byte{0, 0xfc}) },
			"content.finite", Error, arch.TokenEmbd, 256*1000 + 3, 2 * (256*1000 + 3), "-Inf at row 1000, column 3",
		},
		{
			"NaN scale of a block of Q8_0", "llama", quant.Q8_0,
			func(f *file) { f.patch(gate, 34*5, []byte{1, 0x7e}) },
			"content.finite", Error, gate, 160, 170, "NaN",
		},
		{
			"NaN scale of a block of TQ1_0", "masters", quant.TQ1_0,
			func(f *file) { f.patch(gate, 54*2+52, []byte{1, 0x7e}) },
			"content.finite", Error, gate, 512, 108, "NaN",
		},
		{
			"NaN scale", "masters", quant.I2_S,
			func(f *file) { f.setScale(gate, float32(math.NaN())) },
			"content.scale", Error, gate, -1, 49152, "scale NaN",
		},
		{
			"negative scale", "masters", quant.I2_S,
			func(f *file) { f.setScale(gate, -1) },
			"content.scale", Error, gate, -1, 49152, "scale -1",
		},
		{
			"zero scale", "masters", quant.I2_S,
			func(f *file) { f.setScale(gate, 0) },
			"content.scale", Error, gate, -1, 49152, "scale is 0",
		},
		{
			"inverse scale", "masters", quant.I2_S,
			func(f *file) { f.setScale(gate, 1/f.scale(gate)) },
			"content.scale", Warning, gate, -1, 49152, "may be the inverse",
		},
		{
			"tiny scale", "masters", quant.I2_S,
			func(f *file) { f.setScale(gate, 1e-9) },
			"content.scale", Warning, gate, -1, 49152, "scale is 1e-09",
		},
		{
			"uneven block scales", "masters", quant.TQ2_0,
			func(f *file) { b := f.bytes(gate); f.patch(gate, 66*3+65, []byte{b[66*3+65] + 4}) },
			"content.scale", Warning, gate, -1, -1, "scales of blocks are",
		},
		{
			"negative block scale", "masters", quant.TQ2_0,
			func(f *file) { b := f.bytes(gate); f.patch(gate, 66*3+65, []byte{b[66*3+65] | 0x80}) },
			"content.scale", Error, gate, -1, -1, "must be positive",
		},
		{
			"zero weights", "masters", quant.I2_S,
			func(f *file) { f.patch(gate, 0, repeat(0x55, 49152)) },
			"content.pruned", Error, gate, -1, -1, "every weight is zero",
		},
		{
			"nearly all zero", "masters", quant.I2_S,
			func(f *file) { f.patch(gate, 0, repeat(0x55, 49000)) },
			"content.zeros", Warning, gate, -1, -1, "99.",
		},
		{
			"zero embedding", "masters", quant.I2_S,
			func(f *file) { f.patch(arch.TokenEmbd, 0, make([]byte, 2*1088*256)) },
			"content.zeros", Error, arch.TokenEmbd, -1, -1, "no logit can be right",
		},
		{
			"zero bytes", "masters", quant.I2_S,
			func(f *file) { f.patch(gate, 0, make([]byte, 49152)) },
			"content.constant", Error, gate, -1, -1, "every weight is -1 times the scale",
		},
		{
			"constant norm", "masters", quant.I2_S,
			func(f *file) { f.patch(norm, 0, []byte(strings.Repeat("\x00\x00\x80\x3f", 256))) },
			"content.constant", Info, norm, -1, -1, "every weight is 1",
		},
		{
			"masters as they are", "masters", quant.BF16,
			func(f *file) { b := f.bytes(gate); f.patch(gate, 0, []byte{b[0] ^ 1}) },
			"content.ternary", Error, gate, -1, -1, "master weights that were not ternarized?",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := openFile(t, model(t, tt.source, tt.typ))
			tt.change(f)
			r := verified(t, f.path, Options{Level: Content})
			got := one(t, r, tt.rule)
			if got.Severity != tt.severity || got.Tensor != tt.tensor || !strings.Contains(got.Detail, tt.detail) {
				t.Errorf("got%s", show([]Finding{got}))
			}
			tensor, _ := f.Tensor(tt.tensor)
			if got.Offset == nil != (tt.offset < 0) || got.Offset != nil && *got.Offset != f.DataOffset+tensor.Offset+tt.offset {
				t.Errorf("offset %v, want %d in the tensor at %d", got.Offset, tt.offset, f.DataOffset+tensor.Offset)
			}
			if got.Element == nil != (tt.element < 0) || got.Element != nil && *got.Element != tt.element {
				t.Errorf("element %v, want %d", got.Element, tt.element)
			}
			for _, other := range bad(r) {
				if other.Tensor != tt.tensor {
					t.Errorf("another tensor is accused:%s", show([]Finding{other}))
				}
			}
			if tt.severity == Error && r.Verdict != File || tt.severity != Error && r.Verdict != Unknown {
				t.Errorf("verdict %s", r.Verdict)
			}
		})
	}
}
