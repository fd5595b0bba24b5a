package main

import (
	"encoding/binary"
	"io"
	"math"

	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/fixture"
	"github.com/akadata/bitnet-tool/internal/safetensors"
	"github.com/akadata/bitnet-tool/verify"
)

// class is one way to break a file.
type class struct {
	name   string
	bases  []string       // that it applies to; nil: all
	want   verify.Verdict // what a verification should say
	mutate func(m *mutant)
}

// Groups of bases, by their names in good.go.
var (
	i2s     = []string{"masters I2_S", "packed I2_S"}
	bitnet  = []string{"masters I2_S", "packed I2_S", "masters TQ2_0", "masters Q8_0"}
	written = []string{"masters I2_S", "packed I2_S", "masters TQ2_0", "masters Q8_0", "masters F16", "llama BF16", "llama Q8_0"}
)

// classes lists them; those of weights first.
func classes() []class {
	return append(append(weightClasses(), headerClasses()...), textClasses()...)
}

func weightClasses() []class {
	return []class{
		{"bits flipped", written, verify.File, func(m *mutant) {
			kind, n := pick(m, kinds...), 1<<(6+m.rand.IntN(12))
			names := m.all(kind)
			for range n {
				t := m.tensor(pick(m, names...))
				body := len(t.Data) - codec(t).Trailer
				t.Data[m.rand.IntN(body)] ^= 1 << m.rand.IntN(8)
			}
			m.say("%d bits of %s", n, kind)
		}},
		{"trits redrawn", bitnet, verify.File, func(m *mutant) {
			share := math.Pow(2, -7+7*m.rand.Float64())
			m.change(m.all(kinds...), func(w []float32, _, _ int) {
				s := magnitude(w)
				for i := range w {
					if m.rand.Float64() < share {
						w[i] = s * float32(m.rand.IntN(3)-1)
					}
				}
			})
			m.say("%.1f %% of all trits", 100*share)
		}},
		{"tensor zeroed", nil, verify.File, func(m *mutant) {
			names := m.some(pick(m, kinds...))
			m.change(names, func(w []float32, _, _ int) { clear(w) })
			m.say("%d tensors from %s", len(names), short(names[0]))
		}},
		{"page zeroed", written, verify.File, func(m *mutant) {
			t := m.tensor(arch.Block(m.layer(), pick(m, kinds...)))
			body := len(t.Data) - codec(t).Trailer
			n := min(4096<<m.rand.IntN(5), body)
			at := m.rand.IntN((body-n)/4096+1) * 4096
			clear(t.Data[at : at+n])
			m.say("%d bytes of %s", n, short(t.Name))
		}},
		{"layers swapped", nil, verify.File, func(m *mutant) {
			a := m.layer()
			b := (a + 1 + m.rand.IntN(m.params.Blocks-1)) % m.params.Blocks
			for _, k := range kinds {
				m.swap(arch.Block(a, k), arch.Block(b, k))
			}
			m.say("%d and %d", a, b)
		}},
		{"tensors swapped", nil, verify.File, func(m *mutant) {
			a, k := m.layer(), pick(m, kinds...)
			b := (a + 1 + m.rand.IntN(m.params.Blocks-1)) % m.params.Blocks
			m.swap(arch.Block(a, k), arch.Block(b, k))
			m.say("%s of %d and %d", k, a, b)
		}},
		{"gate and up swapped", nil, verify.File, func(m *mutant) {
			names := m.some(arch.FFNGate)
			for _, n := range names {
				m.swap(n, n[:len(n)-len("ffn_gate.weight")]+arch.FFNUp+".weight")
			}
			m.say("in %d layers", len(names))
		}},
		{"k and v swapped", nil, verify.File, func(m *mutant) {
			names := m.some(arch.AttnK)
			for _, n := range names {
				m.swap(n, n[:len(n)-len("attn_k.weight")]+arch.AttnV+".weight")
			}
			m.say("in %d layers", len(names))
		}},
		{"tensor transposed", nil, verify.File, func(m *mutant) {
			names := m.some(pick(m, arch.AttnQ, arch.AttnOutput))
			m.change(names, func(w []float32, n, _ int) {
				for r := range n {
					for c := range r {
						w[r*n+c], w[c*n+r] = w[c*n+r], w[r*n+c]
					}
				}
			})
			m.say("%d tensors from %s", len(names), short(names[0]))
		}},
		{"tensor duplicated", nil, verify.File, func(m *mutant) {
			a, k := m.layer(), pick(m, kinds...)
			b := (a + 1 + m.rand.IntN(m.params.Blocks-1)) % m.params.Blocks
			copy(m.tensor(arch.Block(b, k)).Data, m.tensor(arch.Block(a, k)).Data)
			m.say("%s of %d into %d", k, a, b)
		}},
		{"layer duplicated", nil, verify.File, func(m *mutant) {
			a := m.layer()
			b := (a + 1 + m.rand.IntN(m.params.Blocks-1)) % m.params.Blocks
			for _, k := range kinds {
				copy(m.tensor(arch.Block(b, k)).Data, m.tensor(arch.Block(a, k)).Data)
			}
			m.say("%d into %d", a, b)
		}},
		{"weights negated", nil, verify.File, func(m *mutant) {
			names := m.some(pick(m, kinds...))
			m.change(names, func(w []float32, _, _ int) {
				for i := range w {
					w[i] = -w[i]
				}
			})
			m.say("%d tensors from %s", len(names), short(names[0]))
		}},
		{"scale multiplied", nil, verify.File, func(m *mutant) {
			f := float32(int(2) << m.rand.IntN(6))
			names := m.some(pick(m, kinds...))
			m.rescale(names, func(float32) float32 { return f })
			m.say("%d tensors from %s by %v", len(names), short(names[0]), f)
		}},
		{"scale divided", nil, verify.File, func(m *mutant) {
			f := float32(int(2) << m.rand.IntN(6))
			names := m.some(pick(m, kinds...))
			m.rescale(names, func(float32) float32 { return 1 / f })
			m.say("%d tensors from %s by %v", len(names), short(names[0]), f)
		}},
		{"scales inverted", bitnet, verify.File, func(m *mutant) {
			m.rescale(m.all(kinds...), func(s float32) float32 { return 1 / (s * s) })
		}},
		{"scales of one", bitnet, verify.File, func(m *mutant) {
			m.rescale(m.all(kinds...), func(s float32) float32 { return 1 / s })
		}},
		{"layout 64/16", i2s, verify.File, func(m *mutant) { m.repack(64) }},
		{"layout of four rows", i2s, verify.File, func(m *mutant) { m.repack(0) }},
		{"layout in sequence", i2s, verify.File, func(m *mutant) { m.repack(4) }},
		{"packed rows in another order", bitnet, verify.File, func(m *mutant) {
			m.change(m.all(kinds...), func(w []float32, n, cols int) {
				rows(w, n, cols, func(r int) int { return r%4*(n/4) + r/4 })
			})
		}},
		{"heads interleaved", nil, verify.File, func(m *mutant) {
			q, k := m.all(arch.AttnQ), m.all(arch.AttnK)
			names := pick(m, append(q, k...), q, k)
			for _, n := range names {
				heads := int(m.tensor(n).Rows()) / m.params.HeadDim
				t := arch.Tensor{Rows: int(m.tensor(n).Rows()), Heads: heads}
				m.change([]string{n}, func(w []float32, n, cols int) { rows(w, n, cols, t.PermuteRow) })
			}
			m.say("%d tensors from %s", len(names), short(names[0]))
		}},
		{"heads rotated", nil, verify.File, func(m *mutant) {
			names := m.some(pick(m, arch.AttnQ, arch.AttnK))
			m.change(names, func(w []float32, n, cols int) {
				rows(w, n, cols, func(r int) int { return (r + m.params.HeadDim) % n })
			})
			m.say("%d tensors from %s", len(names), short(names[0]))
		}},
		{"rows off by one", nil, verify.File, func(m *mutant) {
			names := m.some(pick(m, kinds...))
			m.change(names, func(w []float32, n, cols int) {
				rows(w, n, cols, func(r int) int { return (r + 1) % n })
			})
			m.say("%d tensors from %s", len(names), short(names[0]))
		}},
		{"gains dropped", nil, verify.File, func(m *mutant) {
			k := pick(m, m.norms()...)
			names := m.some(k)
			m.change(names, func(w []float32, _, _ int) {
				for i := range w {
					w[i] = 1
				}
			})
			m.say("%d tensors from %s", len(names), short(names[0]))
		}},
		{"gains off by one", nil, verify.File, func(m *mutant) {
			by := pick(m, float32(1), -1)
			for _, k := range m.norms() {
				m.change(m.all(k), func(w []float32, _, _ int) {
					for i := range w {
						w[i] += by
					}
				})
			}
			m.say("by %v", by)
		}},
		{"gains swapped", nil, verify.File, func(m *mutant) {
			for l := range m.params.Blocks {
				m.swap(arch.Block(l, arch.AttnNorm), arch.Block(l, arch.FFNNorm))
			}
		}},
		{"masters not ternarized", []string{"masters F16", "masters Q8_0"}, verify.File, func(m *mutant) {
			set, err := safetensors.OpenSet(fixture.BF16(m.tb))
			if err != nil {
				m.tb.Fatal(err)
			}
			defer set.Close() //nolint:errcheck // a folder that was read
			for _, spec := range m.params.Tensors() {
				if spec.Role == arch.Projection {
					m.set(spec.Name, m.master(set, spec.HF))
				}
			}
		}},
		{"weight not a number", []string{"masters F16", "llama BF16"}, verify.File, func(m *mutant) {
			t := m.tensor(arch.Block(m.layer(), pick(m, kinds...)))
			bits := pick(m, uint16(0x7fff), 0xffff)
			binary.LittleEndian.PutUint16(t.Data[2*m.rand.IntN(len(t.Data)/2):], bits)
			m.say("in %s", short(t.Name))
		}},
		{"embedding shuffled", nil, verify.File, func(m *mutant) {
			n := m.params.Vocab
			perm := m.rand.Perm(n)
			m.change([]string{arch.TokenEmbd}, func(w []float32, n, cols int) {
				rows(w, n, cols, func(r int) int { return perm[r] })
			})
		}},
	}
}

func (m *mutant) norms() []string {
	if m.params.SubNorms {
		return []string{arch.AttnNorm, arch.AttnSubNorm, arch.FFNNorm, arch.FFNSubNorm}
	}
	return []string{arch.AttnNorm, arch.FFNNorm}
}

// repack stores I2_S codes in groups of n weights a quarter of which share a
// byte's place, as bitnet.cpp's builds for ARM do with 64, or, with 0, four rows
// a byte (bitnet.cpp 112f8533, src/ggml-bitnet-mad.cpp).
func (m *mutant) repack(n int) {
	for _, name := range m.all(kinds...) {
		w, t := m.weights(name), m.tensor(name)
		cols := int(t.Cols())
		clear(t.Data[:len(w)/4])
		for i, v := range w {
			at, plane := i/n1(n)*(n1(n)/4)+i%(n1(n)/4), i%n1(n)/(n1(n)/4)
			if n == 0 {
				at, plane = i/cols/4*cols+i%cols, i/cols%4
			}
			t.Data[at] |= byte(v+1) << (6 - 2*plane)
		}
	}
}

func n1(n int) int { return max(n, 4) }

// master reads a BF16 tensor of a checkpoint.
func (m *mutant) master(set *safetensors.Set, name string) []float32 {
	t, ok := set.Tensor(name)
	if !ok {
		m.tb.Fatalf("no tensor %s", name)
	}
	b, err := io.ReadAll(t.Section())
	if err != nil {
		m.tb.Fatal(err)
	}
	w := make([]float32, len(b)/2)
	for i := range w {
		w[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(b[2*i:])) << 16)
	}
	return w
}
