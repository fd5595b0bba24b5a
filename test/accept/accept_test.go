// Package accept checks the whole way from a checkpoint to logits, greedy text
// and perplexity against reference results that were computed elsewhere, in
// float64. Each test says the bound it holds and logs the worst figure it met.
//
// The bounds are wide where int8 activations are: rounding is a step function,
// so that two exact engines which sum in another order now and then differ by
// one step, which later positions carry on. At the first positions they agree
// to 1e-5, and there a real mistake shows; see [TestMistakes].
package accept

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/internal/fixture"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/testmodel"
	"github.com/akadata/bitnet-tool/quant"
	"github.com/akadata/bitnet-tool/runtime"
)

// quantized converts a checkpoint and gives the path of the GGUF file.
func quantized(t *testing.T, dir string, typ quant.Type) string {
	t.Helper()
	src, err := convert.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	plan, err := src.Plan(t.Context(), convert.Options{Type: typ, Tool: "test"})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.gguf")
	if _, err := plan.WriteFile(t.Context(), path, false, progress.Discard); err != nil {
		t.Fatal(err)
	}
	return path
}

// parsed opens the header of a file for as long as the test runs.
func parsed(t *testing.T, path string) *gguf.File {
	t.Helper()
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// options takes the loops to compute with from the variable that the command
// takes them from, so that all of them can be run in turn.
func options() runtime.Options { return runtime.Options{Kernels: os.Getenv("BITNET_TOOL_KERNEL")} }

func open(t *testing.T, path string) *runtime.Model {
	t.Helper()
	m, err := runtime.Open(path, options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// load is open for a file in memory.
func load(t *testing.T, f *testmodel.File) *runtime.Model {
	t.Helper()
	m, err := runtime.Load(f.Open(t), options())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// logits evaluates tokens from an empty session and gives one row a position.
func logits(t *testing.T, m *runtime.Model, tokens []int32) [][]float32 {
	t.Helper()
	s, err := m.NewSession(runtime.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var out [][]float32
	err = s.EvalAll(t.Context(), tokens, func(_ int, row []float32) error {
		out = append(out, slices.Clone(row))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// reference gives the reference logits of a prompt, one row a position.
func reference(t *testing.T, model, prompt string) [][]float32 {
	t.Helper()
	data, rows, cols := fixture.Logits(t, model, prompt)
	return rowsOf(data, rows, cols)
}

func rowsOf(data []float32, rows, cols int) [][]float32 {
	out := make([][]float32, rows)
	for i := range out {
		out[i] = data[i*cols : (i+1)*cols]
	}
	return out
}

// float32s rounds logits as the references are rounded.
func float32s(rows [][]float64) [][]float32 {
	out := make([][]float32, len(rows))
	for i, row := range rows {
		for _, v := range row {
			out[i] = append(out[i], float32(v))
		}
	}
	return out
}

// distance is how far two sets of logits are from each other.
type distance struct {
	early  float64 // largest difference at the first three positions
	median float64 // over positions, of the largest difference
	rms    float64
	max    float64
}

func compare(t *testing.T, got, want [][]float32) distance {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d positions, want %d", len(got), len(want))
	}
	var d distance
	var sum float64
	var worst []float64
	for pos := range want {
		if len(got[pos]) != len(want[pos]) {
			t.Fatalf("position %d: %d logits, want %d", pos, len(got[pos]), len(want[pos]))
		}
		var most float64
		for i, v := range want[pos] {
			diff := math.Abs(float64(got[pos][i]) - float64(v))
			if math.IsNaN(diff) {
				diff = math.Inf(1)
			}
			most = max(most, diff)
			sum += diff * diff
		}
		worst = append(worst, most)
	}
	d.early = slices.Max(worst[:min(3, len(worst))])
	d.max = slices.Max(worst)
	d.rms = math.Sqrt(sum / float64(len(want)*len(want[0])))
	slices.Sort(worst)
	n := len(worst)
	d.median = (worst[(n-1)/2] + worst[n/2]) / 2
	return d
}

func (d distance) String() string {
	return fmt.Sprintf("positions 0-2 %.2g, median %.2g, rms %.2g, max %.2g", d.early, d.median, d.rms, d.max)
}

// worst is the larger of each figure.
func (d distance) worst(e distance) distance {
	return distance{max(d.early, e.early), max(d.median, e.median), max(d.rms, e.rms), max(d.max, e.max)}
}

// within reports every figure of d that is beyond that of bound.
func (d distance) within(t *testing.T, what string, bound distance) {
	t.Helper()
	for _, f := range []struct {
		name       string
		got, bound float64
	}{
		{"positions 0-2", d.early, bound.early},
		{"median", d.median, bound.median},
		{"rms", d.rms, bound.rms},
		{"max", d.max, bound.max},
	} {
		if !(f.got <= f.bound) {
			t.Errorf("%s: %s %.3g, must be at most %.3g", what, f.name, f.got, f.bound)
		}
	}
}
