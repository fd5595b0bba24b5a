package verify

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/token"
	"github.com/akadata/bitnet-tool/quant"
)

// reading is another way to take a file: what a program would do that wrote it
// otherwise than it says. If the model makes more sense so, the file is wrong.
type reading struct {
	name  string  // after "it makes more sense"
	next  string  // what to do if it does
	fault Verdict // whose mistake that would be

	// One of these, the rest being as the file says.
	model   *variant
	without *block
	words   *token.Tokenizer
	shift   int // added to every token
}

// readings lists what is known to have gone wrong with files.
func (s *Subject) readings() []reading {
	rs := s.layoutReadings()
	rs = append(rs, s.rowReadings()...)
	rs = append(rs, s.metaReadings()...)
	rs = append(rs, s.orderReadings()...)
	rs = append(rs, s.gainReadings()...)
	rs = append(rs, s.wordReadings()...)
	return append(rs, s.blockReadings()...)
}

const makeAgain = "make the file again from its checkpoint"

func (s *Subject) fileReading(name, next string, v variant) reading {
	v.file = s.file
	return reading{name: name, next: next, fault: File, model: &v}
}

// layoutReadings are the ways in which programs have packed I2_S: groups of 64
// weights in 16 bytes on ARM since November 2025 (bitnet.cpp 112f8533,
// src/ggml-bitnet-mad.cpp), four rows a byte in builds without ACT_PARALLEL, and
// four neighbours a byte.
func (s *Subject) layoutReadings() []reading {
	if s.mostly() != quant.I2_S {
		return nil
	}
	var rs []reading
	for _, l := range []struct {
		name  string
		place func(i, cols int) (at, plane int)
	}{
		{"64/16", func(i, _ int) (int, int) { return i/64*16 + i%16, i % 64 / 16 }},
		{"of four rows a byte", func(i, cols int) (int, int) { return i/cols/4*cols + i%cols, i / cols % 4 }},
		{"of four neighbours a byte", func(i, _ int) (int, int) { return i / 4, i % 4 }},
	} {
		rs = append(rs, s.fileReading("with I2_S codes in the layout "+l.name,
			"its writer packed for another build: get or make a file in the layout 128/32", variant{
				change: func(t gguf.Tensor, b []byte) ([]byte, error) { return unpackI2S(t, b, l.place) },
			}))
	}
	return rs
}

// unpackI2S packs codes again that lie in another layout.
func unpackI2S(t gguf.Tensor, b []byte, place func(i, cols int) (at, plane int)) ([]byte, error) {
	if t.Type != quant.I2_S || t.Rows()%4 != 0 {
		return b, nil
	}
	c, _ := quant.Lookup(quant.I2_S)
	codes := make([]byte, t.Elements())
	for i := range codes {
		at, plane := place(i, int(t.Cols()))
		codes[i] = b[at] >> (6 - 2*plane) & 3
	}
	out := slices.Clone(b)
	return out, c.PackTrits(out[:len(out)-c.Trailer], codes, 1)
}

// rowReadings undo mistakes about the order of rows: that of the two halves of
// heads, which GGUF files of arch llama have interleaved, and that of the four
// planes of packed weights (transformers 0b4060e7, integrations/bitnet.py).
func (s *Subject) rowReadings() []reading {
	heads := func(kinds ...string) func(t gguf.Tensor, inverse bool) func(int) int {
		return func(t gguf.Tensor, inverse bool) func(int) int {
			if !slices.ContainsFunc(kinds, func(k string) bool { return isKind(t.Name, k) }) {
				return nil
			}
			d := s.params.HeadDim
			return func(r int) int {
				if inverse {
					return r/d*d + r%d/(d/2) + r%d%(d/2)*2
				}
				return r/d*d + r%d%2*(d/2) + r%d/2
			}
		}
	}
	planes := func(t gguf.Tensor, inverse bool) func(int) int {
		n := int(t.Rows())
		if !s.is(t.Name, arch.Projection) || n%4 != 0 {
			return nil
		}
		return func(r int) int {
			if inverse {
				return r%4*(n/4) + r/4
			}
			return r%(n/4)*4 + r/(n/4)
		}
	}
	var rs []reading
	for _, o := range []struct {
		name string
		from func(t gguf.Tensor, inverse bool) func(int) int
	}{
		{"the halves of the heads of attn_q and attn_k", heads(arch.AttnQ, arch.AttnK)},
		{"the halves of the heads of attn_q alone", heads(arch.AttnQ)},
		{"the halves of the heads of attn_k alone", heads(arch.AttnK)},
		{"the quarters of all projections", planes},
	} {
		for _, inverse := range []bool{false, true} {
			how := map[bool]string{false: "interleaved", true: "one after the other"}[inverse]
			rs = append(rs, s.fileReading("with "+o.name+" "+how, makeAgain, variant{
				change: func(t gguf.Tensor, b []byte) ([]byte, error) {
					if from := o.from(t, inverse); from != nil {
						return permuted(t, b, from), nil
					}
					return b, nil
				},
			}))
		}
	}
	return rs
}

// permuted puts row from(r) in the place of row r. Rows are whole blocks.
func permuted(t gguf.Tensor, b []byte, from func(r int) int) []byte {
	c, _ := quant.Lookup(t.Type)
	out := slices.Clone(b)
	n := (len(b) - c.Trailer) / int(t.Rows())
	for r := range int(t.Rows()) {
		copy(out[r*n:(r+1)*n], b[from(r)*n:])
	}
	return out
}

// metaReadings change a parameter.
func (s *Subject) metaReadings() []reading {
	p := s.params
	other := arch.SiLU
	if p.Activation == arch.SiLU {
		other = arch.ReLU2
	}
	set := func(name, key string, values map[string]any) reading {
		return s.fileReading(name, "set the key "+p.Name+"."+key+" as config.json has it", variant{set: values})
	}
	rs := []reading{set("with the activation "+string(other), "hidden_activation", map[string]any{p.Name + ".hidden_activation": string(other)})}
	for _, base := range []float32{1e4, 1e5, 5e5, 1e6} {
		if base != p.RopeBase {
			rs = append(rs, set("with a rope base of "+strconv.Itoa(int(base)), "rope.freq_base", map[string]any{p.Name + ".rope.freq_base": base}))
		}
	}
	for _, eps := range []float32{1e-5, 1e-6} {
		if p.Eps > 10*eps {
			rs = append(rs, set("with a norm epsilon of "+strconv.FormatFloat(float64(eps), 'g', -1, 32), "attention.layer_norm_rms_epsilon",
				map[string]any{p.Name + ".attention.layer_norm_rms_epsilon": eps}))
			break
		}
	}
	for _, by := range []int{2, -2} {
		heads, kv, d := p.Heads*by, p.KVHeads*by, p.HeadDim/by
		if by < 0 {
			heads, kv, d = p.Heads/-by, p.KVHeads/-by, p.HeadDim*-by
		}
		if kv == 0 || d%2 != 0 || heads*d != p.Heads*p.HeadDim || kv*d != p.KVHeads*p.HeadDim {
			continue
		}
		rs = append(rs, set("with "+strconv.Itoa(heads)+" heads of "+strconv.Itoa(d), "attention.head_count", map[string]any{
			p.Name + ".attention.head_count": uint32(heads), p.Name + ".attention.head_count_kv": uint32(kv),
			p.Name + ".attention.key_length": uint32(d), p.Name + ".attention.value_length": uint32(d), p.Name + ".rope.dimension_count": uint32(d),
		}))
	}
	return rs
}

// orderReadings exchange tensors.
func (s *Subject) orderReadings() []reading {
	swap := func(a, b string) reading {
		return s.fileReading("with "+a+" and "+b+" exchanged", makeAgain, variant{from: func(name string) string {
			switch {
			case isKind(name, a):
				return strings.TrimSuffix(name, a+".weight") + b + ".weight"
			case isKind(name, b):
				return strings.TrimSuffix(name, b+".weight") + a + ".weight"
			}
			return name
		}})
	}
	rs := []reading{swap(arch.FFNGate, arch.FFNUp), swap(arch.AttnK, arch.AttnV), swap(arch.AttnNorm, arch.FFNNorm)}
	if s.params.Heads == s.params.KVHeads {
		rs = append(rs, swap(arch.AttnQ, arch.AttnK))
	}
	for _, by := range []int{1, -1} {
		n := s.params.Blocks
		rs = append(rs, s.fileReading("with every layer moved by "+strconv.Itoa(by), makeAgain, variant{from: func(name string) string {
			l, rest, ok := inLayer(name)
			if !ok {
				return name
			}
			return "blk." + strconv.Itoa((l+by+n)%n) + "." + rest
		}}))
	}
	return rs
}

// gainReadings change the gains of norms and the scales of ternary tensors.
func (s *Subject) gainReadings() []reading {
	var rs []reading
	for _, by := range []float32{1, -1} {
		how := map[float32]string{1: "larger", -1: "smaller"}[by]
		rs = append(rs, s.fileReading("with all gains of norms "+how+" by 1", makeAgain, variant{change: func(t gguf.Tensor, b []byte) ([]byte, error) {
			if !s.is(t.Name, arch.Norm) || t.Type != quant.F32 {
				return b, nil
			}
			out := slices.Clone(b)
			for i := 0; i < len(out); i += 4 {
				v := math.Float32frombits(binary.LittleEndian.Uint32(out[i:]))
				binary.LittleEndian.PutUint32(out[i:], math.Float32bits(v+by))
			}
			return out, nil
		}}))
	}
	if c, _ := quant.Lookup(s.mostly()); s.params.Ternary && c.Encode != nil {
		rs = append(rs, s.fileReading("with the inverse of all scales", "quantize it again with the other --scale-mode",
			variant{change: s.inverted}))
	}
	return rs
}

// inverted gives a ternary tensor with the inverse of its scale.
func (s *Subject) inverted(t gguf.Tensor, b []byte) ([]byte, error) {
	if !s.ternary(t.Name) {
		return b, nil
	}
	c, _ := quant.Lookup(t.Type)
	out := slices.Clone(b)
	if c.Trailer > 0 {
		tail := out[len(out)-c.Trailer:]
		m, err := c.GetTrailer(tail)
		if err != nil || m == 0 {
			return b, nil //nolint:nilerr // the content level reports it
		}
		return out, c.PutTrailer(tail, 1/m)
	}
	w := make([]float32, t.Elements())
	if err := c.Decode(w, b, 1); err != nil {
		return b, nil //nolint:nilerr // the content level reports it
	}
	for i, v := range w {
		if v != 0 {
			w[i] = 1 / v
		}
	}
	if c.Encode(out, w, 1) != nil {
		return b, nil // too large for the type
	}
	return out, nil
}

// wordReadings take the text otherwise: by the rules of another pre-tokenizer,
// or with the vocabulary moved along.
func (s *Subject) wordReadings() []reading {
	var rs []reading
	for _, pre := range token.Pretokenizers() {
		if pre == s.vocab.Pre || !s.byteLevel() {
			continue
		}
		v := *s.vocab
		if v.SetPre(pre) != nil {
			continue
		}
		if t, err := token.New(&v); err == nil {
			rs = append(rs, reading{
				name: "with the pre-tokenizer " + pre, next: "set the key tokenizer.ggml.pre to " + pre,
				fault: Tokenizer, words: t,
			})
		}
	}
	for _, by := range []int{1, -1, 2, -2} {
		rs = append(rs, reading{
			name: "with every token moved by " + strconv.Itoa(by), next: "take the vocabulary from the checkpoint again",
			fault: Tokenizer, shift: by,
		})
	}
	return rs
}

// blockReadings leave out what one half of a layer adds.
func (s *Subject) blockReadings() []reading {
	var rs []reading
	for l := range s.params.Blocks {
		for _, half := range []struct{ out, name string }{{arch.AttnOutput, "attention"}, {arch.FFNDown, "feed-forward part"}} {
			rs = append(rs, reading{
				name: "without the " + half.name + " of layer " + strconv.Itoa(l), next: "--against FOLDER tells which tensor of the layer is wrong",
				fault: File, without: &block{l, half.out},
			})
		}
	}
	return rs
}

// isKind reports whether a tensor is of a kind, in any layer.
func isKind(name, kind string) bool {
	_, rest, ok := inLayer(name)
	return ok && rest == kind+".weight"
}

// inLayer splits "blk.3.attn_q.weight".
func inLayer(name string) (layer int, rest string, ok bool) {
	name, ok = strings.CutPrefix(name, "blk.")
	if !ok {
		return 0, "", false
	}
	n, rest, ok := strings.Cut(name, ".")
	layer, err := strconv.Atoi(n)
	return layer, rest, ok && err == nil
}
