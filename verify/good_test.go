package verify

import (
	"testing"

	"github.com/akadata/bitnet-tool/quant"
)

// shortText keeps the evaluations of tests short.
const shortText = "In the beginning God created the heaven and the earth."

// TestGood runs all levels on files that are as they should be.
func TestGood(t *testing.T) {
	for _, tt := range []struct {
		source string
		typ    quant.Type
	}{
		{"masters", quant.I2_S},
		{"masters", quant.Q8_0},
		{"masters", quant.TQ1_0},
		{"masters", quant.TQ2_0},
		{"masters", quant.F16},
		{"masters", quant.BF16},
		{"masters", quant.F32},
		{"sharded", quant.I2_S},
		{"packed", quant.I2_S},
		{"packed", quant.TQ2_0},
		{"packed", quant.Q8_0},
		{"llama", quant.BF16},
		{"llama", quant.F16},
		{"llama", quant.Q8_0},
	} {
		t.Run(tt.source+" "+tt.typ.String(), func(t *testing.T) {
			t.Parallel()
			path := model(t, tt.source, tt.typ)
			b, err := NewBaseline(t.Context(), path, BaselineOptions{Prompts: []Prompt{{Text: "In the"}}, Greedy: 2, Text: shortText})
			if err != nil {
				t.Fatal(err)
			}
			r := verified(t, path, Options{Level: Golden, Against: sources[tt.source](t), Baseline: b})
			if fs := bad(r); len(fs) > 0 {
				t.Errorf("findings:%s", show(fs))
			}
			if r.Verdict != Good {
				t.Errorf("verdict %s", r.Verdict)
			}
			if len(r.Levels) != 6 {
				t.Errorf("%d levels", len(r.Levels))
			}
			for _, l := range r.Levels {
				want := 1.0
				if l.Level == Header {
					want = 0
				}
				if !l.OK || l.Coverage != want {
					t.Errorf("level %s: ok %t, coverage %v", l.Level, l.OK, l.Coverage)
				}
				for _, f := range l.Findings {
					t.Logf("%s %s: %s", f.Rule, f.Object(), f.Detail)
				}
			}
		})
	}
}
