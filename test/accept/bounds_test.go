package accept

import (
	"math"
	"testing"

	"github.com/akadata/bitnet-tool/internal/fixture"
	"github.com/akadata/bitnet-tool/internal/testmodel"
	"github.com/akadata/bitnet-tool/quant"
)

// ternaryBound holds for I2_S, which keeps weights and scales exactly.
var ternaryBound = distance{early: 1e-3, median: 2e-3, rms: 0.04, max: 0.4}

// plainBound holds for models without int8 activations, where nothing jumps.
var plainBound = distance{early: 1e-3, median: 1e-3, rms: 1e-3, max: 1e-3}

// earlyBound asks for the first positions only, where an error has nothing to
// grow from, and for ordinary numbers after that.
var earlyBound = distance{early: 1e-3, median: 0.4, rms: 0.4, max: 0.4}

// exact lists the files that keep every weight, and the reference results that
// they must give.
var exact = []struct {
	name    string
	model   string
	dir     func(testing.TB) string
	typ     quant.Type
	bound   distance
	schemes []string // of perplexity
}{
	{"BitNet masters I2_S", fixture.BitNetBF16, fixture.BF16, quant.I2_S, ternaryBound, []string{"second_half", "single_pass"}},
	{"BitNet packed I2_S", fixture.BitNetPacked, fixture.Packed, quant.I2_S, ternaryBound, []string{"second_half"}},
	{"Llama BF16", fixture.PlainLlama, fixture.Llama, quant.BF16, plainBound, []string{"second_half"}},
	{"Llama F16", fixture.PlainLlama, fixture.Llama, quant.F16, plainBound, nil},
}

func TestExactFiles(t *testing.T) {
	for _, tt := range exact {
		t.Run(tt.name, func(t *testing.T) {
			m := open(t, quantized(t, tt.dir(t), tt.typ))
			var worst distance
			for _, p := range fixture.LogitsPrompts(t, tt.model) {
				d := compare(t, logits(t, m, p.IDs), reference(t, tt.model, p.Name))
				d.within(t, p.Name, tt.bound)
				worst = worst.worst(d)
			}
			t.Logf("logits, worst of three prompts: %v", worst)
			checkGreedy(t, m, tt.model)
			for _, scheme := range tt.schemes {
				checkPerplexity(t, m, tt.model, scheme, 0.003)
			}
		})
	}
}

// TestRoundedScales holds for files of a ternary model whose scale is rounded,
// to F16 by TQ and Q8_0. A float64 evaluation of the file's own weights is the
// measure at positions 0 to 2, the original model that of the NLL.
func TestRoundedScales(t *testing.T) {
	for _, tt := range []struct {
		typ        quant.Type
		perplexity bool
	}{
		{quant.TQ1_0, false}, // the same logits as TQ2_0: TestTQEqual
		{quant.TQ2_0, true},
		{quant.Q8_0, true},
		{quant.F16, false},
		{quant.BF16, false},
		{quant.F32, false},
	} {
		for _, src := range exact[:2] {
			t.Run(tt.typ.String()+" of "+src.model, func(t *testing.T) {
				path := quantized(t, src.dir(t), tt.typ)
				m, ref := open(t, path), testmodel.Load(t, parsed(t, path))
				var worst distance
				for _, p := range fixture.LogitsPrompts(t, src.model) {
					d := compare(t, logits(t, m, p.IDs), float32s(ref.Logits(p.IDs)))
					d.within(t, p.Name, earlyBound)
					worst = worst.worst(d)
				}
				t.Logf("logits against the file's weights in float64, worst of three prompts: %v", worst)
				if tt.perplexity && src.model == fixture.BitNetBF16 {
					checkPerplexity(t, m, src.model, "second_half", 0.005)
				}
			})
		}
	}
}

// TestTQEqual: TQ1_0 and TQ2_0 say the same in different bytes, so every logit
// is the same to the bit.
func TestTQEqual(t *testing.T) {
	dir := fixture.BF16(t)
	a, b := open(t, quantized(t, dir, quant.TQ1_0)), open(t, quantized(t, dir, quant.TQ2_0))
	for _, p := range fixture.LogitsPrompts(t, fixture.BitNetBF16) {
		compare(t, logits(t, a, p.IDs), logits(t, b, p.IDs)).within(t, p.Name, distance{})
	}
}

// TestLlamaInBlocks has two bounds for each block type. The engine is within
// 1e-3 of a float64 evaluation of the same rounded weights. And those weights
// move the logits by no more than their own error: each of the n matrices on the
// way adds a relative error of at most ε = max ‖ΔW‖/‖W‖, independent of the
// others, so the rms of the difference is at most √n·ε times the rms of the
// logits.
func TestLlamaInBlocks(t *testing.T) {
	dir := fixture.Llama(t)
	original := testmodel.Load(t, parsed(t, quantized(t, dir, quant.BF16)))
	for _, typ := range []quant.Type{
		quant.Q8_0, quant.Q4_0, quant.Q4_1, quant.Q5_0, quant.Q5_1, quant.Q4_K, quant.Q5_K, quant.Q6_K,
	} {
		t.Run(typ.String(), func(t *testing.T) {
			path := quantized(t, dir, typ)
			m, rounded := open(t, path), testmodel.Load(t, parsed(t, path))
			eps, matrices := original.WeightError(rounded)
			for _, p := range fixture.LogitsPrompts(t, fixture.PlainLlama) {
				got, want := logits(t, m, p.IDs), reference(t, fixture.PlainLlama, p.Name)
				own := compare(t, got, float32s(rounded.Logits(p.IDs)))
				own.within(t, p.Name+" against its own weights", plainBound)

				bound := math.Sqrt(float64(matrices)) * eps * rms(want)
				d := compare(t, got, want)
				if !(d.rms <= bound) {
					t.Errorf("%s: rms %.3g against the original, must be at most %.3g", p.Name, d.rms, bound)
				}
				t.Logf("%s: against its own weights %v; against the original %v, bound of the rms %.3g (%d matrices of error %.3g)",
					p.Name, own, d, bound, matrices, eps)
			}
		})
	}
}

func rms(rows [][]float32) float64 {
	var sum float64
	n := 0
	for _, row := range rows {
		for _, v := range row {
			sum += float64(v) * float64(v)
			n++
		}
	}
	return math.Sqrt(sum / float64(n))
}

// TestMeasureItself makes sure that the float64 evaluation which other tests
// take as their measure agrees with the recorded results.
func TestMeasureItself(t *testing.T) {
	for _, tt := range exact {
		t.Run(tt.name, func(t *testing.T) {
			ref := testmodel.Load(t, parsed(t, quantized(t, tt.dir(t), tt.typ)))
			for _, p := range fixture.LogitsPrompts(t, tt.model) {
				d := compare(t, float32s(ref.Logits(p.IDs)), reference(t, tt.model, p.Name))
				d.within(t, p.Name, distance{early: 1e-5, median: 1e-5, rms: tt.bound.rms, max: tt.bound.max})
				t.Logf("%s: %v", p.Name, d)
			}
		})
	}
}
