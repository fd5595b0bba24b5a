package verify

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/synth"
	"github.com/akadata/bitnet-tool/quant"
)

// TestFamilies goes through all families of models at tiny size, with random
// weights: no level has an alarm, smoke says that it cannot judge, and against
// the checkpoint every changed tensor is named.
func TestFamilies(t *testing.T) {
	shape, err := synth.ParseShape("tiny")
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range synth.Families() {
		t.Run(family.Name, func(t *testing.T) {
			t.Parallel()
			c, err := synth.New(shape, family.Name, synth.Options{Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(t.TempDir(), "model")
			if err := c.Write(t.Context(), dir, progress.Discard); err != nil {
				t.Fatal(err)
			}
			path, typ := filepath.Join(t.TempDir(), "model.gguf"), quant.I2_S
			if strings.HasPrefix(family.Name, "llama") {
				typ = quant.Q8_0
			}
			quantize(t, dir, path, convert.Options{Type: typ, Tool: "test"})
			r := verified(t, path, Options{Level: Lineage, Against: dir})
			if fs := bad(r); len(fs) > 0 || r.Verdict != Good {
				t.Errorf("verdict %s:%s", r.Verdict, show(fs))
			}

			r, err = Run(t.Context(), path, Options{Level: Smoke})
			if !errors.Is(err, ErrUnchecked) || r.Verdict != Unknown || len(bad(r)) > 0 {
				t.Errorf("smoke: verdict %s, error %v:%s", r.Verdict, err, show(bad(r)))
			}
			t.Log(err)

			f := openFile(t, path)
			random := rand.New(rand.NewPCG(1, 1))
			changed := 0
			for _, i := range random.Perm(len(f.Tensors)) {
				tensor := f.Tensors[i]
				if tensor.Type != typ || changed == 3 {
					continue
				}
				changed++
				b := f.bytes(tensor.Name)
				at := random.IntN(len(b) - 32)
				old := b[at]
				if b[at] ^= 1; b[at]&3 == 3 || b[at]>>2&3 == 3 {
					b[at] = 0x55 ^ 1&^old
				}
				if b[at] == old {
					continue
				}
				f.patch(tensor.Name, int64(at), b[at:at+1])
				r := broken(t, path, Lineage, dir)
				named := false
				for _, x := range bad(r) {
					named = named || x.Tensor == tensor.Name && x.Severity == Error
				}
				if !named || r.Verdict != File {
					t.Errorf("%s, byte %d: verdict %s:%s", tensor.Name, at, r.Verdict, show(bad(r)))
				}
				f.patch(tensor.Name, int64(at), []byte{old})
			}
		})
	}
}
