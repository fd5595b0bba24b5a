package convert

import (
	"encoding/json"
	"fmt"

	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/token"
)

// configJSON spells a model's parameters as a checkpoint's config.json, for the
// architectures whose graph transformers knows under a name of its own. There is
// no quantization_config: the weights are to be used as they are.
func configJSON(p *arch.Params, v *token.Vocab) ([]byte, error) {
	c := map[string]any{
		"hidden_size": p.Embedding, "intermediate_size": p.FeedForward,
		"num_hidden_layers": p.Blocks, "num_attention_heads": p.Heads, "num_key_value_heads": p.KVHeads,
		"vocab_size": p.Vocab, "max_position_embeddings": p.Context,
		"rope_theta": p.RopeBase, "rms_norm_eps": p.Eps,
		"hidden_act": p.Activation, "tie_word_embeddings": p.Tied,
		"torch_dtype": "bfloat16",
	}
	switch {
	case p.BitNet():
		c["architectures"], c["model_type"] = []string{"BitNetForCausalLM"}, "bitnet"
		if p.HeadDim*p.Heads != p.Embedding {
			c["head_dim"] = p.HeadDim
		}
	case p.Name == "llama":
		c["architectures"], c["model_type"] = []string{"LlamaForCausalLM"}, "llama"
		c["head_dim"], c["attention_bias"], c["mlp_bias"] = p.HeadDim, false, false
	default:
		return nil, fmt.Errorf("%w: architecture %s cannot be written as a checkpoint", ErrUnsupported, p.Name)
	}
	if v != nil && v.BOS >= 0 {
		c["bos_token_id"] = v.BOS
	}
	if v != nil && v.EOS >= 0 {
		c["eos_token_id"] = v.EOS
	}
	b, err := json.MarshalIndent(c, "", "  ")
	return append(b, '\n'), err
}
