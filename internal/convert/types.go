package convert

import (
	"fmt"
	"slices"

	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/quant"
)

// ScaleMode says what the stored scales of packed weights mean.
type ScaleMode string

// The scale modes. A source of master weights has mode Masters: its scales are
// computed.
const (
	Masters  ScaleMode = "masters"
	Multiply ScaleMode = "multiply" // value = trit · scale
	Divide   ScaleMode = "divide"   // value = trit / scale
)

// Options of a conversion. The zero value of every field but Type is a good
// default.
type Options struct {
	Type           quant.Type // of the projections
	TokenEmbedding quant.Type // default: by Type
	Output         quant.Type // of an untied output matrix; default: by Type
	ScaleMode      ScaleMode  // of packed weights; default: by config.json
	FileType       *uint32    // general.file_type; default: by Type
	ForceTernary   bool       // ternarize a model that was not trained for it
	Threads        int        // default: as many as can run at once
	Tool           string     // version of the program, for the metadata

	// TypeOf overrides the type of single tensors, by GGUF name; Invalid keeps
	// the default. It is for laying out again what an existing file holds.
	TypeOf func(name string) quant.Type
}

// recipe maps the type asked for to the type of embedding and output, and to
// the number that general.file_type has for it: llama.cpp's include/llama.h
// (c392e509); 40 for I2_S as the published BitNet-b1.58-2B-4T has it.
var recipe = map[quant.Type]struct {
	embedding quant.Type
	fileType  uint32
}{
	quant.F32:   {quant.F32, 0},
	quant.F16:   {quant.F16, 1},
	quant.BF16:  {quant.BF16, 32},
	quant.Q8_0:  {quant.Q8_0, 7},
	quant.TQ1_0: {quant.F16, 36},
	quant.TQ2_0: {quant.F16, 37},
	quant.I2_S:  {quant.F16, 40},
	quant.Q4_0:  {quant.Q6_K, 2},
	quant.Q4_1:  {quant.Q6_K, 3},
	quant.Q5_0:  {quant.Q6_K, 8},
	quant.Q5_1:  {quant.Q6_K, 9},
	quant.Q4_K:  {quant.Q6_K, 14},
	quant.Q5_K:  {quant.Q6_K, 16},
	quant.Q6_K:  {quant.Q6_K, 18},
}

// coarse lists the types whose blocks cannot hold -m, 0 and m: the largest
// error of a weight of a ternary matrix, in units of m, was measured with
// ggml's reference encoders (d99724f2) on random trits.
var coarse = map[quant.Type]float64{
	quant.Q4_0: 0.125,
	quant.Q4_1: 0.067,
	quant.Q5_0: 0.062,
	quant.Q5_1: 0.032,
}

// Types lists what [Options.Type] can be.
func Types() []quant.Type {
	ts := make([]quant.Type, 0, len(recipe))
	for t := range recipe {
		ts = append(ts, t)
	}
	slices.Sort(ts)
	return ts
}

// typeOf decides the type of a tensor.
func (o *Options) typeOf(t arch.Tensor) quant.Type {
	if o.TypeOf != nil {
		if ty := o.TypeOf(t.Name); ty != quant.Invalid {
			return ty
		}
	}
	def := recipe[o.Type].embedding
	switch t.Role {
	case arch.Norm:
		return quant.F32
	case arch.Embedding:
		return either(o.TokenEmbedding, def)
	case arch.Output:
		return either(o.Output, def)
	}
	return o.Type
}

func either(t, def quant.Type) quant.Type {
	if t != quant.Invalid {
		return t
	}
	return def
}

// check refuses what cannot be honoured for this source.
func (o *Options) check(s *Source) error {
	if _, ok := recipe[o.Type]; !ok {
		return fmt.Errorf("%w: type %s cannot be written; possible are %v", ErrUnsupported, o.Type, Types())
	}
	for _, x := range []struct {
		flag string
		t    quant.Type
	}{{"token-embedding-type", o.TokenEmbedding}, {"output-type", o.Output}} {
		if x.t == quant.Invalid {
			continue
		}
		if c, _ := quant.Lookup(x.t); c.Encode == nil || c.Ternary() {
			return fmt.Errorf("%w: %s %s", ErrOption, x.flag, x.t)
		}
	}
	if o.Output != quant.Invalid && s.Params.Tied {
		return fmt.Errorf("%w: output-type: this model's output matrix is its token embedding; use token-embedding-type", ErrOption)
	}
	if o.ScaleMode != "" && !s.packed() {
		return fmt.Errorf("%w: scale-mode %s: this source has no packed weights", ErrOption, o.ScaleMode)
	}
	if o.ForceTernary && s.Config.Ternary() {
		return fmt.Errorf("%w: force-ternary: this model is ternary as it is", ErrOption)
	}
	return nil
}

// warn tells what is allowed and yet a bad idea.
func (o *Options) warn(ternary bool) []string {
	loss, ok := coarse[o.Type]
	if !ternary || !ok {
		return nil
	}
	return []string{fmt.Sprintf("%s cannot hold the three values of a ternary model: weights are off by up to %.1f %% of the scale; I2_S is exact and smaller",
		o.Type, 100*loss)}
}

// flags gives the options that shape the bytes, in a canonical spelling.
func (o *Options) flags() string {
	s := "--type " + o.Type.String()
	if o.TokenEmbedding != quant.Invalid {
		s += " --token-embedding-type " + o.TokenEmbedding.String()
	}
	if o.Output != quant.Invalid {
		s += " --output-type " + o.Output.String()
	}
	if o.ScaleMode != "" {
		s += " --scale-mode " + string(o.ScaleMode)
	}
	if o.FileType != nil {
		s += fmt.Sprintf(" --file-type %d", *o.FileType)
	}
	if o.ForceTernary {
		s += " --force-ternary"
	}
	return s
}
