package synth

import (
	"fmt"
	"math"
)

// tensor is one tensor of a checkpoint and the rule of its values.
type tensor struct {
	name   string
	dtype  string  // as in safetensors
	shape  []int64 // slowest first
	values values
}

// elements gives the number of stored elements.
func (t *tensor) elements() int64 {
	n := int64(1)
	for _, d := range t.shape {
		n *= d
	}
	return n
}

// width gives the bytes of an element.
func (t *tensor) width() int64 { return widths[t.dtype] }

var widths = map[string]int64{"F32": 4, "BF16": 2, "F16": 2, "U8": 1}

func (t *tensor) bytes() int64 { return t.elements() * t.width() }

// builder lists the tensors of a checkpoint in the order of the modules of the
// model, which is the order that shards are filled in.
type builder struct {
	family *family
	shape  Shape
	list   []tensor
	number int // of projections so far
}

func (b *builder) add(name, dtype string, v values, shape ...int) {
	t := tensor{name: name, dtype: dtype, values: v}
	for _, d := range shape {
		t.shape = append(t.shape, int64(d))
	}
	b.list = append(b.list, t)
}

// tensors lists the tensors of the family in a shape.
func (f *family) tensors(s Shape) []tensor {
	b := &builder{family: f, shape: s}
	// Logits of a few units: rows of the embedding have a length near 3.
	embedding := values{kind: bell, mean: float32(2.4 / math.Sqrt(float64(s.Hidden)))}
	b.add(f.prefix+"embed_tokens.weight", f.dtype, embedding, s.Vocab, s.Hidden)
	for n := range s.Layers {
		b.layer(fmt.Sprintf("%slayers.%d.", f.prefix, n))
	}
	b.norm(f.prefix+"norm.weight", s.Hidden)
	if !f.tied {
		b.add("lm_head.weight", f.dtype, embedding, s.Vocab, s.Hidden)
	}
	return b.list
}

func (b *builder) layer(at string) {
	f, s := b.family, b.shape
	q, kv := s.Heads*s.HeadDim, s.KVHeads*s.HeadDim
	b.norm(at+"input_layernorm.weight", s.Hidden)
	b.projection(at+"self_attn.q_proj", q, s.Hidden)
	b.projection(at+"self_attn.k_proj", kv, s.Hidden)
	b.projection(at+"self_attn.v_proj", kv, s.Hidden)
	b.projection(at+"self_attn.o_proj", s.Hidden, q)
	if f.qkNorms {
		b.norm(at+"self_attn.q_norm.weight", s.HeadDim)
		b.norm(at+"self_attn.k_norm.weight", s.HeadDim)
	}
	if f.subNorms[0] != "" {
		b.norm(at+"self_attn."+f.subNorms[0]+".weight", q)
	}
	b.norm(at+"post_attention_layernorm.weight", s.Hidden)
	if f.gemma {
		b.norm(at+"pre_feedforward_layernorm.weight", s.Hidden)
		b.norm(at+"post_feedforward_layernorm.weight", s.Hidden)
	}
	b.projection(at+"mlp.gate_proj", s.Intermediate, s.Hidden)
	b.projection(at+"mlp.up_proj", s.Intermediate, s.Hidden)
	b.projection(at+"mlp.down_proj", s.Hidden, s.Intermediate)
	if f.subNorms[1] != "" {
		b.norm(at+"mlp."+f.subNorms[1]+".weight", s.Intermediate)
	}
}

// norm adds gains near 1. Gemma stores them less 1, but for the norms of a
// projection's input.
func (b *builder) norm(name string, n int) {
	b.gains(name, n, b.family.gemma)
}

func (b *builder) gains(name string, n int, less1 bool) {
	v := values{kind: bell, mean: 0.1}
	if !less1 {
		v.centre = 1
	}
	b.add(name, b.family.dtype, v, n)
}

// projection adds one of the seven matrices of a layer with what belongs to it.
// Its mean is between that of the family and twice as much.
func (b *builder) projection(name string, rows, cols int) {
	f := b.family
	// A quotient by 128 is exact, and so is 1 more.
	mean := f.mean * (1 + float32(b.number*37%128)/128)
	b.number++
	switch f.weights {
	case masters:
		b.add(name+".weight", f.dtype, values{kind: bell, mean: mean}, rows, cols)
	case ternary:
		b.add(name+".weight", f.dtype, values{kind: trits, mean: mean}, rows, cols)
	case multiply, divide:
		scale := values{kind: constant, centre: mean}
		if f.weights == divide {
			scale.centre = 1 / mean
		}
		b.add(name+".weight", "U8", values{kind: packed}, (rows+3)/4, cols)
		b.add(name+".weight_scale", f.dtype, scale, 1)
	}
	if f.inNorms {
		b.gains(name+".norm.weight", cols, false)
	}
}
