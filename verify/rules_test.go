package verify

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/kernels"
	"github.com/akadata/bitnet-tool/internal/token"
	"github.com/akadata/bitnet-tool/quant"
	"github.com/akadata/bitnet-tool/runtime"
)

// firing has a way to break each rule that no other test file breaks one by one.
// Files of which nothing is changed have no finding of any: that is [TestGood].
func firing() map[string]func(t *testing.T) *Report {
	set := func(level Level, changes map[string]any) func(t *testing.T) *Report {
		return func(t *testing.T) *Report {
			f := openFile(t, model(t, "masters", quant.I2_S))
			return broken(t, f.rewrite(func(m *gguf.Meta) {
				for k, v := range changes {
					if v == nil {
						m.Delete(k)
					} else {
						m.Set(k, v)
					}
				}
			}), level)
		}
	}
	change := func(level Level, source string, typ quant.Type, do func(f *file)) func(t *testing.T) *Report {
		return func(t *testing.T) *Report {
			f := openFile(t, model(t, source, typ))
			do(f)
			return broken(t, f.path, level)
		}
	}
	i2s := func(do func(f *file)) func(t *testing.T) *Report { return change(Content, "masters", quant.I2_S, do) }
	gate, up := arch.Block(1, arch.FFNGate), arch.Block(1, arch.FFNUp)
	return map[string]func(t *testing.T) *Report{
		"header.structure": func(t *testing.T) *Report {
			path := model(t, "masters", quant.I2_S)
			if err := os.Truncate(path, 100_000); err != nil {
				t.Fatal(err)
			}
			return broken(t, path, Header)
		},
		"header.architecture": set(Header, map[string]any{"bitnet-b1.58.block_count": nil}),
		"header.tensors":      set(Header, map[string]any{"bitnet-b1.58.block_count": uint32(3)}),
		"header.tokenizer":    set(Header, map[string]any{"tokenizer.ggml.merges": nil}),
		"header.pre":          set(Header, map[string]any{preKey: nil}),
		"header.merges":       set(Header, map[string]any{mergesKey: []string{"t h"}}),
		"header.special":      set(Header, map[string]any{"tokenizer.ggml.eos_token_id": uint32(300)}),
		"header.bos":          set(Header, map[string]any{addBOSKey: false}),
		"header.roundtrip": func(t *testing.T) *Report {
			f := openFile(t, model(t, "masters", quant.I2_S))
			return broken(t, f.rewrite(func(m *gguf.Meta) {
				texts, _, _ := gguf.Slice[string](m, tokensKey)
				kinds, _, _ := gguf.Slice[int32](m, kindsKey)
				kinds[slices.Index(texts, "Ġ")] = int32(token.Control) // a space is no control token
				m.Set(kindsKey, kinds)
			}), Header)
		},
		"header.template": set(Header, map[string]any{templateKey: "BITNETAssistant: "}),
		"header.script":   set(Header, map[string]any{templateKey: "{{ ''.__class__.__mro__ }}"}),
		"header.label":    set(Header, map[string]any{"general.file_type": uint32(7)}),
		"header.coarse": func(t *testing.T) *Report {
			return broken(t, model(t, "masters", quant.Q4_0), Header)
		},
		"header.loaders": set(Header, map[string]any{}), // I2_S is known to few

		"content.outliers": i2s(func(f *file) { f.setScale(gate, f.scale(gate)*30) }),
		"content.alike": i2s(func(f *file) {
			for _, t := range f.Tensors {
				if t.Type == quant.I2_S {
					f.setScale(t.Name, 1)
				}
			}
		}),
		"content.pruned": i2s(func(f *file) { f.patch(gate, 0, repeat(0x55, 49152)) }),
		"content.signs": i2s(func(f *file) {
			b := f.bytes(gate)[:49152]
			for i := range b {
				if i%2 == 0 {
					b[i] = []byte{0xa9, 0x9a, 0x6a, 0xa6}[i/2%4] // three +1 and a zero
				}
			}
			f.patch(gate, 0, b)
		}),
		"content.runs":   i2s(func(f *file) { f.patch(gate, 4096, make([]byte, 4096)) }),
		"content.copies": i2s(func(f *file) { f.patch(gate, 0, f.bytes(up)) }),
		"content.gains": i2s(func(f *file) {
			f.patch(arch.Block(1, arch.FFNNorm), 0, []byte(strings.Repeat("\x00\x00\x80\x3f", 256)))
		}),
		"smoke.calibration": func(t *testing.T) *Report {
			f := openFile(t, model(t, "masters", quant.I2_S))
			return broken(t, f.rewrite(func(m *gguf.Meta) { m.Set("bitnet-b1.58.hidden_activation", "silu") }), Smoke)
		},
		"smoke.order": change(Smoke, "masters", quant.I2_S, func(f *file) {
			r := rand.New(rand.NewPCG(1, 2))
			projections(f, "", func(b []byte) {
				for i := range b {
					b[i] = []byte{0x55, 0x49, 0x91, 0x64, 0x26, 0x12, 0x81, 0x58}[r.IntN(8)]
				}
			})
		}),
		"smoke.reading": func(t *testing.T) *Report {
			f := openFile(t, model(t, "masters", quant.I2_S))
			return broken(t, f.rewrite(func(m *gguf.Meta) { m.Set("bitnet-b1.58.attention.layer_norm_rms_epsilon", float32(0.1)) }), Smoke)
		},
	}
}

// broken verifies a file that may be too bad for some of the level.
func broken(t *testing.T, path string, l Level, against ...string) *Report {
	t.Helper()
	r, err := Run(context.Background(), path, Options{Level: l, Against: strings.Join(against, "")})
	if r == nil {
		t.Fatal(err)
	}
	return r
}

// elsewhere are the rules that other tests break.
var elsewhere = []string{
	"hash.", "content.code", "content.finite", "content.scale", "content.zeros", "content.constant", "content.ternary",
	"lineage.", "golden.", "engine.",
	"smoke.load", "smoke.finite", "smoke.constant", "smoke.prompt", "smoke.loop", "smoke.frequency", "smoke.sense", "smoke.trained", "smoke.time",
}

func TestRulesFire(t *testing.T) {
	fires := firing()
	for _, c := range Checks() {
		breakIt, ok := fires[c.Name]
		if !ok {
			known := false
			for _, prefix := range elsewhere {
				known = known || strings.HasPrefix(c.Name, prefix)
			}
			if !known {
				t.Errorf("no test breaks %s", c.Name)
			}
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			r := breakIt(t)
			for _, l := range r.Levels {
				for _, f := range l.Findings {
					if f.Rule == c.Name {
						if rank(f.Severity) > rank(c.Severity) {
							t.Errorf("%s is graver than the table says", f.Severity)
						}
						t.Logf("%s %s: %s; verdict %s", f.Severity, f.Object(), f.Detail, r.Verdict)
						return
					}
				}
			}
			t.Errorf("it is silent; others: %s", show(bad(r)))
		})
	}
}

func rank(s Severity) int { return map[Severity]int{Info: 0, Warning: 1, Error: 2}[s] }

// TestUntrained: a model that never learnt is not called bad.
func TestUntrained(t *testing.T) {
	f := openFile(t, model(t, "masters", quant.I2_S))
	r := rand.New(rand.NewPCG(5, 6))
	b := make([]byte, 2*1088*256)
	for i := 0; i < len(b); i += 2 {
		b[i], b[i+1] = byte(r.Uint32()), byte(0x2c+r.IntN(4)+128*r.IntN(2))
	}
	f.patch(arch.TokenEmbd, 0, b)
	projections(f, "", func(b []byte) { r.Shuffle(len(b), func(i, j int) { b[i], b[j] = b[j], b[i] }) })
	report, err := Run(t.Context(), f.path, Options{Level: Smoke})
	if !errors.Is(err, ErrUnchecked) || !errors.Is(err, errUntrained) || report.Verdict != Unknown || report.Count(Error) > 0 {
		t.Errorf("error %v, verdict %s:%s", err, report.Verdict, show(bad(report)))
	}
}

// TestFrequency: an answer to everything.
func TestFrequency(t *testing.T) {
	for most, want := range map[float64]int{0.2: 0, 0.9: 1} {
		s := &Subject{vocab: &token.Vocab{Tokens: []string{"G"}}, probe: &probe{sense: &sense{most: most}}}
		if fs := checkFrequency(t.Context(), s); len(fs) != want {
			t.Errorf("mean probability %v:%s", most, show(fs))
		}
	}
}

// TestOther compares with other programs.
func TestOther(t *testing.T) {
	path := model(t, "masters", quant.I2_S)
	answers := map[string]string{}
	e, err := newEngine(path, runtime.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range smokePrompts {
		a, err := e.answer(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		answers[p] = a.text
	}
	e.close()
	for name, tt := range map[string]struct {
		say  func(prompt string) (string, error)
		want Verdict
		err  bool
	}{
		"the same":            {func(p string) (string, error) { return answers[p], nil }, Good, false},
		"with the prompt":     {func(p string) (string, error) { return p + answers[p] + " [end of text]\n", nil }, Good, false},
		"it ends early":       {func(p string) (string, error) { return p + answers[p][:len(answers[p])/2], nil }, Good, false},
		"without the space":   {func(p string) (string, error) { return strings.TrimSpace(answers[p]), nil }, Good, false},
		"bytes":               {func(string) (string, error) { return "\xff\xfe\x00\x01", nil }, Faulty, false},
		"one token for ever":  {func(string) (string, error) { return "GGGGGGGGGGGG", nil }, Faulty, false},
		"nothing":             {func(string) (string, error) { return "\n", nil }, Faulty, false},
		"another prompt's":    {func(string) (string, error) { return answers[smokePrompts[0]], nil }, Faulty, false},
		"it cannot be called": {func(string) (string, error) { return "", os.ErrNotExist }, Unknown, true},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Run(t.Context(), path, Options{Level: Smoke, Other: func(_ context.Context, _, prompt string, n int) (string, error) {
				if n != smokeTokens {
					t.Errorf("%d tokens", n)
				}
				return tt.say(prompt)
			}})
			if errors.Is(err, ErrUnchecked) != tt.err || r.Verdict != tt.want {
				t.Errorf("verdict %s, error %v:%s", r.Verdict, err, show(bad(r)))
			}
		})
	}
	bad := openFile(t, path).rewrite(func(m *gguf.Meta) { m.Set("bitnet-b1.58.hidden_activation", "silu") })
	r := verified(t, bad, Options{Level: Smoke, Other: func(context.Context, string, string, int) (string, error) {
		t.Error("asked about a bad file")
		return "", nil
	}})
	if r.Verdict != File || r.Levels[len(r.Levels)-1].Unchecked == "" {
		t.Errorf("a bad file: %s", r.Verdict)
	}
}

// TestRender: unknown templates are rendered by who was asked to, or not at all.
func TestRender(t *testing.T) {
	for name, tt := range map[string]struct {
		render token.Renderer
		want   Severity
	}{
		"nobody":        {nil, Info},
		"what it says":  {func(_ context.Context, _ string, c token.Chat) (string, error) { return c.Messages[0].Content, nil }, ""},
		"nothing of it": {func(context.Context, string, token.Chat) (string, error) { return "hello", nil }, Warning},
		"an error":      {func(context.Context, string, token.Chat) (string, error) { return "", token.ErrTemplate }, Warning},
	} {
		t.Run(name, func(t *testing.T) {
			path := openFile(t, model(t, "masters", quant.I2_S)).rewrite(func(m *gguf.Meta) { m.Set(templateKey, "{{ messages }}") })
			r := verified(t, path, Options{Level: Header, Render: tt.render})
			var got Severity
			for _, f := range r.Levels[0].Findings {
				if f.Rule == "header.script" {
					got = f.Severity
				}
			}
			if got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// TestKernels: whatever evaluates the model does it with the loops that were
// chosen.
func TestKernels(t *testing.T) {
	path := model(t, "masters", quant.I2_S)
	b, err := NewBaseline(t.Context(), path, BaselineOptions{Prompts: []Prompt{{Text: "In the"}}, Greedy: 1, Text: shortText})
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Options{
		"smoke":  {Level: Smoke, Kernels: "abacus"},
		"golden": {Level: Golden, Baseline: b, Kernels: "abacus"},
	} {
		if _, err := Run(t.Context(), path, o); !errors.Is(err, ErrUnchecked) || !errors.Is(err, kernels.ErrBackend) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := NewBaseline(t.Context(), path, BaselineOptions{Kernels: "abacus"}); !errors.Is(err, kernels.ErrBackend) {
		t.Errorf("baseline: error %v", err)
	}
}
