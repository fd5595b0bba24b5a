package interop

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/internal/fixture"
)

// generation is what a program makes of a prompt.
type generation struct {
	Prompt []int32 `json:"prompt_tokens"`
	Tokens []int32 `json:"tokens"`
	Text   string  `json:"text"`
}

// closeGap is the difference of two logits below which programs that round in
// other places may choose differently: llama.cpp rounds the KV cache to F16,
// and activations to F16 or, beside Q8_0 weights, to 8 bits in blocks of 32.
const closeGap = 0.05

// TestLlamaGenerates lets llama.cpp run our files of the plain Llama and
// compares its greedy tokens with the reference and with our engine.
func TestLlamaGenerates(t *testing.T) {
	needPrograms(t)
	bin := buildTool(t)
	source := fixture.Llama(t)
	cases := fixture.Greedy(t, fixture.PlainLlama)
	prompts := make([]string, len(cases))
	for i, c := range cases {
		prompts[i] = c.Prompt
	}

	for _, kind := range []string{"F16", "Q8_0", "Q4_0", "Q4_K", "Q4_K_M", "Q5_K", "Q6_K"} {
		// Coarser weights are another model than the reference's.
		original := kind == "F16" || kind == "Q8_0"
		t.Run(kind, func(t *testing.T) {
			file := bin.quantize(t, source, kind)
			var theirs []generation
			steps := len(cases[0].Continuation)
			node(t, &theirs, prompts, "llama.mjs", file, strconv.Itoa(steps))
			if len(theirs) != len(cases) {
				t.Fatalf("%d answers to %d prompts", len(theirs), len(cases))
			}
			for i, c := range cases {
				t.Run(c.Name, func(t *testing.T) {
					var ours generation
					bin.run(t, &ours, "run", file, "-p", c.Prompt, "-n", strconv.Itoa(steps), "--temp", "0", "--ignore-eos")
					if !slices.Equal(theirs[i].Prompt, ours.Prompt) {
						t.Errorf("llama.cpp's prompt %v, ours %v", theirs[i].Prompt, ours.Prompt)
					}
					if original {
						compareGreedy(t, "llama.cpp and the reference", theirs[i].Tokens, c.Continuation, c.Gaps)
						compareGreedy(t, "llama.cpp and we", theirs[i].Tokens, ours.Tokens, c.Gaps)
					} else {
						n := common(theirs[i].Tokens, ours.Tokens)
						t.Logf("llama.cpp and we agree on the first %d of %d tokens", n, steps)
						if n < commonStart {
							t.Errorf("llama.cpp's tokens %v, ours %v", theirs[i].Tokens, ours.Tokens)
						}
					}
					// It spells out the end of a turn, which we do not print.
					text := strings.ReplaceAll(theirs[i].Text, "<|eot_id|>", "")
					if slices.Equal(theirs[i].Tokens, ours.Tokens) && text != ours.Text {
						t.Errorf("llama.cpp's text %q, ours %q", text, ours.Text)
					}
				})
			}
		})
	}
}

// commonStart is how many tokens llama.cpp and we must at least agree on where
// the gaps between logits are not known. Beside K types llama.cpp
// rounds activations to 8 bits in blocks of 256, which can decide a close choice
// anywhere.
const commonStart = 8

// common counts the tokens before two continuations part.
func common(a, b []int32) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// compareGreedy fails if two greedy continuations part at a step whose best and
// second logit are not close. What follows that step is not comparable.
func compareGreedy(t *testing.T, who string, a, b []int32, gaps []float64) {
	t.Helper()
	if len(a) != len(gaps) || len(b) != len(gaps) {
		t.Errorf("%s: %d and %d tokens, want %d", who, len(a), len(b), len(gaps))
		return
	}
	same := common(a, b)
	switch {
	case same == len(a):
		t.Logf("%s agree on all %d tokens", who, same)
	case gaps[same] < closeGap:
		t.Logf("%s agree on %d tokens, then the logits are %.3f apart", who, same, gaps[same])
	default:
		t.Errorf("%s part at token %d: %d and %d, where the logits are %.3f apart", who, same, a[same], b[same], gaps[same])
	}
}
