package convert

import (
	"slices"

	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/quant"
)

// program is a program that runs GGUF files, as far as the models of package
// arch go.
type program struct {
	name    string
	target  Target // "" for this program
	archs   []knownArch
	types   []quant.Type          // beyond commonTypes; nil: all that can be decoded
	imports map[quant.Type]string // types only its own converter takes, and what has to be done
	private func(id uint32) bool  // type numbers that only this program has
	pres    []string              // tokenizer.ggml.pre with the meaning they have here; nil: all
	ownPres []string              // those with a meaning of its own
}

// knownArch is an architecture in the eyes of a program.
type knownArch struct {
	name   string
	tied   bool            // has no output matrix of its own
	square bool            // wants queries as wide as the embedding
	fixed  arch.Activation // what it computes; "": what the metadata say
	since  string          // from when on it reads the metadata; "": never
	caveat string
}

// commonTypes are known to all programs.
var commonTypes = []quant.Type{
	quant.F32, quant.F16, quant.BF16, quant.Q8_0, quant.Q4_0, quant.Q4_1, quant.Q5_0, quant.Q5_1,
	quant.Q2_K, quant.Q3_K, quant.Q4_K, quant.Q5_K, quant.Q6_K,
	quant.IQ1_S, quant.IQ1_M, quant.IQ2_XXS, quant.IQ2_XS, quant.IQ2_S,
	quant.IQ3_XXS, quant.IQ3_S, quant.IQ4_NL, quant.IQ4_XS,
}

var (
	llama3Pre = []string{"llama-bpe", "llama3", "llama-v3"}
	commonPre = []string{"llama-bpe", "llama3", "llama-v3", "qwen2", "gpt-2", "default"}
)

// programs follows the loaders' sources: bitnet.cpp's llama.cpp fork (0f0e7dae,
// src/llama.cpp and ggml/include/ggml.h), llama.cpp (v0.4.0,
// src/models/bitnet.cpp; 38fcfa12 for the activation; ggml d99724f2,
// include/ggml.h) and ik_llama.cpp (8337e4cd, src/llama-load-tensors.cpp,
// src/graphs/build_bitnet.cpp, ggml/include/ggml.h). Only ik_llama.cpp lacks TQ1_0
// and TQ2_0; it computes I2_S only after requantizing it.
var programs = []program{
	{
		name:  "bitnet-tool",
		archs: []knownArch{{name: "bitnet-b1.58"}, {name: "bitnet-25"}, {name: "bitnet"}, {name: "llama"}},
		pres:  commonPre,
	},
	{
		name: "bitnet.cpp", target: BitNetCpp,
		archs: slices.Concat(forkArchs, []knownArch{
			{name: "llama", fixed: arch.SiLU},
			{name: "qwen3", fixed: arch.SiLU, caveat: newFork},
			{name: "gemma3", fixed: arch.GELUTanh, caveat: newFork},
		}),
		types: []quant.Type{quant.I2_S, quant.TL1, quant.TL2, quant.TQ1_0, quant.TQ2_0},
		pres:  commonPre, ownPres: []string{"falcon3", "falcon_e"},
	},
	{
		name: "llama.cpp", target: LlamaCpp,
		archs: []knownArch{
			{name: "bitnet", tied: true, square: true, fixed: arch.SiLU, since: "August 2026"},
			{name: "llama", fixed: arch.SiLU},
		},
		types: []quant.Type{quant.TQ1_0, quant.TQ2_0, quant.MXFP4, quant.NVFP4, quant.Q1_0, quant.Q2_0},
		pres:  commonPre, ownPres: []string{"falcon3"},
	},
	{
		name: "ik_llama.cpp", target: IkLlama,
		archs:   slices.Concat(forkArchs, []knownArch{{name: "llama", fixed: arch.SiLU}}),
		types:   []quant.Type{quant.MXFP4},
		imports: map[quant.Type]string{quant.I2_S: "by its llama-quantize --allow-requantize to IQ2_BN"},
		private: func(id uint32) bool { return id >= 64 && id < 400 },
		pres:    commonPre, ownPres: []string{"falcon3", "falcon_e"},
	},
}

// newFork: the norms of a projection's input came with
// utils/convert-bitnet-embedding-to-gguf.py (microsoft/BitNet 16da220a).
const newFork = "embedding models need a build of July 2026 or later"

// forkArchs are the BitNet graphs of the two forks, which read no activation.
var forkArchs = []knownArch{
	{name: "bitnet-b1.58", fixed: arch.ReLU2},
	{name: "bitnet-25", fixed: arch.ReLU2},
	{name: "bitnet", tied: true, square: true, fixed: arch.SiLU},
}
