package verify

import (
	"encoding/binary"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/safetensors"
	"github.com/akadata/bitnet-tool/quant"
)

// TestRoundedProducer makes the trits that a producer would make that computes
// in BF16, from the masters: they are no error. One other trit is.
func TestRoundedProducer(t *testing.T) {
	dir := sources["masters"](t)
	set, err := safetensors.OpenSet(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	master, ok := set.Tensor("model.layers.1.mlp.gate_proj.weight")
	if !ok {
		t.Fatal("no such tensor")
	}
	raw, err := io.ReadAll(master.Section())
	if err != nil {
		t.Fatal(err)
	}
	gate := arch.Block(1, arch.FFNGate)
	var sum float64
	w := make([]float32, len(raw)/2)
	for i := range w {
		w[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(raw[2*i:])) << 16)
		sum += math.Abs(float64(w[i]))
	}
	mean := bf16(float32(sum / float64(len(w))))
	inverse := bf16(1 / mean)
	for _, tt := range []struct {
		name string
		more int // trits that no rounding explains
		want Severity
	}{{"rounded", 0, Info}, {"and one more", 1, Error}} {
		t.Run(tt.name, func(t *testing.T) {
			f := openFile(t, model(t, "masters", quant.I2_S))
			have := f.decode(gate)
			changed, more := 0, tt.more
			for i := range w {
				trit := float32(min(max(math.RoundToEven(float64(bf16(w[i]*inverse))), -1), 1))
				if q := math.Abs(float64(w[i] / mean)); w[i] > 0 && q > 0.2 && q < 0.3 && more > 0 {
					trit, more = 1, more-1
				}
				if trit != have[i] {
					f.setTrit(gate, i, trit)
					changed++
				}
			}
			if changed <= tt.more {
				t.Fatalf("BF16 changes %d trits", changed)
			}
			r := verified(t, f.path, Options{Level: Lineage, Against: dir})
			got := one(t, r, "lineage.weights")
			if got.Severity != tt.want || got.Tensor != gate || tt.want == Info != strings.Contains(got.Detail, "computed in BF16") {
				t.Errorf("got%s", show([]Finding{got}))
			}
			if want := map[Severity]Verdict{Info: Good, Error: File}[tt.want]; r.Verdict != want {
				t.Errorf("verdict %s", r.Verdict)
			}
		})
	}
}

// bf16 rounds to BF16, halves to even.
func bf16(v float32) float32 {
	b := math.Float32bits(v)
	b += 0x7fff + b>>16&1
	return math.Float32frombits(b &^ 0xffff)
}
