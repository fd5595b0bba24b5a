package convert

import (
	"fmt"

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
	Mix            bool       // the mix of Type in which some projections get more bits: Q4_K_M, Q5_K_M
	TokenEmbedding quant.Type // default: by Type
	Output         quant.Type // of an untied output matrix; default: by Type
	ScaleMode      ScaleMode  // of packed weights; default: by config.json
	FileType       *uint32    // general.file_type; default: by Type
	Target         Target     // the program to write for; default: none in particular
	ForceTernary   bool       // ternarize a model that was not trained for it
	Threads        int        // default: as many as can run at once
	Tool           string     // version of the program, for the metadata

	// TypeOf overrides the type of single tensors, by GGUF name; Invalid keeps
	// the default. It is for laying out again what an existing file holds.
	TypeOf func(name string) quant.Type
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

// typeOf decides the type of a tensor of a model.
func (o *Options) typeOf(p *arch.Params, t arch.Tensor) quant.Type {
	if o.TypeOf != nil {
		if ty := o.TypeOf(t.Name); ty != quant.Invalid {
			return ty
		}
	}
	r, _ := lookupRecipe(o.Type, o.Mix)
	switch t.Role {
	case arch.Norm:
		return quant.F32
	case arch.Embedding:
		return either(o.TokenEmbedding, r.embedding)
	case arch.Output:
		return either(o.Output, r.embedding)
	}
	return r.projection(p, t)
}

func either(t, def quant.Type) quant.Type {
	if t != quant.Invalid {
		return t
	}
	return def
}

// check refuses what cannot be honoured for this source.
func (o *Options) check(s *Source) error {
	if _, ok := lookupRecipe(o.Type, o.Mix); !ok && o.Mix {
		return fmt.Errorf("%w: there is no mix of type %s", ErrOption, o.Type)
	} else if !ok {
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
	r, _ := lookupRecipe(o.Type, o.Mix)
	s := "--type " + r.Name
	if o.TokenEmbedding != quant.Invalid {
		s += " --token-embedding-type " + o.TokenEmbedding.String()
	}
	if o.Output != quant.Invalid {
		s += " --output-type " + o.Output.String()
	}
	if o.ScaleMode != "" {
		s += " --scale-mode " + string(o.ScaleMode)
	}
	if o.Target != "" {
		s += " --target " + string(o.Target)
	}
	if o.FileType != nil {
		s += fmt.Sprintf(" --file-type %d", *o.FileType)
	}
	if o.ForceTernary {
		s += " --force-ternary"
	}
	return s
}
