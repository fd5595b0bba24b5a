package arch

import (
	"fmt"
	"slices"
	"strings"
)

// Activation is the function between the two halves of the feed-forward
// block.
type Activation string

// The activations, spelled as in {arch}.hidden_activation and in hidden_act.
const (
	SiLU     Activation = "silu"              // x·sigmoid(x)
	ReLU2    Activation = "relu2"             // max(x, 0)²
	GELUTanh Activation = "gelu_pytorch_tanh" // of Gemma; converted, not evaluated
)

// parseActivation takes what the architecture is known to be trained with.
func (s Spec) parseActivation(name string) (Activation, error) {
	known := []Activation{SiLU, ReLU2}
	if s.Gemma {
		known = []Activation{GELUTanh}
	}
	if a := Activation(name); slices.Contains(known, a) {
		return a, nil
	}
	return "", fmt.Errorf("%w: activation %q, known are %q", ErrUnsupported, name, known)
}

// Spec is one row of the table: what follows from general.architecture alone.
type Spec struct {
	Name string // general.architecture, and the prefix of the model's keys

	// Interleaved RoPE turns the pairs (2i, 2i+1) of a head, as GGUF files of
	// arch llama have their rows; otherwise (i, i+d/2), as Hugging Face does.
	Interleaved bool

	// SubNorms adds an RMSNorm before the attention output projection and one
	// before the down projection.
	SubNorms bool

	// Int8Activations: all seven projections take int8 activations with one
	// scale a token, whatever type their weights have.
	Int8Activations bool

	// InNorms gives each of the seven projections an RMSNorm of its input, and
	// each head of queries and keys one before it is rotated: the embedding
	// models microsoft/bitnet-embedding-*. They are converted, not evaluated.
	InNorms bool

	// Gemma adds norms behind both blocks, multiplies the embedding with the root
	// of its width, and stores gains less 1, but for those of InNorms.
	Gemma bool

	// Activation applies when the file does not say.
	Activation Activation
}

// BitNet reports whether this is the graph of BitNet b1.58, for which GGUF
// files have three names.
func (s Spec) BitNet() bool { return s.SubNorms }

// bitnet.cpp's src/llama.cpp (0f0e7dae) knows the three names of the BitNet
// graph, upstream's src/models/bitnet.cpp (38fcfa12) only "bitnet".
var specs = []Spec{
	{Name: "bitnet-b1.58", SubNorms: true, Int8Activations: true, Activation: ReLU2},
	{Name: "bitnet-25", SubNorms: true, Int8Activations: true, Activation: ReLU2},
	{Name: "bitnet", SubNorms: true, Int8Activations: true, Activation: SiLU},
	{Name: "llama", Interleaved: true, Activation: SiLU},
	{Name: "qwen3", InNorms: true, Int8Activations: true, Activation: SiLU},
	{Name: "gemma3", InNorms: true, Gemma: true, Int8Activations: true, Activation: GELUTanh},
}

// Lookup finds the row of an architecture.
func Lookup(name string) (Spec, error) {
	names := make([]string, len(specs))
	for i, s := range specs {
		if s.Name == name {
			return s, nil
		}
		names[i] = s.Name
	}
	return Spec{}, fmt.Errorf("%w: architecture %q, known are %s", ErrUnsupported, name, strings.Join(names, ", "))
}
