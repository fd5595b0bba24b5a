package synth

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Shape is the sizes of a model.
type Shape struct {
	Hidden       int `json:"hidden"`       // width of the residual stream
	Intermediate int `json:"intermediate"` // width inside the feed-forward block
	Layers       int `json:"layers"`
	Heads        int `json:"heads"`
	KVHeads      int `json:"kv_heads"`
	HeadDim      int `json:"head_dim"`
	Vocab        int `json:"vocab"` // rows of the embedding, special tokens included
	Context      int `json:"context"`
}

// shapes are those of published models, and one for tests.
var shapes = map[string]Shape{
	"tiny":           {256, 768, 4, 4, 2, 64, 1088, 512},
	"2b4t":           {2560, 6912, 30, 20, 5, 128, 128256, 4096},  // microsoft/bitnet-b1.58-2B-4T
	"0.7b":           {1536, 4096, 24, 16, 16, 96, 32002, 2048},   // 1bitLLM/bitnet_b1_58-large
	"3b":             {3200, 8640, 26, 32, 32, 100, 32002, 2048},  // 1bitLLM/bitnet_b1_58-3B
	"8b":             {4096, 14336, 32, 32, 8, 128, 128256, 8192}, // HF1BitLLM/Llama3-8B-1.58-100B-tokens
	"falcon3-1b":     {2048, 8192, 18, 8, 4, 256, 131072, 8192},   // tiiuae/Falcon3-1B-Instruct-1.58bit
	"embedding-0.6b": {1024, 3072, 28, 16, 8, 128, 151936, 32768}, // microsoft/bitnet-embedding-0.6b
	"embedding-270m": {640, 2048, 18, 4, 1, 256, 262144, 32768},   // microsoft/bitnet-embedding-270m
}

// Shapes lists the names that [ParseShape] knows, sorted.
func Shapes() []string { return slices.Sorted(maps.Keys(shapes)) }

// Keys lists the sizes that [ParseShape] can set.
func Keys() []string {
	var keys []string
	for _, f := range new(Shape).fields() {
		keys = append(keys, f.key)
	}
	return keys
}

// field is one size of a shape, with the largest that makes sense: products of
// two fit an int64 with room to spare.
type field struct {
	key string
	n   *int
	max int
}

func (s *Shape) fields() []field {
	return []field{
		{"hidden", &s.Hidden, 1 << 18},
		{"intermediate", &s.Intermediate, 1 << 18},
		{"layers", &s.Layers, 1 << 10},
		{"heads", &s.Heads, 1 << 10},
		{"kv_heads", &s.KVHeads, 1 << 10},
		{"head_dim", &s.HeadDim, 1 << 12},
		{"vocab", &s.Vocab, 1 << 21},
		{"context", &s.Context, 1 << 27},
	}
}

// ParseShape reads a name such as "2b4t", sizes such as "layers=2,vocab=512",
// or both; sizes that are not given are those of the name, or of "tiny".
func ParseShape(text string) (Shape, error) {
	s := shapes["tiny"]
	for i, part := range strings.Split(text, ",") {
		key, value, assigned := strings.Cut(part, "=")
		if !assigned {
			known, ok := shapes[part]
			if !ok || i > 0 {
				return s, fmt.Errorf("%w: shape %q; known are %s, and %s=N", ErrOption, part,
					strings.Join(Shapes(), ", "), strings.Join(Keys(), "=N, "))
			}
			s = known
			continue
		}
		at := slices.IndexFunc(s.fields(), func(f field) bool { return f.key == key })
		if at < 0 {
			return s, fmt.Errorf("%w: %q; the sizes are %s", ErrOption, part, strings.Join(Keys(), ", "))
		}
		n, err := strconv.Atoi(value)
		if err != nil {
			return s, fmt.Errorf("%w: %q is no number", ErrOption, part)
		}
		*s.fields()[at].n = n
	}
	return s, s.check()
}

// check refuses shapes that no model can have.
func (s *Shape) check() error {
	for _, f := range s.fields() {
		if *f.n < 1 || *f.n > f.max {
			return fmt.Errorf("%w: %s=%d, must be 1 to %d", ErrOption, f.key, *f.n, f.max)
		}
	}
	switch {
	case s.Heads%s.KVHeads != 0:
		return fmt.Errorf("%w: %d heads do not share %d key-value heads evenly", ErrOption, s.Heads, s.KVHeads)
	case s.HeadDim%2 != 0:
		return fmt.Errorf("%w: head_dim=%d is odd", ErrOption, s.HeadDim)
	case s.Vocab < minVocab:
		return fmt.Errorf("%w: vocab=%d, a tokenizer needs %d", ErrOption, s.Vocab, minVocab)
	}
	return nil
}
