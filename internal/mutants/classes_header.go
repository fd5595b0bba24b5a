package main

import (
	"fmt"
	"strings"

	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/testmodel"
	"github.com/akadata/bitnet-tool/verify"
)

// headerClasses change parameters and the file's structure.
func headerClasses() []class {
	return []class{
		{"other activation", nil, verify.File, func(m *mutant) {
			act := arch.SiLU
			if m.params.Activation == arch.SiLU {
				act = arch.ReLU2
			}
			m.Meta.Set(m.params.Name+".hidden_activation", string(act))
			m.say("%s", act)
		}},
		{"other rope base", nil, verify.File, func(m *mutant) {
			base := pick(m, float32(100), 1000, 10000, 5e6, 1e8)
			m.Meta.Set(m.params.Name+".rope.freq_base", base)
			m.say("%v", base)
		}},
		{"other epsilon", nil, verify.File, func(m *mutant) {
			eps := pick(m, float32(1e-2), 0.1, 0.5)
			m.Meta.Set(m.params.Name+".attention.layer_norm_rms_epsilon", eps)
			m.say("%v", eps)
		}},
		{"layers off by one", nil, verify.File, func(m *mutant) {
			by := 1 + m.rand.IntN(m.params.Blocks-1)
			old := map[string][]byte{}
			for _, t := range m.Tensors {
				old[t.Name] = t.Data
			}
			for i := range m.Tensors {
				t := &m.Tensors[i]
				var l int
				if n, _ := fmt.Sscanf(t.Name, "blk.%d.", &l); n == 1 {
					_, rest, _ := strings.Cut(t.Name[4:], ".")
					t.Data = old[fmt.Sprintf("blk.%d.%s", (l+by)%m.params.Blocks, rest)]
				}
			}
			m.say("by %d", by)
		}},
		{"layer left out", nil, verify.File, func(m *mutant) {
			gone, n := m.layer(), m.params.Blocks
			var kept []testmodel.Tensor
			for _, t := range m.Tensors {
				var l int
				if k, _ := fmt.Sscanf(t.Name, "blk.%d.", &l); k == 1 {
					if l == gone {
						continue
					}
					if l > gone {
						t.Name = strings.Replace(t.Name, fmt.Sprintf("blk.%d.", l), fmt.Sprintf("blk.%d.", l-1), 1)
					}
				}
				kept = append(kept, t)
			}
			m.Tensors = kept
			m.Meta.Set(m.params.Name+".block_count", uint32(n-1))
			m.say("%d", gone)
		}},
		{"tensor missing", nil, verify.File, func(m *mutant) {
			name := arch.Block(m.layer(), pick(m, append(m.norms(), kinds...)...))
			m.Delete(name)
			m.say("%s", short(name))
		}},
		{"parameter missing", nil, verify.File, func(m *mutant) {
			key := pick(m, "block_count", "attention.head_count", "feed_forward_length", "attention.layer_norm_rms_epsilon", "context_length")
			m.Meta.Delete(m.params.Name + "." + key)
			m.say("%s", key)
		}},
		{"heads halved", nil, verify.File, func(m *mutant) {
			// As wide in all, so every tensor still has the shape it should.
			p := m.params
			m.Meta.Set(p.Name+".attention.head_count", uint32(2*p.Heads))
			m.Meta.Set(p.Name+".attention.head_count_kv", uint32(2*p.KVHeads))
			for _, key := range []string{"attention.key_length", "attention.value_length", "rope.dimension_count"} {
				m.Meta.Set(p.Name+"."+key, uint32(p.HeadDim/2))
			}
		}},
		{"label lies", nil, verify.File, func(m *mutant) {
			n := pick(m, uint32(0), 7, 36, 1)
			m.Meta.Set("general.file_type", n)
			m.say("%d", n)
		}},
		{"truncated", nil, verify.File, func(m *mutant) {
			m.bytes = func(b []byte) []byte { return b[:m.rand.IntN(len(b)-1)] }
		}},
		{"padded", nil, verify.File, func(m *mutant) {
			m.bytes = func(b []byte) []byte { return append(b, make([]byte, 1+m.rand.IntN(1<<16))...) }
		}},
		{"bytes shifted", nil, verify.File, func(m *mutant) {
			n := 1 + m.rand.IntN(31)
			m.bytes = func(b []byte) []byte {
				at := m.tb.open(b).DataOffset
				copy(b[at+int64(n):], b[at:])
				return b
			}
			m.say("by %d", n)
		}},
	}
}
