package runtime_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/kernels"
	"github.com/akadata/bitnet-tool/internal/testmodel"
	"github.com/akadata/bitnet-tool/quant"
	"github.com/akadata/bitnet-tool/runtime"
)

// TestKernels: all kernels that this machine can run give the same logits to
// the bit, token by token and in batches, for every type of weights.
func TestKernels(t *testing.T) {
	for _, tt := range []struct {
		arch    string
		ternary bool
		types   []quant.Type
	}{
		{"bitnet-b1.58", true, []quant.Type{quant.I2_S, quant.TQ1_0, quant.TQ2_0, quant.Q8_0, quant.F16, quant.BF16, quant.F32}},
		{"llama", false, []quant.Type{quant.Q8_0, quant.F16, quant.BF16, quant.F32, quant.Q4_0, quant.Q5_1, quant.Q4_K, quant.Q6_K}},
	} {
		for _, typ := range tt.types {
			t.Run(tt.arch+" "+typ.String(), func(t *testing.T) {
				p := testmodel.Params(t, tt.arch)
				p.Ternary, p.Blocks = tt.ternary, 1
				f := testmodel.Random(t, p, testmodel.Types{Projection: typ, Embedding: quant.F16}, 1)
				tokens := text(20, p.Vocab)
				generic := load(t, f, runtime.Options{Threads: 1, Kernels: "generic"})
				want := evalAll(t, session(t, generic, runtime.SessionOptions{}), tokens)
				for _, b := range kernels.Available() {
					m := load(t, f, runtime.Options{Threads: 2, Kernels: b.Name})
					if m.Kernels() != b.Name {
						t.Errorf("kernels %s, want %s", m.Kernels(), b.Name)
					}
					for _, batch := range []int{1, 3, 20} {
						got := evalAll(t, session(t, m, runtime.SessionOptions{Batch: batch}), tokens)
						same(t, fmt.Sprintf("%s, batches of %d", b.Name, batch), got, want)
					}
				}
			})
		}
	}
}

// TestMixedScales: a block with a scale of its own counts, whatever the kernels
// and the batch.
func TestMixedScales(t *testing.T) {
	for _, typ := range []quant.Type{quant.TQ1_0, quant.TQ2_0, quant.Q8_0} {
		t.Run(typ.String(), func(t *testing.T) {
			p := testmodel.Params(t, "bitnet-b1.58")
			p.Blocks = 1
			f := testmodel.Random(t, p, testmodel.Types{Projection: typ, Embedding: quant.F16}, 1)
			tokens := text(8, p.Vocab)
			uniform := evalAll(t, session(t, load(t, f, runtime.Options{}), runtime.SessionOptions{}), tokens)
			c, _ := quant.Lookup(typ)
			data := f.Tensor(t, arch.Block(0, arch.FFNDown)).Data
			scale := data[7*c.BlockBytes:][c.BlockBytes-2:]
			if typ == quant.Q8_0 {
				scale = data[7*c.BlockBytes:]
			}
			scale[1] += 12 // eight times as large
			want := evalAll(t, session(t, load(t, f, runtime.Options{Kernels: "generic"}), runtime.SessionOptions{}), tokens)
			if largest(want, uniform) == 0 {
				t.Error("another scale makes no difference")
			}
			ref := testmodel.Load(t, f.Open(t))
			if d := difference(want[:1], ref.Logits(tokens[:1])); d > 1e-3 {
				t.Errorf("the first logits are off by %.2g", d)
			}
			for _, b := range kernels.Available() {
				for _, batch := range []int{1, 8} {
					m := load(t, f, runtime.Options{Kernels: b.Name})
					same(t, fmt.Sprintf("%s, batches of %d", b.Name, batch), evalAll(t, session(t, m, runtime.SessionOptions{Batch: batch}), tokens), want)
				}
			}
		})
	}
}

func TestUnknownKernels(t *testing.T) {
	_, err := runtime.Load(ternary(t).Open(t), runtime.Options{Kernels: "sse"})
	if !errors.Is(err, runtime.ErrOption) || !errors.Is(err, kernels.ErrBackend) {
		t.Errorf("error %v, want ErrOption and kernels.ErrBackend", err)
	}
}
