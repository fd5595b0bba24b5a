package verify

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/quant"
)

// TestReadings: the mistake that a file came about by is named.
func TestReadings(t *testing.T) {
	set := func(key string, v any) func(f *file) string {
		return func(f *file) string { return f.rewrite(func(m *gguf.Meta) { m.Set("bitnet-b1.58."+key, v) }) }
	}
	for _, tt := range []struct {
		name   string
		change func(f *file) string
		want   string
	}{
		{"activation", set("hidden_activation", "silu"), "with the activation relu2"},
		{"epsilon", set("attention.layer_norm_rms_epsilon", float32(0.1)), "with a norm epsilon of 1e-05"},
		{"rope base", set("rope.freq_base", float32(100)), "with a rope base of 500000"},
		{"one part of a layer", func(f *file) string {
			r := rand.New(rand.NewPCG(1, 1))
			down := arch.Block(2, arch.FFNDown)
			b := f.bytes(down)
			r.Shuffle(len(b)-32, func(i, j int) { b[i], b[j] = b[j], b[i] })
			f.patch(down, 0, b)
			f.setScale(down, 6*f.scale(down))
			return f.path
		}, "without the feed-forward part of layer 2"},
		{"gate and up", func(f *file) string {
			for l := range 4 {
				gate, up := arch.Block(l, arch.FFNGate), arch.Block(l, arch.FFNUp)
				a, b := f.bytes(gate), f.bytes(up)
				f.patch(gate, 0, b)
				f.patch(up, 0, a)
			}
			return f.path
		}, "with ffn_gate and ffn_up exchanged"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := verified(t, tt.change(openFile(t, model(t, "masters", quant.I2_S))), Options{Level: Smoke})
			if got := one(t, r, "smoke.reading"); !strings.Contains(got.Detail, "makes more sense "+tt.want+":") {
				t.Errorf("got%s", show([]Finding{got}))
			}
			if r.Verdict != File {
				t.Errorf("verdict %s", r.Verdict)
			}
		})
	}
}

// TestOdd: a parameter that is odd is looked at twice, and is no fault.
func TestOdd(t *testing.T) {
	path := openFile(t, model(t, "masters", quant.I2_S)).rewrite(func(m *gguf.Meta) {
		m.Set("bitnet-b1.58.attention.layer_norm_rms_epsilon", float32(2e-4))
	})
	s, err := open(path, Options{Level: Smoke, Progress: progress.Discard})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if _, err := s.run(t.Context(), Header); err != nil || !s.odd() {
		t.Errorf("odd %v, error %v", s.odd(), err)
	}
	if r := verified(t, path, Options{Level: Smoke}); r.Verdict != Good || len(bad(r)) > 0 {
		t.Errorf("verdict %s:%s", r.Verdict, show(bad(r)))
	}
}
