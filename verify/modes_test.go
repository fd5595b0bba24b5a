package verify

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/internal/safetensors"
	"github.com/akadata/bitnet-tool/quant"
)

// inverted gives packed weights whose scales are the inverse ones, as those of
// models that divide by them; linearClass is what config.json says about it.
func inverted(t *testing.T, linearClass string) string {
	t.Helper()
	dir := sources["packed"](t)
	config := filepath.Join(dir, "config.json")
	data, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	data = []byte(strings.Replace(string(data), "autobitlinear", linearClass, 1))
	if err := os.WriteFile(config, data, 0o644); err != nil {
		t.Fatal(err)
	}
	set, err := safetensors.OpenSet(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	f, err := os.OpenFile(filepath.Join(dir, "model.safetensors"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, s := range set.Tensors() {
		if !strings.HasSuffix(s.Name, "weight_scale") {
			continue
		}
		var b [2]byte
		if _, err := f.ReadAt(b[:], s.Offset); err != nil {
			t.Fatal(err)
		}
		m := math.Float32frombits(uint32(binary.LittleEndian.Uint16(b[:])) << 16)
		binary.LittleEndian.PutUint16(b[:], uint16(math.Float32bits(1/m)>>16))
		if _, err := f.WriteAt(b[:], s.Offset); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestScaleModes compares files with packed weights whose scales divide. What
// config.json says counts; where it contradicts the scales, what the user said
// when the file was made.
func TestScaleModes(t *testing.T) {
	for _, tt := range []struct {
		class string
		mode  convert.ScaleMode
		good  bool
	}{
		{"bitlinear", "", true},
		{"bitlinear", convert.Divide, true},
		{"bitlinear", convert.Multiply, false},
		{"autobitlinear", convert.Divide, true},
	} {
		t.Run(tt.class+" "+string(tt.mode), func(t *testing.T) {
			t.Parallel()
			dir := inverted(t, tt.class)
			path := filepath.Join(t.TempDir(), "model.gguf")
			quantize(t, dir, path, convert.Options{Type: quant.I2_S, ScaleMode: tt.mode, Tool: "test"})
			r := verified(t, path, Options{Level: Lineage, Against: dir})
			n := 0
			for _, f := range bad(r) {
				if f.Rule == "lineage.scale" {
					n++
				}
			}
			if tt.good && (n > 0 || r.Verdict != Good) || !tt.good && (n != 28 || r.Verdict != File) {
				t.Errorf("verdict %s, %d scales,%s", r.Verdict, n, show(bad(r)))
			}
		})
	}
}

// TestForced compares a file of a model that was ternarized although it was not
// trained so, as this program and as another makes it.
func TestForced(t *testing.T) {
	dir := sources["llama"](t)
	path := filepath.Join(t.TempDir(), "model.gguf")
	quantize(t, dir, path, convert.Options{Type: quant.I2_S, ForceTernary: true, Tool: "test"})
	other := openFile(t, path).rewrite(func(m *gguf.Meta) {
		m.Delete(recipeKey)
		m.Delete(scaleModeKey)
		m.Delete(arch.ActivationKey)
	})
	for _, p := range []string{path, other} {
		r := verified(t, p, Options{Level: Lineage, Against: dir})
		if fs := bad(r); len(fs) > 0 || r.Levels[3].Coverage != 1 {
			t.Errorf("coverage %v,%s", r.Levels[3].Coverage, show(fs))
		}
	}
}

// TestPermuted: rows of q and k in the checkpoint's order are wrong for arch
// llama, and only they.
func TestPermuted(t *testing.T) {
	f := openFile(t, model(t, "llama", quant.F16))
	q := arch.Block(0, arch.AttnQ)
	b := f.bytes(q)
	const row, half = 2 * 256, 32
	unpermuted := make([]byte, 0, len(b))
	for head := range 4 {
		for h := range 2 {
			for i := range half {
				at := (head*2*half + 2*i + h) * row
				unpermuted = append(unpermuted, b[at:at+row]...)
			}
		}
	}
	f.patch(q, 0, unpermuted)
	got := one(t, verified(t, f.path, Options{Level: Lineage, Against: sources["llama"](t)}), "lineage.weights")
	if got.Tensor != q {
		t.Errorf("got%s", show([]Finding{got}))
	}
}
