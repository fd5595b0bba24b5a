package convert

import (
	"fmt"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/quant"
)

// manyBits are the layers whose values and down projections llama.cpp's
// quantizer (v0.4.0) made Q6_K in Q4_K_M and Q5_K_M, by the number of layers.
var manyBits = map[int]string{
	7:  "2 5 6",
	30: "0 1 2 5 8 11 14 17 20 23 26 27 28 29",
	80: "0 1 2 3 4 5 6 7 8 9 12 15 18 21 24 27 30 33 36 39 42 45 48 51 54 57 60 63 66 69 70 71 72 73 74 75 76 77 78 79",
}

func TestMixes(t *testing.T) {
	for _, tc := range []struct {
		arch        string
		layers      int
		kvHeads     int
		recipe      string
		fileType    uint32
		otherValues quant.Type // type of the values of the other layers
	}{
		{"bitnet-b1.58", 7, 1, "Q4_K_M", 15, quant.Q4_K},
		{"llama", 7, 1, "Q5_K_M", 17, quant.Q5_K},
		{"llama", 30, 1, "Q4_K_M", 15, quant.Q4_K},
		{"llama", 80, 1, "Q4_K_M", 15, quant.Q5_K},
		{"llama", 80, 2, "Q4_K_M", 15, quant.Q4_K},
	} {
		t.Run(fmt.Sprintf("%s of %s with %d layers and %d key-value heads", tc.recipe, tc.arch, tc.layers, tc.kvHeads), func(t *testing.T) {
			spec, err := arch.Lookup(tc.arch)
			if err != nil {
				t.Fatal(err)
			}
			p := &arch.Params{Spec: spec, Vocab: 512, Embedding: 256, Blocks: tc.layers, FeedForward: 256, Heads: 2, KVHeads: tc.kvHeads, HeadDim: 128}
			r, ok := RecipeByName(tc.recipe)
			if !ok || r.fileType != tc.fileType {
				t.Fatalf("recipe %+v", r)
			}
			o := Options{Type: r.Type, Mix: r.Mix}
			if got := o.flags(); got != "--type "+tc.recipe {
				t.Errorf("flags %q", got)
			}
			more := map[string]bool{}
			for layer := range strings.FieldsSeq(manyBits[tc.layers]) {
				more["blk."+layer+".attn_v.weight"], more["blk."+layer+".ffn_down.weight"] = true, true
			}
			for _, x := range p.Tensors() {
				want := r.Type
				switch {
				case strings.Contains(x.Name, "norm"):
					want = quant.F32
				case more[x.Name], !strings.HasPrefix(x.Name, "blk."):
					want = quant.Q6_K
				case strings.HasSuffix(x.Name, "attn_v.weight"):
					want = tc.otherValues
				}
				if got := o.typeOf(p, x); got != want {
					t.Errorf("%s is %v, want %v", x.Name, got, want)
				}
			}
		})
	}
}

// Every recipe has a name, a type and a file type of its own, and its types can
// be written.
func TestRecipes(t *testing.T) {
	names, numbers := map[string]bool{}, map[uint32]string{}
	for _, r := range Recipes() {
		if names[r.Name] || numbers[r.fileType] != "" {
			t.Errorf("%s clashes with %q", r.Name, numbers[r.fileType])
		}
		names[r.Name], numbers[r.fileType] = true, r.Name
		if !r.Mix && r.Name != r.Type.String() {
			t.Errorf("%s is %s", r.Name, r.Type)
		}
		for _, ty := range []quant.Type{r.Type, r.embedding} {
			if c, _ := quant.Lookup(ty); c.Encode == nil {
				t.Errorf("%s: %s cannot be written", r.Name, ty)
			}
		}
	}
	if len(names) != 16 {
		t.Errorf("%d recipes", len(names))
	}
}
