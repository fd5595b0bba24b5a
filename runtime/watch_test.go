package runtime

import (
	"context"
	"slices"
	"testing"

	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/testmodel"
	"github.com/akadata/bitnet-tool/quant"
)

// TestWatch: every step is shown in order, in rows of the right width, and what
// is changed goes on into the evaluation.
func TestWatch(t *testing.T) {
	p := testmodel.Params(t, "bitnet-b1.58")
	file := testmodel.Random(t, p, testmodel.Types{Projection: quant.I2_S, Embedding: quant.F16}, 1).Open(t)
	m, err := Load(file, Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	tokens := []int32{1, 2, 3}
	eval := func(watch func(int, string, []float32)) []float32 {
		s, err := m.NewSession(SessionOptions{Watch: watch})
		if err != nil {
			t.Fatal(err)
		}
		logits, err := s.Eval(context.Background(), tokens)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Clone(logits)
	}
	plain := eval(nil)

	var layers []string
	width := map[string]int{}
	got := eval(func(layer int, tensor string, x []float32) {
		if layer == 0 {
			layers = append(layers, tensor)
		}
		width[tensor] = len(x)
	})
	if !slices.Equal(got, plain) {
		t.Error("watching changes the result")
	}
	want := []string{
		arch.AttnNorm, arch.AttnQ, arch.AttnK, arch.AttnV, arch.AttnSubNorm, arch.AttnOutput,
		arch.FFNNorm, arch.FFNGate, arch.FFNUp, arch.FFNSubNorm, arch.FFNDown,
	}
	if !slices.Equal(layers, want) {
		t.Errorf("layer 0 shows %v, want %v", layers, want)
	}
	for tensor, n := range map[string]int{
		arch.TokenEmbd: p.Embedding, arch.AttnQ: p.Heads * p.HeadDim, arch.AttnK: p.KVHeads * p.HeadDim, arch.FFNGate: p.FeedForward, arch.FFNDown: p.Embedding,
	} {
		if width[tensor] != n*len(tokens) {
			t.Errorf("%s shows %d numbers, want %d", tensor, width[tensor], n*len(tokens))
		}
	}

	without := eval(func(layer int, tensor string, x []float32) {
		if layer == 1 && tensor == arch.FFNDown {
			clear(x)
		}
	})
	if slices.Equal(without, plain) {
		t.Error("what a watcher changes is not used")
	}
}
