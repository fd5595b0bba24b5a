package interop

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/akadata/bitnet-tool/internal/fixture"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/synth"
)

// siluBitNet is the ternary test model as one with SiLU, the activation that the
// llama.cpp of node-llama-cpp computes for every file of architecture bitnet.
func siluBitNet(t *testing.T) string {
	t.Helper()
	dir := fixture.BF16(t)
	path := filepath.Join(dir, "config.json")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var config map[string]any
	if err := json.Unmarshal(data, &config); err != nil {
		t.Fatal(err)
	}
	config["hidden_act"] = "silu"
	if data, err = json.Marshal(config); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return dir
}

// agreement is how many of bitnetSteps greedy tokens llama.cpp and we must have
// in common, over all prompts, before they part. llama.cpp multiplies ternary
// weights with activations of 8 bits in blocks of 32 or 256, we with 8 bits a
// token, as the model was trained: choices that are close go either way.
const (
	bitnetSteps     = 32
	bitnetAgreement = 0.5
)

// TestBitNetGenerates lets llama.cpp run our files of architecture bitnet.
func TestBitNetGenerates(t *testing.T) {
	needPrograms(t)
	bin := buildTool(t)
	source := siluBitNet(t)
	var prompts []string
	for _, c := range fixture.Greedy(t, fixture.BitNetBF16) {
		prompts = append(prompts, c.Prompt)
	}
	for _, kind := range []string{"TQ1_0", "TQ2_0", "Q8_0", "F16", "Q4_0", "Q4_K", "Q4_K_M", "Q6_K"} {
		t.Run(kind, func(t *testing.T) {
			file := bin.quantize(t, source, kind, "--target", "llama.cpp")
			var theirs []generation
			node(t, &theirs, prompts, "llama.mjs", file, strconv.Itoa(bitnetSteps))
			same := 0
			for i, prompt := range prompts {
				var ours generation
				bin.run(t, &ours, "run", file, "-p", prompt, "-n", strconv.Itoa(bitnetSteps), "--temp", "0", "--ignore-eos")
				if !slices.Equal(theirs[i].Prompt, ours.Prompt) {
					t.Errorf("llama.cpp's prompt %v, ours %v", theirs[i].Prompt, ours.Prompt)
				}
				n := common(theirs[i].Tokens, ours.Tokens)
				t.Logf("llama.cpp and we agree on the first %d of %d tokens", n, bitnetSteps)
				same += n
			}
			share := float64(same) / float64(len(prompts)*bitnetSteps)
			t.Logf("agreement %.2f", share)
			if share < bitnetAgreement {
				t.Errorf("agreement %.2f, want at least %.2f", share, bitnetAgreement)
			}
		})
	}
}

// TestSentencePiece lets llama.cpp and us cut texts by the same SentencePiece
// vocabulary, that of a checkpoint like 1bitLLM's.
func TestSentencePiece(t *testing.T) {
	needPrograms(t)
	bin := buildTool(t)
	shape, err := synth.ParseShape("layers=1,hidden=256,intermediate=256,heads=4,kv_heads=2,head_dim=64,vocab=512")
	if err != nil {
		t.Fatal(err)
	}
	checkpoint, err := synth.New(shape, "D", synth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "D")
	if err := checkpoint.Write(t.Context(), dir, progress.Discard); err != nil {
		t.Fatal(err)
	}
	const vectors = "../../internal/token/testdata/sentencepiece"
	data, err := os.ReadFile(filepath.Join(vectors, "tokenizer.model"))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"tokenizer.model":   data,
		"added_tokens.json": []byte(`{"</line>":470,"<pad>":469}`),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	file := bin.quantize(t, dir, "F16", "--target", "llama.cpp")

	var cases []struct {
		Text string `json:"text"`
	}
	if data, err = os.ReadFile(filepath.Join(vectors, "cases.json")); err == nil {
		err = json.Unmarshal(data, &cases)
	}
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{"one</line>two<pad> three"}
	for _, c := range cases {
		texts = append(texts, c.Text)
	}
	var theirs []generation
	node(t, &theirs, texts, "llama.mjs", file, "1")
	for i, text := range texts {
		var ours generation
		bin.run(t, &ours, "run", file, "-p", text, "-n", "1", "--temp", "0", "--ignore-eos")
		if !slices.Equal(theirs[i].Prompt, ours.Prompt) {
			t.Errorf("%q: llama.cpp's tokens %v, ours %v", text, theirs[i].Prompt, ours.Prompt)
		}
		if !slices.Equal(theirs[i].Tokens, ours.Tokens) {
			t.Logf("%q: llama.cpp goes on with %v, we with %v", text, theirs[i].Tokens, ours.Tokens)
		}
	}
}
