package runtime_test

import (
	"slices"
	"testing"

	"github.com/akadata/bitnet-tool/internal/testmodel"
	"github.com/akadata/bitnet-tool/quant"
	"github.com/akadata/bitnet-tool/runtime"
)

// ternary makes a small BitNet with I2_S weights and a tied F16 head.
func ternary(t testing.TB) *testmodel.File {
	t.Helper()
	return testmodel.Random(t, testmodel.Params(t, "bitnet-b1.58"), testmodel.Types{Projection: quant.I2_S, Embedding: quant.F16}, 1)
}

func load(t testing.TB, f *testmodel.File, o runtime.Options) *runtime.Model {
	t.Helper()
	m, err := runtime.Load(f.Open(t), o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func session(t testing.TB, m *runtime.Model, o runtime.SessionOptions) *runtime.Session {
	t.Helper()
	s, err := m.NewSession(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// text makes n tokens of a vocabulary.
func text(n, vocab int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(i * 37 % vocab)
	}
	return ids
}

// evalAll evaluates tokens and copies the logits of all positions.
func evalAll(t testing.TB, s *runtime.Session, tokens []int32) [][]float32 {
	t.Helper()
	var out [][]float32
	start := s.Pos()
	err := s.EvalAll(t.Context(), tokens, func(pos int, logits []float32) error {
		if pos != start+len(out) {
			t.Errorf("position %d after %d", pos, start+len(out)-1)
		}
		out = append(out, slices.Clone(logits))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// same fails unless two sets of logits are equal to the bit.
func same(t testing.TB, what string, got, want [][]float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d positions, want %d", what, len(got), len(want))
	}
	for pos := range want {
		if !slices.Equal(got[pos], want[pos]) {
			t.Fatalf("%s: logits differ at position %d", what, pos)
		}
	}
}
