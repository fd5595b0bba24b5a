package accept

import (
	"encoding/binary"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/fixture"
	"github.com/akadata/bitnet-tool/internal/safetensors"
	"github.com/akadata/bitnet-tool/internal/testmodel"
	"github.com/akadata/bitnet-tool/quant"
)

// TestMistakes makes the mistakes that engines and converters have made and
// shows that the bound at positions 0 to 2 catches each, for every prompt. A
// mistake of a file is run by the engine, one of an engine by the float64
// evaluation.
func TestMistakes(t *testing.T) {
	dir := fixture.BF16(t)
	i2s := parsed(t, quantized(t, dir, quant.I2_S))
	f32 := parsed(t, quantized(t, dir, quant.F32))

	files := []struct {
		name  string
		of    quant.Type
		spoil func(t *testing.T, f *testmodel.File)
	}{
		{"none", quant.I2_S, func(*testing.T, *testmodel.File) {}},
		{"none in F32", quant.F32, func(*testing.T, *testmodel.File) {}},
		{"silu for relu2", quant.I2_S, func(_ *testing.T, f *testmodel.File) {
			f.Meta.Set("bitnet-b1.58.hidden_activation", string(arch.SiLU))
		}},
		{"scale inverted", quant.I2_S, func(_ *testing.T, f *testmodel.File) {
			eachProjection(f, func(x *testmodel.Tensor) {
				at := x.Data[len(x.Data)-32:]
				m := math.Float32frombits(binary.LittleEndian.Uint32(at))
				binary.LittleEndian.PutUint32(at, math.Float32bits(1/m))
			})
		}},
		{"gains of the attention sub-norm dropped", quant.I2_S, func(t *testing.T, f *testmodel.File) {
			for l := range 4 {
				ones(f.Tensor(t, arch.Block(l, arch.AttnSubNorm)))
			}
		}},
		{"gains of the feed-forward sub-norm dropped", quant.I2_S, func(t *testing.T, f *testmodel.File) {
			for l := range 4 {
				ones(f.Tensor(t, arch.Block(l, arch.FFNSubNorm)))
			}
		}},
		{"rows of q and k interleaved", quant.F32, func(t *testing.T, f *testmodel.File) { interleave(t, f) }},
		{"masters not ternarized", quant.F32, func(t *testing.T, f *testmodel.File) { putMasters(t, f, dir) }},
	}
	for _, tt := range files {
		t.Run(tt.name, func(t *testing.T) {
			src := i2s
			if tt.of == quant.F32 {
				src = f32
			}
			f := testmodel.Copy(t, src)
			tt.spoil(t, f)
			m := load(t, f)
			expectEarly(t, strings.HasPrefix(tt.name, "none"), func(tokens []int32) [][]float32 { return logits(t, m, tokens) })
		})
	}

	engines := []struct {
		name  string
		spoil func(r *testmodel.Reference)
	}{
		{"none in float64", func(*testmodel.Reference) {}},
		{"activations not quantized", func(r *testmodel.Reference) { r.Int8 = false }},
		{"sub-norms left out", func(r *testmodel.Reference) { r.SubNorms = false }},
		{"silu for relu2 in float64", func(r *testmodel.Reference) { r.Activation = arch.SiLU }},
		{"pairs (2i, 2i+1) rotated", func(r *testmodel.Reference) { r.Interleaved = true }},
	}
	for _, tt := range engines {
		t.Run(tt.name, func(t *testing.T) {
			r := testmodel.Load(t, i2s)
			tt.spoil(r)
			expectEarly(t, strings.HasPrefix(tt.name, "none"), func(tokens []int32) [][]float32 { return float32s(r.Logits(tokens)) })
		})
	}
}

// expectEarly evaluates the first three tokens of every prompt and expects them
// to hold the bound, or not to.
func expectEarly(t *testing.T, good bool, eval func(tokens []int32) [][]float32) {
	t.Helper()
	var errs []float64
	for _, p := range fixture.LogitsPrompts(t, fixture.BitNetBF16) {
		d := compare(t, eval(p.IDs[:3]), reference(t, fixture.BitNetBF16, p.Name)[:3])
		errs = append(errs, d.early)
		if good != (d.early <= ternaryBound.early) {
			t.Errorf("%s: off by %.3g at positions 0-2, the bound is %v", p.Name, d.early, ternaryBound.early)
		}
	}
	t.Logf("off by %.3g to %.3g at positions 0-2", slices.Min(errs), slices.Max(errs))
}

func eachProjection(f *testmodel.File, do func(x *testmodel.Tensor)) {
	for i := range f.Tensors {
		if x := &f.Tensors[i]; len(x.Dims) == 2 && strings.HasPrefix(x.Name, "blk.") {
			do(x)
		}
	}
}

// ones sets all gains to 1.
func ones(x *testmodel.Tensor) {
	for i := 0; i < len(x.Data); i += 4 {
		binary.LittleEndian.PutUint32(x.Data[i:], math.Float32bits(1))
	}
}

// interleave orders the rows of q and k as files of arch llama have them.
func interleave(t *testing.T, f *testmodel.File) {
	t.Helper()
	p, err := arch.FromMeta(&f.Meta)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range p.Tensors() {
		switch {
		case strings.HasSuffix(spec.Name, arch.AttnQ+".weight"):
			spec.Heads = p.Heads
		case strings.HasSuffix(spec.Name, arch.AttnK+".weight"):
			spec.Heads = p.KVHeads
		default:
			continue
		}
		x := f.Tensor(t, spec.Name)
		old, row := slices.Clone(x.Data), 4*spec.Cols
		for r := range spec.Rows {
			copy(x.Data[r*row:(r+1)*row], old[spec.PermuteRow(r)*row:])
		}
	}
}

// putMasters puts the stored weights in the place of the ternary ones.
func putMasters(t *testing.T, f *testmodel.File, dir string) {
	t.Helper()
	p, err := arch.FromMeta(&f.Meta)
	if err != nil {
		t.Fatal(err)
	}
	set, err := safetensors.OpenSet(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	for _, spec := range p.Tensors() {
		if spec.Role != arch.Projection {
			continue
		}
		src, ok := set.Tensor(spec.HF)
		if !ok || src.DType != safetensors.BF16 {
			t.Fatalf("%s: no such BF16 tensor", spec.HF)
		}
		b, err := io.ReadAll(src.Section())
		if err != nil {
			t.Fatal(err)
		}
		x := f.Tensor(t, spec.Name)
		for i := range len(b) / 2 {
			// The upper half of a float32.
			copy(x.Data[4*i:4*i+4], []byte{0, 0, b[2*i], b[2*i+1]})
		}
	}
}
