package testmodel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/quant"
)

// Types are the types of a random model's matrices.
type Types struct {
	Projection quant.Type
	Embedding  quant.Type // and of an output matrix, unless the model is tied
}

// Params gives the hyper-parameters of a model that is small and yet has
// everything: two layers, grouped queries, a width that is not a power of two.
func Params(tb testing.TB, architecture string) *arch.Params {
	tb.Helper()
	spec, err := arch.Lookup(architecture)
	if err != nil {
		tb.Fatal(err)
	}
	return &arch.Params{
		Spec: spec, Vocab: 96, Context: 600, Embedding: 256, Blocks: 2, FeedForward: 512,
		Heads: 4, KVHeads: 2, HeadDim: 128, RopeBase: 10000, Eps: 1e-5,
		Ternary: spec.Int8Activations, Tied: spec.SubNorms,
	}
}

// Random makes a model. Where p says it is ternary, its projections hold -m, 0
// and m alone, each with an m of its own.
func Random(tb testing.TB, p *arch.Params, types Types, seed uint64) *File {
	tb.Helper()
	r := rand.New(rand.NewPCG(seed, 0))
	f := &File{}
	f.Meta.Set("general.architecture", p.Name)
	p.SetMeta(&f.Meta)
	for _, t := range p.Tensors() {
		typ := quant.F32
		switch t.Role {
		case arch.Projection:
			typ = types.Projection
		case arch.Embedding, arch.Output:
			typ = types.Embedding
		}
		c, ok := quant.Lookup(typ)
		if !ok {
			tb.Fatalf("no codec %v", typ)
		}
		size, err := c.Size(int64(t.Rows), int64(t.Cols))
		if err != nil {
			tb.Fatalf("%s: %v", t.Name, err)
		}
		w, scale := weights(r, p, t)
		data := make([]byte, size)
		blocks := data[:len(data)-c.Trailer]
		if c.Ternary() {
			err = c.PackTrits(blocks, codes(w), scale)
		} else {
			err = c.Encode(blocks, w, scale)
		}
		if err == nil && c.Trailer > 0 {
			err = c.PutTrailer(data[len(blocks):], scale)
		}
		if err != nil {
			tb.Fatalf("%s: %v", t.Name, err)
		}
		f.Tensors = append(f.Tensors, Tensor{gguf.TensorInfo{Name: t.Name, Dims: t.Dims(), Type: typ}, data})
	}
	return f
}

// weights draws a tensor: gains near 1, matrices that keep the size of what
// they multiply, embeddings that make logits of size 3.
func weights(r *rand.Rand, p *arch.Params, t arch.Tensor) ([]float32, quant.Scale) {
	w := make([]float32, t.Rows*t.Cols)
	m := float32((0.5 + r.Float64()) / math.Sqrt(float64(t.Cols)))
	for i := range w {
		switch {
		case t.Role == arch.Norm:
			w[i] = float32(1 + 0.2*r.NormFloat64())
		case t.Role != arch.Projection:
			w[i] = float32(3 * r.NormFloat64() / math.Sqrt(float64(t.Cols)))
		case p.Ternary:
			w[i] = m * float32(r.IntN(3)-1)
		default:
			w[i] = float32(r.NormFloat64() / math.Sqrt(float64(t.Cols)))
		}
	}
	return w, quant.Scale(m)
}

// codes gives 0, 1, 2 for negative, zero and positive weights.
func codes(w []float32) []byte {
	c := make([]byte, len(w))
	for i, v := range w {
		switch {
		case v > 0:
			c[i] = 2
		case v == 0:
			c[i] = 1
		}
	}
	return c
}
