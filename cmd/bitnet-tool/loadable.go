package main

import (
	"encoding/binary"
	"slices"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/quant"
)

// engine is a program that loads GGUF files: the architectures of this tool's
// table that it knows, and the tensor types.
type engine struct {
	name  string
	archs []string
	types func(gguf.Tensor) bool
}

// engines follows the loaders' sources: bitnet.cpp's llama.cpp fork (0f0e7dae,
// src/llama.cpp and ggml/include/ggml.h), llama.cpp (38fcfa12,
// src/models/bitnet.cpp; ggml d99724f2, include/ggml.h) and ik_llama.cpp
// (8337e4cd), which computes I2_S only after requantizing it to IQ2_BN.
func engines() []engine {
	all := []string{"bitnet-b1.58", "bitnet-25", "bitnet", "llama"}
	common := []quant.Type{
		quant.F32, quant.F16, quant.BF16, quant.Q8_0, quant.Q4_0, quant.Q4_1, quant.Q5_0, quant.Q5_1,
		quant.Q2_K, quant.Q3_K, quant.Q4_K, quant.Q5_K, quant.Q6_K,
		quant.IQ1_S, quant.IQ1_M, quant.IQ2_XXS, quant.IQ2_XS, quant.IQ2_S, quant.IQ3_XXS, quant.IQ3_S, quant.IQ4_NL, quant.IQ4_XS,
	}
	of := func(more ...quant.Type) func(gguf.Tensor) bool {
		types := slices.Concat(common, more)
		return func(t gguf.Tensor) bool { return slices.Contains(types, t.Type) }
	}
	ik := of(quant.MXFP4)
	return []engine{
		{"bitnet-tool", all, func(t gguf.Tensor) bool {
			c, ok := quant.Lookup(t.Type)
			return ok && c.Decode != nil
		}},
		{"bitnet.cpp", all, of(quant.I2_S, quant.TL1, quant.TL2, quant.TQ1_0, quant.TQ2_0)},
		{"llama.cpp", []string{"bitnet", "llama"}, of(quant.TQ1_0, quant.TQ2_0, quant.MXFP4, quant.NVFP4, quant.Q1_0, quant.Q2_0)},
		{"ik_llama.cpp", all, func(t gguf.Tensor) bool { return ik(t) || t.TypeID >= 64 && t.TypeID < 400 }},
	}
}

// loadableBy names the programs that know everything the header of f mentions.
// None is named for an architecture that this tool does not know.
func loadableBy(f *gguf.File) []string {
	names := []string{}
	params, err := arch.FromMeta(&f.Meta)
	if err != nil || f.ByteOrder == binary.BigEndian || f.Version < 2 {
		return names
	}
	for _, e := range engines() {
		unknown := func(t gguf.Tensor) bool { return !e.types(t) }
		if slices.Contains(e.archs, params.Name) && !slices.ContainsFunc(f.Tensors, unknown) {
			names = append(names, e.name)
		}
	}
	return names
}
