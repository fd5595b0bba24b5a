package verify

import (
	"context"
	"slices"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/quant"
)

const fileTypeKey = "general.file_type"

// labels maps general.file_type to the type of most weights: llama.cpp's
// include/llama.h (c392e509), and 40 and 41, which two branches of bitnet.cpp
// have for I2_S (microsoft/BitNet pull request 620) and llama.cpp since for types
// of one and two bits. Numbers that are not here stand for mixes or for types
// that are not read.
var labels = map[uint64][]quant.Type{
	0: {quant.F32}, 1: {quant.F16}, 2: {quant.Q4_0}, 3: {quant.Q4_1}, 7: {quant.Q8_0},
	8: {quant.Q5_0}, 9: {quant.Q5_1}, 18: {quant.Q6_K}, 32: {quant.BF16},
	36: {quant.TQ1_0}, 37: {quant.TQ2_0}, 40: {quant.I2_S, quant.Q1_0}, 41: {quant.I2_S, quant.Q2_0},
}

// guessed is set in file types that llama.cpp has not read but concluded.
const guessed = 1024

// checkLabel compares the label with the types of the projections. Programs go
// by the tensors; people and download pages go by the label.
func checkLabel(_ context.Context, s *Subject) []Finding {
	if s.file == nil {
		return nil
	}
	v, ok := s.file.Meta.Uint(fileTypeKey)
	if !ok {
		return []Finding{finding(Info, "the file does not say what type it is").about(fileTypeKey)}
	}
	want, known := labels[v&^guessed]
	most := s.mostly()
	if most == quant.I2_S_64x16 || most == quant.I2_S_4ROWS {
		most = quant.I2_S // the layout has a key of its own
	}
	if !known || most == quant.Invalid || slices.Contains(want, most) {
		return nil
	}
	return []Finding{finding(Warning, "is %d, which means %s, but most weights are %s", v, want[0], most).about(fileTypeKey)}
}

// mostly gives the type that most weights of the projections have; of all
// matrices if the architecture is not known.
func (s *Subject) mostly() quant.Type {
	weights := map[quant.Type]int64{}
	for _, t := range s.file.Tensors {
		if s.is(t.Name, arch.Projection) || len(s.roles) == 0 && len(trimDims(t)) > 1 {
			weights[t.Type] += t.Elements()
		}
	}
	most := quant.Invalid
	for t, n := range weights {
		if n > weights[most] || n == weights[most] && t < most {
			most = t
		}
	}
	return most
}

// text gives a string of the file's metadata, "" if absent.
func (s *Subject) text(key string) string {
	v, _ := gguf.Get[string](&s.file.Meta, key)
	return v
}
