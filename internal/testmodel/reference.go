package testmodel

import (
	"io"
	"math"
	"testing"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/quant"
)

// Reference computes in float64 what a model means. Its switches start as the
// model demands; a test flips one to see what the mistake would look like.
type Reference struct {
	Int8        bool // the input of projections is rounded to int8, one scale a token
	SubNorms    bool
	Interleaved bool // rotation of the pairs (2i, 2i+1), not (i, i+d/2)
	Activation  arch.Activation

	p *arch.Params
	w map[string][]float64 // all tensors, decoded
}

// Load decodes all tensors of a model.
func Load(tb testing.TB, f *gguf.File) *Reference {
	tb.Helper()
	p, err := arch.FromMeta(&f.Meta)
	if err != nil {
		tb.Fatal(err)
	}
	r := &Reference{
		Int8: p.Int8Activations, SubNorms: p.SubNorms, Interleaved: p.Interleaved, Activation: p.Activation,
		p: p, w: map[string][]float64{},
	}
	for _, t := range f.Tensors {
		r.w[t.Name] = decode(tb, f, t)
	}
	return r
}

func decode(tb testing.TB, f *gguf.File, t gguf.Tensor) []float64 {
	tb.Helper()
	b, err := io.ReadAll(f.Section(t))
	if err != nil {
		tb.Fatal(err)
	}
	c, _ := quant.Lookup(t.Type)
	blocks := b[:len(b)-c.Trailer]
	var scale quant.Scale
	if c.Trailer > 0 {
		if scale, err = c.GetTrailer(b[len(blocks):]); err != nil {
			tb.Fatalf("%s: %v", t.Name, err)
		}
	}
	w := make([]float32, t.Elements())
	if err := c.Decode(w, blocks, scale); err != nil {
		tb.Fatalf("%s: %v", t.Name, err)
	}
	out := make([]float64, len(w))
	for i, v := range w {
		out[i] = float64(v)
	}
	return out
}

// Logits evaluates tokens from an empty context and gives the logits at every
// position.
func (r *Reference) Logits(tokens []int32) [][]float64 {
	p := r.p
	e, d := p.Embedding, p.HeadDim
	keys, values := make([][][]float64, p.Blocks), make([][][]float64, p.Blocks)
	head := r.w[arch.OutputHead]
	if head == nil {
		head = r.w[arch.TokenEmbd]
	}
	var out [][]float64
	for pos, id := range tokens {
		x := append([]float64(nil), r.w[arch.TokenEmbd][int(id)*e:][:e]...)
		for l := range p.Blocks {
			weight := func(name string) []float64 { return r.w[arch.Block(l, name)] }

			h := r.norm(x, weight(arch.AttnNorm))
			q := r.linear(h, weight(arch.AttnQ))
			k := r.linear(h, weight(arch.AttnK))
			v := r.linear(h, weight(arch.AttnV))
			r.rotate(q, pos)
			r.rotate(k, pos)
			keys[l], values[l] = append(keys[l], k), append(values[l], v)
			a := make([]float64, len(q))
			for h := range p.Heads {
				kv := h / (p.Heads / p.KVHeads) * d
				attend(a[h*d:(h+1)*d], q[h*d:(h+1)*d], keys[l], values[l], kv)
			}
			if r.SubNorms {
				a = r.norm(a, weight(arch.AttnSubNorm))
			}
			add(x, r.linear(a, weight(arch.AttnOutput)))

			h = r.norm(x, weight(arch.FFNNorm))
			g, u := r.linear(h, weight(arch.FFNGate)), r.linear(h, weight(arch.FFNUp))
			for i, v := range g {
				if r.Activation == arch.ReLU2 {
					g[i] = max(v, 0) * max(v, 0) * u[i]
				} else {
					g[i] = v / (1 + math.Exp(-v)) * u[i]
				}
			}
			if r.SubNorms {
				g = r.norm(g, weight(arch.FFNSubNorm))
			}
			add(x, r.linear(g, weight(arch.FFNDown)))
		}
		out = append(out, product(r.norm(x, r.w[arch.OutputNorm]), head))
	}
	return out
}

func (r *Reference) norm(x, gain []float64) []float64 {
	var sum float64
	for _, v := range x {
		sum += v * v
	}
	f := 1 / math.Sqrt(sum/float64(len(x))+float64(r.p.Eps))
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = v * f * gain[i]
	}
	return y
}

// linear is a projection.
func (r *Reference) linear(x, w []float64) []float64 {
	if !r.Int8 {
		return product(x, w)
	}
	amax := 1e-5
	for _, v := range x {
		amax = max(amax, math.Abs(v))
	}
	s := 127 / amax
	q := make([]float64, len(x))
	for i, v := range x {
		q[i] = min(max(math.RoundToEven(v*s), -128), 127)
	}
	y := product(q, w)
	for i := range y {
		y[i] /= s
	}
	return y
}

func product(x, w []float64) []float64 {
	y := make([]float64, len(w)/len(x))
	for i := range y {
		var sum float64
		for j, v := range x {
			sum += v * w[i*len(x)+j]
		}
		y[i] = sum
	}
	return y
}

func (r *Reference) rotate(x []float64, pos int) {
	d := r.p.HeadDim
	for h := 0; h < len(x); h += d {
		for i := range d / 2 {
			a, b := h+i, h+i+d/2
			if r.Interleaved {
				a, b = h+2*i, h+2*i+1
			}
			s, c := math.Sincos(float64(pos) * math.Pow(float64(r.p.RopeBase), -2*float64(i)/float64(d)))
			x[a], x[b] = x[a]*c-x[b]*s, x[a]*s+x[b]*c
		}
	}
}

func attend(out, q []float64, keys, values [][]float64, kv int) {
	scores := make([]float64, len(keys))
	var sum float64
	for i, k := range keys {
		for j, v := range q {
			scores[i] += v * k[kv+j]
		}
		scores[i] = math.Exp(scores[i] / math.Sqrt(float64(len(q))))
		sum += scores[i]
	}
	for i, v := range values {
		for j := range out {
			out[j] += scores[i] / sum * v[kv+j]
		}
	}
}

func add(x, y []float64) {
	for i, v := range y {
		x[i] += v
	}
}

// WeightError compares the matrices of two versions of a model: the largest
// ‖a-b‖/‖a‖, and how many matrices there are, the embedding and the output
// matrix among them.
func (r *Reference) WeightError(b *Reference) (worst float64, matrices int) {
	for _, t := range r.p.Tensors() {
		a := r.w[t.Name]
		if t.Role == arch.Norm || a == nil {
			continue
		}
		matrices++
		var diff, size float64
		for i, v := range a {
			diff += (v - b.w[t.Name][i]) * (v - b.w[t.Name][i])
			size += v * v
		}
		worst = max(worst, math.Sqrt(diff/size))
	}
	return worst, matrices
}
