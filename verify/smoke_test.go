package verify

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/quant"
)

// projections calls change for the bytes of every I2_S tensor whose name
// contains part, without its trailer.
func projections(f *file, part string, change func(b []byte)) {
	for _, t := range f.Tensors {
		if t.Type == quant.I2_S && strings.Contains(t.Name, part) {
			b := f.bytes(t.Name)
			change(b[:len(b)-32])
			f.patch(t.Name, 0, b)
		}
	}
}

// TestSmoke breaks models so that only an evaluation shows it; content must
// have nothing but warnings.
func TestSmoke(t *testing.T) {
	erase := func(b []byte) { copy(b, repeat(0x55, len(b))) }
	tests := []struct {
		name   string
		change func(f *file)
		rules  []string
	}{
		{
			"scrambled weights",
			func(f *file) {
				r := rand.New(rand.NewPCG(1, 2))
				projections(f, "", func(b []byte) { r.Shuffle(len(b), func(i, j int) { b[i], b[j] = b[j], b[i] }) })
			},
			[]string{"smoke.sense"},
		},
		{
			"blocks in another order", // as of a program that packs in groups of 64
			func(f *file) {
				projections(f, "", func(b []byte) {
					c, _ := quant.Lookup(quant.I2_S)
					codes := make([]byte, 4*len(b))
					for i, v := range b {
						at := i/16*64 + i%16
						codes[at], codes[at+16], codes[at+32], codes[at+48] = v>>6, v>>4&3, v>>2&3, v&3
					}
					if err := c.PackTrits(b, codes, 1); err != nil {
						f.t.Fatal(err)
					}
				})
			},
			[]string{"smoke.sense", "smoke.reading"},
		},
		{
			"blind",
			func(f *file) { projections(f, arch.AttnV, erase) },
			[]string{"smoke.prompt", "smoke.loop", "smoke.sense"},
		},
		{
			"layers without effect",
			func(f *file) { projections(f, arch.AttnOutput, erase); projections(f, arch.FFNDown, erase) },
			[]string{"smoke.prompt", "smoke.loop", "smoke.sense"},
		},
		{
			"tiny logits",
			func(f *file) {
				for i := range 256 {
					f.patch(arch.OutputNorm, int64(4*i), f32(1e-30))
				}
			},
			[]string{"smoke.constant", "smoke.order"},
		},
		{
			"logits too large",
			func(f *file) {
				for i := range 256 {
					f.patch(arch.OutputNorm, int64(4*i), f32(3e38))
				}
			},
			[]string{"smoke.finite"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := openFile(t, model(t, "masters", quant.I2_S))
			tt.change(f)
			r := verified(t, f.path, Options{Level: Smoke})
			found := map[string]bool{}
			for _, b := range bad(r) {
				if b.Severity == Error {
					found[b.Rule] = true
				}
			}
			for _, rule := range tt.rules {
				if !found[rule] {
					t.Errorf("%s is silent", rule)
				}
				delete(found, rule)
			}
			for _, symptom := range []string{"content.pruned", "smoke.loop", "smoke.order", "smoke.calibration", "smoke.frequency", "smoke.reading", "smoke.sense"} {
				delete(found, symptom) // may come with any of the others
			}
			if len(found) > 0 {
				t.Errorf("also found:%s", show(bad(r)))
			}
			if r.Verdict != File {
				t.Errorf("verdict %s", r.Verdict)
			}
		})
	}
}

// TestSmokeUnknown: a file that is its checkpoint's to the bit and does not work
// all the same is not called bad.
func TestSmokeUnknown(t *testing.T) {
	r := &Report{Levels: []LevelReport{
		{Level: Lineage, OK: true},
		{Level: Smoke, Findings: []Finding{{Rule: "smoke.loop", Severity: Error}}},
	}}
	if v := verdict(r); v != Unknown {
		t.Errorf("verdict %s", v)
	}
}

// TestSmokeNotLoaded: what the engine refuses is a finding, what it does not
// know is none.
func TestSmokeNotLoaded(t *testing.T) {
	f := openFile(t, model(t, "masters", quant.I2_S))
	f.patch(arch.OutputNorm, 0, f32(nan()))
	r := verified(t, f.path, Options{Level: Smoke})
	if got := one(t, r, "smoke.load"); got.Severity != Error || !strings.Contains(got.Detail, arch.OutputNorm) {
		t.Errorf("got%s", show([]Finding{got}))
	}

	path := openFile(t, model(t, "masters", quant.I2_S)).rewrite(func(m *gguf.Meta) { m.Set(arch.ActivationKey, "int4") })
	if _, err := Run(t.Context(), path, Options{Level: Smoke}); !errors.Is(err, ErrUnchecked) {
		t.Errorf("error %v", err)
	}
}

func TestTime(t *testing.T) {
	path := model(t, "masters", quant.I2_S)
	_, err := Run(t.Context(), path, Options{Level: Smoke, MaxTime: 1})
	if !errors.Is(err, ErrUnchecked) || !errors.Is(err, errTime) {
		t.Errorf("no time at all: error %v", err)
	}
	if r := verified(t, path, Options{Level: Smoke, MaxTime: time.Hour}); r.Verdict != Good {
		t.Errorf("time enough: verdict %s,%s", r.Verdict, show(bad(r)))
	}
	s := &Subject{probe: &probe{cut: "x", answers: make([]answer, 1)}}
	if fs := checkTime(t.Context(), s); len(fs) != 1 || fs[0].Severity != Warning {
		t.Errorf("time for one prompt:%s", show(fs))
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := Run(ctx, model(t, "masters", quant.I2_S), Options{Level: Smoke})
	if r != nil || !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnchecked) {
		t.Errorf("report %v, error %v", r, err)
	}
}
