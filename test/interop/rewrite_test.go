package interop

import (
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/fixture"
	"github.com/akadata/bitnet-tool/internal/progress"
)

// TestLlamaLoadsParts lets llama.cpp open the first of the parts that a file was
// split into: it must find the others and compute what it computes with the
// whole.
func TestLlamaLoadsParts(t *testing.T) {
	needPrograms(t)
	file := buildTool(t).quantize(t, fixture.Llama(t), "F16")
	f, err := gguf.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	parts, err := f.Split(t.Context(), filepath.Join(t.TempDir(), "part"), 10, progress.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if len(parts) < 3 {
		t.Fatalf("%d parts", len(parts))
	}
	sameAnswers(t, file, parts[0].Path)
}

// TestLlamaRunsConverted lets llama.cpp run an I2_S file that was converted for
// it, and wants what it makes of one that was quantized for it.
func TestLlamaRunsConverted(t *testing.T) {
	needPrograms(t)
	bin := buildTool(t)
	source := fixture.BF16(t)
	direct := bin.quantize(t, source, "TQ2_0", "--target", "llama.cpp")
	i2s := bin.quantize(t, source, "I2_S")
	converted := filepath.Join(t.TempDir(), "converted.gguf")
	bin.run(t, &struct{}{}, "convert", i2s, "-o", converted, "--target", "llama.cpp")
	sameAnswers(t, direct, converted)
}

func sameAnswers(t *testing.T, a, b string) {
	t.Helper()
	prompts := []string{"Call me Ishmael.", "In the beginning"}
	var first, second []generation
	node(t, &first, prompts, "llama.mjs", a, strconv.Itoa(24))
	node(t, &second, prompts, "llama.mjs", b, strconv.Itoa(24))
	for i := range prompts {
		if len(first[i].Tokens) != 24 || !slices.Equal(first[i].Tokens, second[i].Tokens) {
			t.Errorf("%q: %v, then %v", prompts[i], first[i].Tokens, second[i].Tokens)
		}
	}
}
