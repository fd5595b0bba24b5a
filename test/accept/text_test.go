package accept

import (
	"math"
	"testing"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/fixture"
	"github.com/akadata/bitnet-tool/internal/token"
	"github.com/akadata/bitnet-tool/runtime"
)

// checkGreedy continues the reference prompts. The tokens must be the same; a
// step whose recorded gap is under 0.05 may differ, and what follows it is
// another text.
func checkGreedy(t *testing.T, m *runtime.Model, model string) {
	t.Helper()
	same, total := 0, 0
	for _, c := range fixture.Greedy(t, model) {
		s, err := m.NewSession(runtime.SessionOptions{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := runtime.NewSampler(runtime.Sampling{})
		if err != nil {
			t.Fatal(err)
		}
		i := 0
		for id, err := range runtime.Generate(t.Context(), s, p, c.PromptIDs, runtime.Stop{Max: len(c.Continuation)}) {
			if err != nil {
				t.Fatal(err)
			}
			if id != c.Continuation[i] {
				if c.Gaps[i] >= 0.05 {
					t.Errorf("%s: step %d gives token %d, want %d by a gap of %v", c.Name, i, id, c.Continuation[i], c.Gaps[i])
				}
				break
			}
			i++
		}
		same += i
		total += len(c.Continuation)
	}
	t.Logf("greedy: %d of %d tokens are those of the reference", same, total)
}

// checkPerplexity scores the reference text by one of the recorded schemes.
func checkPerplexity(t *testing.T, m *runtime.Model, model, scheme string, bound float64) {
	t.Helper()
	ref := fixture.Perplexity(t, model)
	tokens, bos := textTokens(t, m.File())
	if len(tokens) != ref.TextTokens+1 {
		t.Fatalf("text has %d tokens with BOS, want %d", len(tokens), ref.TextTokens+1)
	}
	var nll float64
	var scored int
	switch scheme {
	case "second_half":
		r, err := m.Perplexity(t.Context(), tokens, runtime.PerplexityOptions{Context: ref.Window, BOS: bos})
		if err != nil {
			t.Fatal(err)
		}
		if r.Chunks != 5 || r.PPL != math.Exp(r.NLL) {
			t.Errorf("%d chunks, want 5; perplexity %v of NLL %v", r.Chunks, r.PPL, r.NLL)
		}
		nll, scored = r.NLL, r.Tokens
	case "single_pass":
		nll, scored = score(t, m, tokens[:512])
	}

	want := ref.Schemes[scheme]
	off := math.Abs(nll - want.MeanNLL)
	if scored != want.Tokens || !(off <= bound) {
		t.Errorf("%s: mean NLL %.6f of %d tokens, want %.6f within %v of %d", scheme, nll, scored, want.MeanNLL, bound, want.Tokens)
	}
	t.Logf("%s: mean NLL is off by %.2g, perplexity %.4f for %.4f", scheme, off, math.Exp(nll), want.Perplexity)
}

// score gives the mean NLL of all tokens but the first, computed in float64 by
// the plainest formula, and their number.
func score(t *testing.T, m *runtime.Model, tokens []int32) (mean float64, n int) {
	t.Helper()
	s, err := m.NewSession(runtime.SessionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var nll float64
	err = s.EvalAll(t.Context(), tokens[:len(tokens)-1], func(pos int, row []float32) error {
		var sum float64
		for _, v := range row {
			sum += math.Exp(float64(v))
		}
		nll += math.Log(sum) - float64(row[tokens[pos+1]])
		n++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return nll / float64(n), n
}

// textTokens is the perplexity text in the tokens of a file's vocabulary, BOS
// first.
func textTokens(t *testing.T, f *gguf.File) (tokens []int32, bos int32) {
	t.Helper()
	vocab, err := token.FromMeta(&f.Meta)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := token.New(vocab)
	if err != nil {
		t.Fatal(err)
	}
	bos, _ = tok.BOS()
	return tok.Encode(string(fixture.PerplexityText(t)), token.EncodeOptions{AddSpecial: true}), bos
}
