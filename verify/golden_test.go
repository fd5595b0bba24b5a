package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/fixture"
	"github.com/akadata/bitnet-tool/quant"
	"github.com/google/go-cmp/cmp"
)

// TestBaselineReference takes a baseline with the prompts of the reference
// results, which another program computed in float64.
func TestBaselineReference(t *testing.T) {
	t.Parallel()
	path := model(t, "masters", quant.I2_S)
	var prompts []Prompt
	cases := fixture.Greedy(t, fixture.BitNetBF16)
	for _, c := range cases {
		prompts = append(prompts, Prompt{Text: c.Prompt})
	}
	logits := fixture.LogitsPrompts(t, fixture.BitNetBF16)
	for _, p := range logits {
		prompts = append(prompts, Prompt{Tokens: p.IDs[:3]})
	}
	b, err := NewBaseline(t.Context(), path, BaselineOptions{Prompts: prompts, Greedy: 16, Text: string(fixture.PerplexityText(t)[:800])})
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		got := b.Cases[i]
		if diff := cmp.Diff(c.PromptIDs, got.Tokens); diff != "" || got.Prompt != c.Prompt {
			t.Errorf("%s: tokens of %q (-want +got):\n%s", c.Name, got.Prompt, diff)
		}
		if len(got.Greedy) != 16 {
			t.Fatalf("%s: %d tokens, want 16", c.Name, len(got.Greedy))
		}
		for step, id := range got.Greedy {
			if id != c.Continuation[step] {
				if c.Gaps[step] >= 0.05 {
					t.Errorf("%s: token %d is %d, want %d", c.Name, step, id, c.Continuation[step])
				}
				break
			}
		}
	}
	for i, p := range logits {
		got := b.Cases[len(cases)+i]
		want, _, cols := fixture.Logits(t, fixture.BitNetBF16, p.Name)
		want = want[2*cols : 3*cols]
		if len(got.Logits) != cols || got.Prompt != "" {
			t.Fatalf("%s: %d logits, prompt %q", p.Name, len(got.Logits), got.Prompt)
		}
		for j, v := range got.Logits {
			if d := math.Abs(float64(v) - float64(want[j])); d > 1e-3 {
				t.Errorf("%s: logit %d is %v, want %v", p.Name, j, v, want[j])
				break
			}
		}
	}
	if b.Perplexity.Context != 128 || b.Perplexity.NLL < 3 || b.Perplexity.NLL > 4.5 {
		t.Errorf("perplexity %+v", b.Perplexity)
	}

	// What was taken in float64 elsewhere holds here.
	for i, c := range cases {
		b.Cases[i].Greedy = c.Continuation[:16]
	}
	for i, p := range logits {
		want, _, cols := fixture.Logits(t, fixture.BitNetBF16, p.Name)
		b.Cases[len(cases)+i].Logits = want[2*cols : 3*cols]
	}
	b.Perplexity = nil
	if fs := bad(verified(t, path, Options{Level: Golden, Baseline: b})); len(fs) > 0 {
		t.Errorf("findings:%s", show(fs))
	}
}

// TestGolden changes a model after its baseline was taken.
func TestGolden(t *testing.T) {
	good := model(t, "masters", quant.I2_S)
	baseline, err := NewBaseline(t.Context(), good, BaselineOptions{Greedy: 8, Text: shortText})
	if err != nil {
		t.Fatal(err)
	}
	rewrite := func(change func(m *gguf.Meta)) func(f *file) string {
		return func(f *file) string { return f.rewrite(change) }
	}
	tests := []struct {
		name    string
		change  func(f *file) string
		rules   []string
		verdict Verdict
	}{
		{"unchanged", func(f *file) string { return f.path }, nil, Good},
		{
			"wrong activation", rewrite(func(m *gguf.Meta) { m.Set("bitnet-b1.58.hidden_activation", "silu") }),
			[]string{"golden.logits", "golden.greedy", "golden.perplexity"},
			File,
		},
		{
			"wrong rope base", rewrite(func(m *gguf.Meta) { m.Set("bitnet-b1.58.rope.freq_base", float32(10000)) }),
			[]string{"golden.logits", "golden.perplexity"},
			File,
		},
		{"scaled tensor", func(f *file) string {
			f.setScale(arch.Block(2, arch.FFNDown), 2*f.scale(arch.Block(2, arch.FFNDown)))
			return f.path
		}, []string{"golden.logits"}, File},
		{"vocabulary shifted", rewrite(func(m *gguf.Meta) {
			v, _, _ := gguf.Slice[string](m, "tokenizer.ggml.tokens")
			v[270], v[271] = v[271], v[270]
			v[272], v[273] = v[273], v[272]
			v[283], v[284] = v[284], v[283]
			v[301], v[302] = v[302], v[301]
			m.Set("tokenizer.ggml.tokens", v)
		}), []string{"golden.tokens"}, Tokenizer},
		{"other architecture name", rewrite(func(m *gguf.Meta) { rename(m, "bitnet-b1.58", "bitnet-25") }), []string{"golden.model"}, Good},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := tt.change(openFile(t, model(t, "masters", quant.I2_S)))
			r := verified(t, path, Options{Level: Golden, Baseline: baseline})
			found := map[string]bool{}
			for _, f := range bad(r) {
				found[f.Rule] = true
			}
			for _, rule := range tt.rules {
				if !found[rule] {
					t.Errorf("%s is silent", rule)
				}
			}
			if len(tt.rules) == 0 && len(found) > 0 {
				t.Errorf("findings:%s", show(bad(r)))
			}
			if r.Verdict != tt.verdict {
				t.Errorf("verdict %s,%s", r.Verdict, show(bad(r)))
			}
		})
	}
}

// rename changes the architecture and the keys that begin with it.
func rename(m *gguf.Meta, from, to string) {
	values := map[string]any{}
	for k, v := range m.All() {
		values[k] = v
	}
	for k, v := range values {
		if rest, ok := strings.CutPrefix(k, from+"."); ok {
			m.Delete(k)
			m.Set(to+"."+rest, v)
		}
	}
	m.Set("general.architecture", to)
}

// TestGoldenTolerance judges differences of known size.
func TestGoldenTolerance(t *testing.T) {
	tests := []struct {
		name  string
		cases []goldenCase
		nll   float64
		rules []string
	}{
		{"at the limits", []goldenCase{{diff: 0.002}, {diff: 0.5}, {diff: 0.001}}, 3.0029, nil},
		{"one large difference", []goldenCase{{diff: 0}, {diff: 0.51}, {diff: 0}}, 3, []string{"golden.logits"}},
		{"a small difference everywhere", []goldenCase{{diff: 0.0021}, {diff: 0.0021}, {diff: 0}}, 3, []string{"golden.logits"}},
		{"open choice", []goldenCase{{greedy: []choice{{gap: 0.04}}}, {}, {}}, 3, nil},
		{"clear choice", []goldenCase{{greedy: []choice{{gap: 0.04}, {step: 1, gap: 0.06}}}, {}, {}}, 3, []string{"golden.greedy"}},
		{"worse at the text", []goldenCase{{}, {}, {}}, 3.0031, []string{"golden.perplexity"}},
		{"better at the text", []goldenCase{{}, {}, {}}, 2.9969, []string{"golden.perplexity"}},
		{"not a number", []goldenCase{{notFinite: &place{}}, {}, {}}, math.NaN(), []string{"golden.logits", "golden.perplexity"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := &Baseline{
				Cases:      []Case{{Greedy: []int32{1, 2}}, {}, {}},
				Perplexity: &BaselinePerplexity{Text: "x", NLL: 3},
				Tolerance:  DefaultTolerance(),
			}
			s := &Subject{opts: Options{Baseline: b}, golden: &golden{cases: tt.cases, nll: tt.nll}}
			var rules []string
			for _, c := range Checks() {
				if c.Cost == Golden && c.Name != "golden.model" && len(c.Run(t.Context(), s)) > 0 {
					rules = append(rules, c.Name)
				}
			}
			if diff := cmp.Diff(tt.rules, rules); diff != "" {
				t.Errorf("rules (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBaselineOptions(t *testing.T) {
	path := model(t, "masters", quant.I2_S)
	for name, o := range map[string]BaselineOptions{
		"no prompts":           {Prompts: []Prompt{}},
		"negative":             {Greedy: -1},
		"text is not UTF-8":    {Text: "\xff"},
		"text is too short":    {Prompts: []Prompt{{Text: "a"}}, Text: "a"},
		"unknown token":        {Prompts: []Prompt{{Tokens: []int32{1088}}}},
		"negative token":       {Prompts: []Prompt{{Tokens: []int32{-1}}}},
		"longer than possible": {Prompts: []Prompt{{Text: "a"}}, Greedy: 600},
	} {
		if _, err := NewBaseline(t.Context(), path, o); !errors.Is(err, ErrOption) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func tinyBaseline() *Baseline {
	return &Baseline{
		Schema:     baselineSchema,
		Model:      BaselineModel{SHA256: "sha256:00", Architecture: "llama", VocabSize: 3},
		Cases:      []Case{{Prompt: "x", Tokens: []int32{0, 2}, Logits: Logits{1, -2.5, 3e-9}, Greedy: []int32{1}}},
		Perplexity: &BaselinePerplexity{TextSHA256: digestOf("text"), Text: "text", Context: 4, NLL: 2.5},
		Tolerance:  DefaultTolerance(),
	}
}

func TestReadBaseline(t *testing.T) {
	data, err := json.Marshal(tinyBaseline())
	if err != nil {
		t.Fatal(err)
	}
	b, err := ReadBaseline(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tinyBaseline(), b); diff != "" {
		t.Errorf("after writing and reading (-want +got):\n%s", diff)
	}
	// The bytes of 1, -2.5 and 3e-9 as float32, little-endian.
	if !strings.Contains(string(data), `"logits":"AACAPwAAIMCPKE4x"`) {
		t.Errorf("logits are not as documented: %s", data)
	}
	if _, err := ReadBaseline(strings.NewReader(strings.Replace(string(data), "{", `{"later":{"a":[1]},`, 1))); err != nil {
		t.Errorf("a field of a later version: %v", err)
	}
	replace := func(old, by string) string {
		if !strings.Contains(string(data), old) {
			t.Fatalf("no %s in %s", old, data)
		}
		return strings.Replace(string(data), old, by, 1)
	}
	for name, text := range map[string]string{
		"empty":              "",
		"no object":          "[]",
		"cut":                string(data[:len(data)/2]),
		"two":                string(data) + "{}",
		"other schema":       replace("baseline/v1", "baseline/v2"),
		"no vocabulary":      replace(`"vocab_size":3`, `"vocab_size":0`),
		"huge vocabulary":    replace(`"vocab_size":3`, `"vocab_size":99999999999`),
		"other vocabulary":   replace(`"vocab_size":3`, `"vocab_size":4`),
		"no cases":           replace(`"cases":[`, `"cases":[],"was":[`),
		"no tokens":          replace(`"tokens":[0,2]`, `"tokens":[]`),
		"token beyond":       replace(`"tokens":[0,2]`, `"tokens":[0,3]`),
		"negative token":     replace(`"tokens":[0,2]`, `"tokens":[0,-1]`),
		"fractional token":   replace(`"tokens":[0,2]`, `"tokens":[0,0.5]`),
		"greedy beyond":      replace(`"greedy":[1]`, `"greedy":[7]`),
		"not base64":         replace(`AACAPw`, `AACA*w`),
		"odd length":         replace(`"AACAPwAAIMCPKE4x"`, `"AACAPwAAIMCPKE4="`),
		"NaN":                replace(`AACAPw`, `AADAfw`),
		"negative tolerance": replace(`"nll":0.003`, `"nll":-1`),
		"short context":      replace(`"ctx":4`, `"ctx":0`),
		"negative nll":       replace(`"nll":2.5`, `"nll":-2.5`),
		"other text":         replace(`"text":"text"`, `"text":"test"`),
	} {
		if _, err := ReadBaseline(strings.NewReader(text)); !errors.Is(err, ErrBaseline) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestParsePrompts(t *testing.T) {
	ps, err := ParsePrompts([]byte("{\"prompt\":\"a b\"}\n\n  {\"tokens\":[1,2]}\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Prompt{{Text: "a b"}, {Tokens: []int32{1, 2}}}, ps); diff != "" {
		t.Errorf("prompts (-want +got):\n%s", diff)
	}
	for name, text := range map[string]string{
		"nothing":      "\n\n",
		"no JSON":      "hello",
		"no object":    `["a"]`,
		"two objects":  `{"prompt":"a"} {"prompt":"b"}`,
		"both":         `{"prompt":"a","tokens":[1]}`,
		"neither":      `{}`,
		"empty":        `{"prompt":""}`,
		"unknown":      `{"prompt":"a","n":1}`,
		"large number": `{"tokens":[4294967296]}`,
		"many":         strings.Repeat(`{"prompt":"a"}`+"\n", maxPrompts+1),
	} {
		if _, err := ParsePrompts([]byte(text)); !errors.Is(err, ErrOption) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func FuzzReadBaseline(f *testing.F) {
	data, err := json.Marshal(tinyBaseline())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := ReadBaseline(bytes.NewReader(data))
		if err != nil {
			return
		}
		again, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ReadBaseline(bytes.NewReader(again)); err != nil {
			t.Errorf("what was read is refused when written: %v", err)
		}
	})
}

func FuzzParsePrompts(f *testing.F) {
	f.Add([]byte("{\"prompt\":\"a b\"}\n\n{\"tokens\":[1,2]}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		ps, err := ParsePrompts(data)
		if err == nil && (len(ps) == 0 || len(ps) > maxPrompts) {
			t.Errorf("%d prompts", len(ps))
		}
	})
}
