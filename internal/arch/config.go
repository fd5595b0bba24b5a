package arch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/akadata/bitnet-tool/internal/exactjson"
)

// Config is what matters of a checkpoint's config.json.
type Config struct {
	Architectures     []string       `json:"architectures"`
	ModelType         string         `json:"model_type"`
	HiddenSize        int            `json:"hidden_size"`
	IntermediateSize  int            `json:"intermediate_size"`
	NumLayers         int            `json:"num_hidden_layers"`
	NumHeads          int            `json:"num_attention_heads"`
	NumKVHeads        *int           `json:"num_key_value_heads"`
	HeadDim           *int           `json:"head_dim"`
	VocabSize         int            `json:"vocab_size"`
	MaxPositions      int            `json:"max_position_embeddings"`
	RopeTheta         *float64       `json:"rope_theta"`
	RopeScaling       map[string]any `json:"rope_scaling"`
	RopeParameters    map[string]any `json:"rope_parameters"` // of transformers 5
	PartialRotary     *float64       `json:"partial_rotary_factor"`
	RMSNormEps        *float64       `json:"rms_norm_eps"`
	HiddenAct         string         `json:"hidden_act"`
	HiddenActivation  string         `json:"hidden_activation"` // Gemma's name of hidden_act
	QueryScalar       *float64       `json:"query_pre_attn_scalar"`
	TieWordEmbeddings *bool          `json:"tie_word_embeddings"`
	AttentionBias     bool           `json:"attention_bias"`
	MLPBias           bool           `json:"mlp_bias"`

	SlidingWindow *int `json:"sliding_window"`

	Quantization *Quantization `json:"quantization_config"`

	// Warnings tell what was odd but not wrong.
	Warnings []string `json:"-"`
}

// Quantization is config.json's quantization_config (transformers,
// integrations/bitnet.py).
type Quantization struct {
	Method      string `json:"quant_method"`
	LinearClass string `json:"linear_class"`      // "autobitlinear", "bitlinear" or absent
	Mode        string `json:"quantization_mode"` // "offline" (packed), "online" (masters) or absent
	UseRMSNorm  bool   `json:"use_rms_norm"`

	// Kept lists parts of the paths of matrices that stay as they are.
	Kept []string `json:"modules_to_not_convert"`
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
	if err := exactjson.Unmarshal(data, &c); err != nil {
		return nil, fmt.Errorf("%w: config.json: %w", ErrParams, err)
	}
	if twice, err := repeatedKeys(data); err == nil && len(twice) > 0 {
		c.Warnings = append(c.Warnings, fmt.Sprintf("config.json has the key %q more than once; the last counts", twice[0]))
	}
	if n := c.SlidingWindow; n != nil && c.embedding() && *n < c.MaxPositions {
		c.Warnings = append(c.Warnings, fmt.Sprintf("config.json has sliding_window %d, which is not kept: texts of more tokens may give other vectors than in transformers", *n))
	}
	return &c, nil
}

// repeatedKeys lists the keys of a JSON object that occur again.
func repeatedKeys(data []byte) ([]string, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var twice []string
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, _ := t.(string)
		if seen[key] {
			twice = append(twice, key)
		}
		seen[key] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
	}
	return twice, nil
}

// Ternary reports whether the configuration declares a model trained with
// ternary weights.
func (c *Config) Ternary() bool {
	return c.bitnet() || c.embedding() || c.Quantization != nil && c.Quantization.Method == "bitnet"
}

// embedding reports one of the embedding models: other models of their types
// lack the norms that the table wants.
func (c *Config) embedding() bool {
	name, _ := c.archName()
	return name == "qwen3" || name == "gemma3"
}

func (c *Config) bitnet() bool { return c.is("BitNetForCausalLM") }

// is compares without case: both spellings of BitNet are in use.
func (c *Config) is(name string) bool {
	return len(c.Architectures) == 1 && strings.EqualFold(c.Architectures[0], name)
}

// Params checks the configuration and gives the model's parameters.
func (c *Config) Params() (*Params, error) {
	name, err := c.archName()
	if err != nil {
		return nil, err
	}
	if err := c.refuse(); err != nil {
		return nil, err
	}
	spec, err := Lookup(name)
	if err != nil {
		return nil, err
	}
	act, err := spec.parseActivation(c.activation())
	if err != nil {
		return nil, fmt.Errorf("config.json: hidden_act: %w", err)
	}
	rope, err := c.ropeBase()
	if err != nil {
		return nil, err
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
		RopeBase:    float32(rope),
		Eps:         float32(or(c.RMSNormEps, c.defaultEps())),
		Ternary:     c.Ternary(),
		Tied:        or(c.TieWordEmbeddings, spec.Gemma), // as transformers has it
	}
	p.Activation = act
	p.Int8Activations = p.Ternary
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("config.json: %w", err)
	}
	return p, nil
}

// archName dispatches on architectures first: checkpoints of 1bitLLM have
// model_type "llama". The BitNet graph goes by the name whose default
// activation is the model's, since most loaders know no other.
func (c *Config) archName() (string, error) {
	switch {
	case c.bitnet() && c.activation() == string(SiLU):
		return "bitnet", nil
	case c.bitnet():
		return "bitnet-b1.58", nil
	case c.is("LlamaForCausalLM"):
		return "llama", nil
	case c.ModelType == "qwen3":
		return "qwen3", nil
	case c.ModelType == "gemma3_text":
		return "gemma3", nil
	}
	return "", fmt.Errorf("%w: config.json: architectures %q and model_type %q, known are BitNetForCausalLM, LlamaForCausalLM, and embedding models of type qwen3 and gemma3_text",
		ErrUnsupported, c.Architectures, c.ModelType)
}

// defaultEps is what transformers takes for a configuration of this type.
func (c *Config) defaultEps() float64 {
	if c.ModelType == "bitnet" {
		return 1e-5
	}
	return 1e-6
}

func (c *Config) activation() string {
	if c.HiddenActivation != "" {
		return c.HiddenActivation
	}
	return c.HiddenAct
}

// refuse names what would silently change the computation.
func (c *Config) refuse() error {
	var what string
	switch {
	case c.AttentionBias:
		what = "attention_bias"
	case c.MLPBias:
		what = "mlp_bias"
	case c.QueryScalar != nil && c.HeadDim != nil && *c.QueryScalar != float64(*c.HeadDim):
		what = "query_pre_attn_scalar, which is not head_dim"
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
