package arch

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Config is what matters of a checkpoint's config.json.
type Config struct {
	Architectures     []string `json:"architectures"`
	ModelType         string   `json:"model_type"`
	HiddenSize        int      `json:"hidden_size"`
	IntermediateSize  int      `json:"intermediate_size"`
	NumLayers         int      `json:"num_hidden_layers"`
	NumHeads          int      `json:"num_attention_heads"`
	NumKVHeads        *int     `json:"num_key_value_heads"`
	HeadDim           *int     `json:"head_dim"`
	VocabSize         int      `json:"vocab_size"`
	MaxPositions      int      `json:"max_position_embeddings"`
	RopeTheta         *float64 `json:"rope_theta"`
	RopeScaling       any      `json:"rope_scaling"`
	RMSNormEps        *float64 `json:"rms_norm_eps"`
	HiddenAct         string   `json:"hidden_act"`
	TieWordEmbeddings bool     `json:"tie_word_embeddings"`
	AttentionBias     bool     `json:"attention_bias"`
	MLPBias           bool     `json:"mlp_bias"`

	Quantization *Quantization `json:"quantization_config"`
}

// Quantization is config.json's quantization_config (transformers,
// integrations/bitnet.py).
type Quantization struct {
	Method      string `json:"quant_method"`
	LinearClass string `json:"linear_class"`      // "autobitlinear", "bitlinear" or absent
	Mode        string `json:"quantization_mode"` // "offline" (packed), "online" (masters) or absent
	UseRMSNorm  bool   `json:"use_rms_norm"`
}

// maxConfig bounds config.json; real ones take a few KB.
const maxConfig = 1 << 20

// ParseConfig reads a config.json. A key that occurs twice, as
// quantization_config does in published checkpoints, counts as its last
// occurrence.
func ParseConfig(data []byte) (*Config, error) {
	if len(data) > maxConfig {
		return nil, fmt.Errorf("%w: config.json of %d bytes", ErrParams, len(data))
	}
	var c Config
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, fmt.Errorf("%w: config.json: %w", ErrParams, err)
	}
	return &c, nil
}

// Ternary reports whether the configuration declares a model trained with
// ternary weights.
func (c *Config) Ternary() bool {
	return c.bitnet() || c.Quantization != nil && c.Quantization.Method == "bitnet"
}

func (c *Config) bitnet() bool { return c.is("BitNetForCausalLM") }

// is compares without case: both spellings of BitNet are in use.
func (c *Config) is(name string) bool {
	return len(c.Architectures) == 1 && strings.EqualFold(c.Architectures[0], name)
}

// Params checks the configuration and gives the model's parameters.
func (c *Config) Params() (*Params, error) {
	var name string
	switch {
	case c.bitnet():
		name = "bitnet-b1.58"
	case c.is("LlamaForCausalLM"):
		name = "llama"
	default:
		return nil, fmt.Errorf("%w: config.json: architectures %q, known are BitNetForCausalLM and LlamaForCausalLM", ErrUnsupported, c.Architectures)
	}
	if err := c.refuse(); err != nil {
		return nil, err
	}
	spec, err := Lookup(name)
	if err != nil {
		return nil, err
	}
	act, err := parseActivation(c.HiddenAct)
	if err != nil {
		return nil, fmt.Errorf("config.json: hidden_act: %w", err)
	}
	p := &Params{
		Spec:        spec,
		Vocab:       c.VocabSize,
		Context:     c.MaxPositions,
		Embedding:   c.HiddenSize,
		Blocks:      c.NumLayers,
		FeedForward: c.IntermediateSize,
		Heads:       c.NumHeads,
		KVHeads:     or(c.NumKVHeads, c.NumHeads),
		HeadDim:     or(c.HeadDim, c.HiddenSize/max(c.NumHeads, 1)),
		RopeBase:    float32(or(c.RopeTheta, 10000)),
		Eps:         float32(or(c.RMSNormEps, 1e-6)),
		Ternary:     c.Ternary(),
		Tied:        c.TieWordEmbeddings,
	}
	p.Activation = act
	p.Int8Activations = p.Ternary
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("config.json: %w", err)
	}
	return p, nil
}

// refuse names what would silently change the computation.
func (c *Config) refuse() error {
	var what string
	switch {
	case c.RopeScaling != nil:
		what = "rope_scaling"
	case c.AttentionBias:
		what = "attention_bias"
	case c.MLPBias:
		what = "mlp_bias"
	case c.Quantization != nil && c.Quantization.Method != "bitnet":
		what = fmt.Sprintf("quantization_config.quant_method %q", c.Quantization.Method)
	case c.Quantization != nil && c.Quantization.UseRMSNorm:
		what = "quantization_config.use_rms_norm"
	default:
		return nil
	}
	return fmt.Errorf("%w: config.json: %s", ErrUnsupported, what)
}

func or[T any](p *T, def T) T {
	if p == nil {
		return def
	}
	return *p
}
