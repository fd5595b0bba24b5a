package runtime_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/testmodel"
	"github.com/akadata/bitnet-tool/quant"
	"github.com/akadata/bitnet-tool/runtime"
)

// TestForward compares every architecture with every type of weights, in random
// models, with an evaluation in float64. int8 activations that lie next to a
// half may be rounded the other way; a real error shows in every prompt, so
// one of three may be off.
func TestForward(t *testing.T) {
	ternary := []quant.Type{quant.I2_S, quant.TQ1_0, quant.TQ2_0, quant.Q8_0, quant.F16, quant.BF16, quant.F32}
	float := []quant.Type{quant.Q8_0, quant.F16, quant.BF16, quant.F32}
	for _, a := range []struct {
		name    string
		ternary bool
		tied    bool
		types   []quant.Type
	}{
		{"bitnet-b1.58", true, true, ternary},
		{"bitnet-25", true, false, ternary},
		{"bitnet", true, true, ternary},
		{"llama", true, false, ternary},
		{"llama", false, true, float},
	} {
		for i, typ := range a.types {
			t.Run(fmt.Sprintf("%s ternary=%v tied=%v %v", a.name, a.ternary, a.tied, typ), func(t *testing.T) {
				p := testmodel.Params(t, a.name)
				p.Ternary, p.Tied = a.ternary, a.tied
				f := testmodel.Random(t, p, testmodel.Types{Projection: typ, Embedding: float[i%len(float)]}, uint64(i))
				s := session(t, load(t, f, runtime.Options{}), runtime.SessionOptions{})
				ref := testmodel.Load(t, f.Open(t))

				var errs []float64
				for first := range int32(3) {
					tokens := []int32{first, 90 - first, 3 * first}
					if err := s.Rewind(0); err != nil {
						t.Fatal(err)
					}
					errs = append(errs, difference(evalAll(t, s, tokens), ref.Logits(tokens)))
				}
				slices.Sort(errs)
				within := errs[len(errs)-1]
				if a.ternary {
					within = errs[1]
				}
				if !(within <= 1e-4) || !(errs[len(errs)-1] <= 0.5) {
					t.Errorf("logits of three prompts are off by %.2g", errs)
				}
			})
		}
	}
}

// difference is the largest between two sets of logits; Inf if there is a NaN.
func difference(got [][]float32, want [][]float64) float64 {
	var most float64
	for pos := range want {
		for i, v := range want[pos] {
			d := math.Abs(float64(got[pos][i]) - v)
			if d != d {
				return math.Inf(1)
			}
			most = max(most, d)
		}
	}
	return most
}

// TestMixedTypes: in a llama that does not say it is ternary, each projection
// takes the activations that its own weights want.
func TestMixedTypes(t *testing.T) {
	p := testmodel.Params(t, "llama")
	p.Ternary = true
	types := testmodel.Types{Projection: quant.I2_S, Embedding: quant.F32}
	mixed := testmodel.Random(t, p, types, 3)
	mixed.Meta.Delete(arch.ActivationKey)
	float := testmodel.Random(t, p, testmodel.Types{Projection: quant.F32, Embedding: quant.F32}, 3)
	for _, name := range []string{arch.AttnK, arch.FFNUp, arch.FFNDown} {
		for l := range p.Blocks {
			*mixed.Tensor(t, arch.Block(l, name)) = *float.Tensor(t, arch.Block(l, name))
		}
	}
	// The weights are the same in all three models; what differs is how the
	// projections take their input.
	all := evalAll(t, session(t, load(t, testmodel.Random(t, p, types, 3), runtime.Options{}), runtime.SessionOptions{}), text(4, p.Vocab))
	some := evalAll(t, session(t, load(t, mixed, runtime.Options{}), runtime.SessionOptions{}), text(4, p.Vocab))
	float.Meta.Delete(arch.ActivationKey)
	none := evalAll(t, session(t, load(t, float, runtime.Options{}), runtime.SessionOptions{}), text(4, p.Vocab))
	if d := largest(all, some); d < 1e-3 || d > 1 {
		t.Errorf("all int8 against some: %v apart", d)
	}
	if d := largest(none, some); d < 1e-3 || d > 1 {
		t.Errorf("none int8 against some: %v apart", d)
	}
}

func largest(a, b [][]float32) float64 {
	var d float64
	for pos := range a {
		for i := range a[pos] {
			d = max(d, math.Abs(float64(a[pos][i])-float64(b[pos][i])))
		}
	}
	return d
}

// TestRopeFactors: divisors of 1 change nothing, others are applied.
func TestRopeFactors(t *testing.T) {
	p := testmodel.Params(t, "llama")
	types := testmodel.Types{Projection: quant.F32, Embedding: quant.F32}
	with := func(factor float32) [][]float32 {
		f := testmodel.Random(t, p, types, 5)
		if factor != 0 {
			data := make([]byte, 4*p.HeadDim/2)
			for i := range p.HeadDim / 2 {
				binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(factor))
			}
			f.Tensors = append(f.Tensors, testmodel.Tensor{
				TensorInfo: gguf.TensorInfo{Name: "rope_freqs.weight", Dims: []int64{int64(p.HeadDim / 2)}, Type: quant.F32}, Data: data,
			})
		}
		return evalAll(t, session(t, load(t, f, runtime.Options{}), runtime.SessionOptions{}), text(4, p.Vocab))
	}
	plain := with(0)
	same(t, "factors of 1", with(1), plain)
	if largest(with(8), plain) < 1e-3 {
		t.Error("factors of 8 make no difference")
	}
}

// TestCode3 evaluates weights that no converter writes: what comes out is of no
// use, but numbers come out.
func TestCode3(t *testing.T) {
	for _, typ := range []quant.Type{quant.I2_S, quant.TQ1_0, quant.TQ2_0} {
		p := testmodel.Params(t, "bitnet-b1.58")
		f := testmodel.Random(t, p, testmodel.Types{Projection: typ, Embedding: quant.F16}, 1)
		x := f.Tensor(t, arch.Block(0, arch.FFNDown))
		for i := range 50 {
			x.Data[i] = 0xff
		}
		got := evalAll(t, session(t, load(t, f, runtime.Options{}), runtime.SessionOptions{}), text(3, p.Vocab))
		for _, v := range got[2] {
			if v != v {
				t.Fatalf("%v: NaN", typ)
			}
		}
	}
}

// TestNotFiniteWeights: a NaN among the weights shows in the logits and is not
// rounded away.
func TestNotFiniteWeights(t *testing.T) {
	for _, typ := range []quant.Type{quant.Q8_0, quant.TQ2_0, quant.F16} {
		p := testmodel.Params(t, "bitnet-b1.58")
		f := testmodel.Random(t, p, testmodel.Types{Projection: typ, Embedding: quant.F16}, 1)
		x := f.Tensor(t, arch.Block(0, arch.AttnOutput))
		at := 0 // of an F16
		if typ == quant.TQ2_0 {
			at = 64
		}
		binary.LittleEndian.PutUint16(x.Data[at:], 0x7e00)
		got := evalAll(t, session(t, load(t, f, runtime.Options{}), runtime.SessionOptions{}), text(1, p.Vocab))
		for i, v := range got[0] {
			if v == v {
				t.Fatalf("%v: logit %d is %v", typ, i, v)
			}
		}
	}
}
