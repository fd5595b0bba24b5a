package convert

import (
	"slices"

	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/quant"
)

// Recipe is one thing that --type can name: the type of all projections, or a
// mix of two types.
type Recipe struct {
	Name string
	Type quant.Type // of the projections
	Mix  bool       // some projections get more bits: see moreBits

	embedding quant.Type // of the token embedding and of an untied output matrix
	fileType  uint32     // what general.file_type says
}

// recipes lists what can be written. The numbers of general.file_type are those
// of llama.cpp's include/llama.h (c392e509), 40 for I2_S as the published
// BitNet-b1.58-2B-4T has it. A pure Q4_K or Q5_K has the number of the S mixes,
// the nearest there is.
var recipes = []Recipe{
	{Name: "F32", Type: quant.F32, embedding: quant.F32, fileType: 0},
	{Name: "F16", Type: quant.F16, embedding: quant.F16, fileType: 1},
	{Name: "BF16", Type: quant.BF16, embedding: quant.BF16, fileType: 32},
	{Name: "Q8_0", Type: quant.Q8_0, embedding: quant.Q8_0, fileType: 7},
	{Name: "I2_S", Type: quant.I2_S, embedding: quant.F16, fileType: 40},
	{Name: "TQ1_0", Type: quant.TQ1_0, embedding: quant.F16, fileType: 36},
	{Name: "TQ2_0", Type: quant.TQ2_0, embedding: quant.F16, fileType: 37},
	{Name: "Q4_0", Type: quant.Q4_0, embedding: quant.Q6_K, fileType: 2},
	{Name: "Q4_1", Type: quant.Q4_1, embedding: quant.Q6_K, fileType: 3},
	{Name: "Q5_0", Type: quant.Q5_0, embedding: quant.Q6_K, fileType: 8},
	{Name: "Q5_1", Type: quant.Q5_1, embedding: quant.Q6_K, fileType: 9},
	{Name: "Q4_K", Type: quant.Q4_K, embedding: quant.Q6_K, fileType: 14},
	{Name: "Q4_K_M", Type: quant.Q4_K, Mix: true, embedding: quant.Q6_K, fileType: 15},
	{Name: "Q5_K", Type: quant.Q5_K, embedding: quant.Q6_K, fileType: 16},
	{Name: "Q5_K_M", Type: quant.Q5_K, Mix: true, embedding: quant.Q6_K, fileType: 17},
	{Name: "Q6_K", Type: quant.Q6_K, embedding: quant.Q6_K, fileType: 18},
}

// Recipes lists what can be written, in the order to show it.
func Recipes() []Recipe { return slices.Clone(recipes) }

// RecipeByName finds a recipe by its exact name.
func RecipeByName(name string) (Recipe, bool) {
	for _, r := range recipes {
		if r.Name == name {
			return r, true
		}
	}
	return Recipe{}, false
}

// lookupRecipe finds the recipe of a type; Mix tells Q4_K_M from Q4_K.
func lookupRecipe(t quant.Type, mix bool) (Recipe, bool) {
	for _, r := range recipes {
		if r.Type == t && r.Mix == mix {
			return r, true
		}
	}
	return Recipe{}, false
}

// Types lists what [Options.Type] can be.
func Types() []quant.Type {
	var ts []quant.Type
	for _, r := range recipes {
		if !r.Mix {
			ts = append(ts, r.Type)
		}
	}
	slices.Sort(ts)
	return ts
}

// projection gives the type of a projection. The mixes are those that
// llama.cpp's llama-quantize calls Q4_K_M and Q5_K_M (v0.4.0,
// src/llama-quant.cpp, llama_tensor_get_type_impl): values and down
// projections of some layers are Q6_K, and the values of all other layers are
// at least Q5_K where eight query heads share them in a model of 80 layers.
func (r Recipe) projection(p *arch.Params, t arch.Tensor) quant.Type {
	if !r.Mix || t.Kind != arch.AttnV && t.Kind != arch.FFNDown {
		return r.Type
	}
	if moreBits(t.Layer, p.Blocks) {
		return quant.Q6_K
	}
	if t.Kind == arch.AttnV && p.Name == "llama" && p.Blocks == 80 && p.Heads != p.KVHeads {
		return quant.Q5_K
	}
	return r.Type
}

// moreBits tells which layers of n a mix spends more on: the first and the last
// eighth, and every third one between.
func moreBits(layer, n int) bool {
	return layer < n/8 || layer >= 7*n/8 || (layer-n/8)%3 == 2
}
