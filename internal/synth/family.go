package synth

import (
	"fmt"
	"strings"
)

// family is one way in which checkpoints of ternary models are published.
type family struct {
	name  string
	about string

	architecture string // config.json: architectures
	modelType    string
	activation   string
	extra        string // more members of config.json, JSON
	dtype        string // of everything that is not packed
	prefix       string // of tensor names
	tied         bool
	ropeTheta    float64
	eps          string
	tokens       tokens

	weights  weights
	mean     float32 // mean weight, or scale, of the smallest projection; the largest has twice as much
	subNorms [2]string
	inNorms  bool // each projection normalizes its input
	qkNorms  bool
	gemma    bool // norms around each block, all stored as gain-1
}

// weights says how projections are stored.
type weights int

const (
	masters  weights = iota // to be ternarized
	multiply                // packed; the stored scale is the value of +1
	divide                  // packed; the stored scale is its inverse
	ternary                 // -m, 0 and m as floats
)

// Parts of config.json. The published packed Llama checkpoints have the key
// quantization_config twice.
const (
	online   = `"quantization_config":{"linear_class":"autobitlinear","quant_method":"bitnet","quantization_mode":"online"}`
	offline  = `"quantization_config":{"linear_class":"autobitlinear","quant_method":"bitnet","quantization_mode":"offline"}`
	bitnet   = `"quantization_config":{"modules_to_not_convert":null,"quant_method":"bitnet"}`
	bitnetLM = `"quantization_config":{"modules_to_not_convert":["lm_head"],"quant_method":"bitnet"}`
	isBitnet = `"is_bitnet_config":true`
)

var bitnetNorms = [2]string{"attn_sub_norm", "ffn_sub_norm"}

// families is the table. The letters are shorthand, not names that publishers
// use; each row names what it is like.
var families = []family{
	{
		name: "A", about: "packed BitNet, as microsoft/bitnet-b1.58-2B-4T",
		architecture: "BitNetForCausalLM", modelType: "bitnet", activation: "relu2", extra: offline,
		dtype: "BF16", prefix: "model.", tied: true, ropeTheta: 500000, eps: "1e-05", tokens: llama3,
		weights: multiply, mean: 0.75, subNorms: bitnetNorms,
	},
	{
		name: "B", about: "BitNet masters, as microsoft/bitnet-b1.58-2B-4T-bf16",
		architecture: "BitNetForCausalLM", modelType: "bitnet", activation: "relu2", extra: online,
		dtype: "BF16", prefix: "model.", tied: true, ropeTheta: 500000, eps: "1e-05", tokens: llama3,
		weights: masters, mean: 0.75, subNorms: bitnetNorms,
	},
	{
		name: "D", about: "masters with a SentencePiece tokenizer, as 1bitLLM/bitnet_b1_58-large",
		architecture: "BitnetForCausalLM", modelType: "llama", activation: "silu", extra: `"input_bits":8,"weight_bits":1`,
		dtype: "F16", prefix: "model.", tied: true, ropeTheta: 10000, eps: "1e-05", tokens: sentencePiece,
		weights: masters, mean: 0.0125, subNorms: [2]string{"inner_attn_ln", "ffn_layernorm"},
	},
	{
		name: "E", about: "packed Llama, as HF1BitLLM/Llama3-8B-1.58-100B-tokens",
		architecture: "LlamaForCausalLM", modelType: "llama", activation: "silu", extra: bitnet + "," + bitnet,
		dtype: "BF16", prefix: "model.", ropeTheta: 500000, eps: "1e-05", tokens: llama3,
		weights: divide, mean: 0.0125,
	},
	{
		name: "F", about: "packed Llama with wide heads, as tiiuae/Falcon3-1B-Instruct-1.58bit",
		architecture: "LlamaForCausalLM", modelType: "llama", activation: "silu", extra: isBitnet + "," + bitnetLM,
		dtype: "BF16", prefix: "model.", ropeTheta: 1000042, eps: "1e-06", tokens: llama3,
		weights: divide, mean: 0.0125,
	},
	{
		name: "G", about: "packed Llama, as tiiuae/Falcon-E-1B-Base",
		architecture: "LlamaForCausalLM", modelType: "llama", activation: "silu", extra: isBitnet + "," + bitnetLM,
		dtype: "BF16", prefix: "model.", ropeTheta: 1000042, eps: "1e-05", tokens: llama3,
		weights: divide, mean: 0.0125,
	},
	{
		name: "G-masters", about: "the masters of G, its revision prequantized",
		architecture: "LlamaForCausalLM", modelType: "llama", activation: "silu", extra: isBitnet + "," + bitnetLM,
		dtype: "BF16", prefix: "model.", ropeTheta: 1000042, eps: "1e-05", tokens: llama3,
		weights: masters, mean: 0.0125,
	},
	{
		name: "G-ternary", about: "G as plain floats, its revision bfloat16",
		architecture: "LlamaForCausalLM", modelType: "llama", activation: "silu",
		dtype: "BF16", prefix: "model.", ropeTheta: 1000042, eps: "1e-05", tokens: llama3,
		weights: ternary, mean: 0.0125,
	},
	{
		name: "H", about: "embedding model on Qwen3, as microsoft/bitnet-embedding-0.6b",
		architecture: "Qwen3Model", modelType: "qwen3", activation: "silu",
		dtype: "BF16", tied: true, ropeTheta: 1000000, eps: "1e-06", tokens: qwen2,
		weights: masters, mean: 0.0125, inNorms: true, qkNorms: true,
	},
	{
		name: "H-gemma3", about: "embedding model on Gemma 3, as microsoft/bitnet-embedding-270m",
		architecture: "Gemma3TextModel", modelType: "gemma3_text", activation: "gelu_pytorch_tanh",
		dtype: "BF16", prefix: "model.", tied: true, ropeTheta: 10000, eps: "1e-06", tokens: sentencePiece,
		weights: masters, mean: 0.0125, inNorms: true, qkNorms: true, gemma: true,
	},
	{
		name: "llama", about: "plain Llama, not ternary",
		architecture: "LlamaForCausalLM", modelType: "llama", activation: "silu",
		dtype: "BF16", prefix: "model.", ropeTheta: 500000, eps: "1e-05", tokens: llama3,
		weights: masters, mean: 0.0125,
	},
}

// Family is a name that [New] knows, and what it stands for.
type Family struct{ Name, About string }

// Families lists the families.
func Families() []Family {
	var out []Family
	for _, f := range families {
		out = append(out, Family{f.name, f.about})
	}
	return out
}

func lookup(name string) (*family, error) {
	var names []string
	for i, f := range families {
		if strings.EqualFold(f.name, name) {
			return &families[i], nil
		}
		names = append(names, f.name)
	}
	return nil, fmt.Errorf("%w: family %q; known are %s", ErrOption, name, strings.Join(names, ", "))
}
