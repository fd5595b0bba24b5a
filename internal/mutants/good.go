package main

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/internal/fixture"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/testmodel"
	"github.com/akadata/bitnet-tool/quant"
)

// good is a file without a fault.
type good struct {
	name   string
	source string // key of sources
	o      convert.Options
	change func(m *mutant) // nil: as the converter writes it
}

var sources = map[string]func(testing.TB) string{
	"masters": fixture.BF16,
	"sharded": fixture.Sharded,
	"packed":  fixture.Packed,
	"llama":   fixture.Llama,
}

// variants lists the good files. The first are those that mutants are made of.
func variants() []good {
	var out []good
	add := func(source string, t quant.Type) {
		out = append(out, good{name: source + " " + t.String(), source: source, o: convert.Options{Type: t}})
	}
	for _, source := range []string{"masters", "packed", "sharded"} {
		for _, t := range []quant.Type{quant.I2_S, quant.TQ1_0, quant.TQ2_0, quant.Q8_0, quant.F16, quant.BF16, quant.F32} {
			add(source, t)
		}
	}
	for _, t := range []quant.Type{quant.BF16, quant.F16, quant.F32, quant.Q8_0, quant.Q6_K, quant.Q5_K, quant.Q4_K, quant.Q5_0, quant.Q5_1, quant.Q4_0, quant.Q4_1} {
		add("llama", t)
	}
	for _, t := range []quant.Type{quant.F32, quant.BF16, quant.Q8_0, quant.Q6_K, quant.Q5_0, quant.Q4_0} {
		out = append(out,
			good{name: "masters I2_S, embedding " + t.String(), source: "masters", o: convert.Options{Type: quant.I2_S, TokenEmbedding: t}},
			good{name: "llama BF16, output " + t.String(), source: "llama", o: convert.Options{Type: quant.BF16, Output: t}})
	}
	changes := dressings()
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		for _, source := range []string{"masters", "packed", "llama"} {
			t := quant.I2_S
			if source == "llama" {
				t = quant.F16
			}
			out = append(out, good{name: source + " " + t.String() + ", " + name, source: source, o: convert.Options{Type: t}, change: changes[name]})
		}
	}
	return out
}

// dressings change what does not matter, as other converters do.
func dressings() map[string]func(m *mutant) {
	return map[string]func(m *mutant){
		"foreign": func(m *mutant) {
			for k := range m.Meta.All() {
				if strings.HasPrefix(k, "bitnet_tool.") && (k != arch.ActivationKey || m.params.SubNorms) {
					m.Meta.Delete(k)
				}
			}
			m.Meta.Delete(m.params.Name + ".attention.key_length")
			m.Meta.Delete(m.params.Name + ".attention.value_length")
			m.Meta.Set("tokenizer.ggml.scores", make([]float32, m.params.Vocab))
		},
		"earlier name": func(m *mutant) {
			if !m.params.SubNorms {
				return
			}
			old := map[string]any{}
			for k, v := range m.Meta.All() {
				old[k] = v
			}
			for k, v := range old {
				if rest, ok := strings.CutPrefix(k, m.params.Name+"."); ok {
					m.Meta.Delete(k)
					m.Meta.Set("bitnet-25."+rest, v)
				}
			}
			m.Meta.Set("general.architecture", "bitnet-25")
		},
		"without a template": func(m *mutant) { m.Meta.Delete("tokenizer.chat_template") },
		"wider alignment":    func(m *mutant) { m.Meta.Set("general.alignment", uint32(4096)) },
		"other order": func(m *mutant) {
			last := len(m.Tensors) - 1
			m.Tensors[0], m.Tensors[last] = m.Tensors[last], m.Tensors[0]
		},
		"rubbish after scales": func(m *mutant) {
			for i := range m.Tensors {
				if t := &m.Tensors[i]; t.Type == quant.I2_S {
					for j := len(t.Data) - 28; j < len(t.Data); j++ {
						t.Data[j] = 0xee
					}
				}
			}
		},
		"one flipped bit": func(m *mutant) {
			t := m.tensor(arch.Block(1, arch.AttnNorm))
			t.Data[0] ^= 1
		},
	}
}

// make converts and dresses.
func (g good) make(tb *bench, r seed) []byte {
	src, err := convert.Open(sources[g.source](tb))
	if err != nil {
		tb.Fatal(err)
	}
	defer src.Close()
	g.o.Tool = "mutants"
	plan, err := src.Plan(tb.ctx, g.o)
	if err != nil {
		tb.Fatal(g.name, err)
	}
	path := filepath.Join(tb.TempDir(), "good.gguf")
	if _, err := plan.WriteFile(tb.ctx, path, false, progress.Discard); err != nil {
		tb.Fatal(err)
	}
	f, err := gguf.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	data := testmodel.Copy(tb, f).Bytes(tb)
	if g.change == nil {
		return data
	}
	m := newMutant(tb, data, r.rand(g.name))
	g.change(m)
	return m.file()
}
