package arch

import (
	"fmt"
	"strings"

	"github.com/akadata/bitnet-tool/gguf"
)

// ActivationKey is our own metadata key; with the value [Int8Token] the
// projections of any architecture take int8 activations, one scale a token.
const (
	ActivationKey = "bitnet_tool.activation"
	Int8Token     = "int8_token"
)

// SetMeta writes general.architecture's keys in a fixed order. Names are those
// of gguf-py/gguf/constants.py (llama.cpp c392e509).
func (p *Params) SetMeta(m *gguf.Meta) {
	set := func(key string, v any) { m.Set(p.Name+"."+key, v) }
	set("vocab_size", uint32(p.Vocab))
	set("context_length", uint32(p.Context))
	set("embedding_length", uint32(p.Embedding))
	set("block_count", uint32(p.Blocks))
	set("feed_forward_length", uint32(p.FeedForward))
	set("rope.dimension_count", uint32(p.HeadDim))
	set("rope.freq_base", p.RopeBase)
	set("attention.head_count", uint32(p.Heads))
	set("attention.head_count_kv", uint32(p.KVHeads))
	set("attention.key_length", uint32(p.HeadDim))
	set("attention.value_length", uint32(p.HeadDim))
	set("attention.layer_norm_rms_epsilon", p.Eps)
	set("hidden_activation", string(p.Activation))
	if p.Pooling != 0 {
		set("pooling_type", uint32(p.Pooling))
	}
	if p.Ternary {
		m.Set(ActivationKey, Int8Token)
	}
}

// FromMeta reads the parameters of a GGUF file. Tied is not in the metadata:
// a model is tied if it has no output.weight.
func FromMeta(m *gguf.Meta) (*Params, error) {
	name, ok := gguf.Get[string](m, "general.architecture")
	if !ok {
		return nil, fmt.Errorf("%w: no key general.architecture", ErrParams)
	}
	spec, err := Lookup(name)
	if err != nil {
		return nil, err
	}
	if n, ok := m.Uint("split.count"); ok && n > 1 {
		return nil, fmt.Errorf("%w: one of %d parts of a split model; the first stands for all", ErrUnsupported, n)
	}
	r := metaReader{m: m, arch: name}
	p := &Params{
		Spec:        spec,
		Context:     r.count("context_length"),
		Embedding:   r.count("embedding_length"),
		Blocks:      r.count("block_count"),
		FeedForward: r.count("feed_forward_length"),
		Heads:       r.count("attention.head_count"),
		Eps:         r.float("attention.layer_norm_rms_epsilon"),
	}
	p.KVHeads = r.countOr("attention.head_count_kv", p.Heads)
	p.RopeBase = r.floatOr("rope.freq_base", 10000)
	p.HeadDim = r.countOr("attention.key_length", p.Embedding/max(p.Heads, 1))
	if p.InNorms {
		p.Pooling = Pooling(r.countOr("pooling_type", 0))
	}
	p.Vocab = r.countOr("vocab_size", 0)
	if a, ok := m.Value("tokenizer.ggml.tokens"); ok && p.Vocab == 0 {
		if a, ok := a.(gguf.Array); ok {
			p.Vocab = a.Len
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	for _, key := range []string{"attention.value_length", "rope.dimension_count"} {
		if n := r.countOr(key, p.HeadDim); n != p.HeadDim {
			return nil, fmt.Errorf("%w: key %s.%s is %d, the head width is %d", ErrUnsupported, name, key, n, p.HeadDim)
		}
	}
	// Without a type a factor is linear, under its old name too, and 0 stands for
	// none (llama.cpp c392e509, src/llama-model.cpp, load_hparams).
	if s, _ := gguf.Get[string](m, name+".rope.scaling.type"); s != "none" {
		f := r.floatOr("rope.scaling.factor", r.floatOr("rope.scale_linear", 0))
		if s != "" && s != "linear" || f != 0 && f != 1 {
			return nil, fmt.Errorf("%w: rope scaling %q with factor %v", ErrUnsupported, s, f)
		}
	}
	if n := r.countOr("expert_count", 0); n > 0 {
		return nil, fmt.Errorf("%w: key %s.expert_count: a mixture of %d experts", ErrUnsupported, name, n)
	}
	if err := p.activation(m); err != nil {
		return nil, err
	}
	p.Ternary = spec.Int8Activations
	if s, ok := gguf.Get[string](m, ActivationKey); ok {
		if s != Int8Token {
			return nil, fmt.Errorf("%w: key %s is %q", ErrUnsupported, ActivationKey, s)
		}
		p.Int8Activations, p.Ternary = true, true
	}
	return p, r.err
}

// activation applies the rule: the key if present, else what the architecture
// implies, but files of arch bitnet with the shape of BitNet-b1.58-2B-4T are
// that model, which is relu2 (microsoft/BitNet issue 588).
func (p *Params) activation(m *gguf.Meta) error {
	key := p.Name + ".hidden_activation"
	if v, ok := m.Value(key); ok {
		s, ok := v.(string)
		if !ok {
			return fmt.Errorf("%w: key %s is a %T", ErrParams, key, v)
		}
		a, err := p.parseActivation(s)
		if err != nil {
			return fmt.Errorf("key %s: %w", key, err)
		}
		p.Activation = a
		return nil
	}
	if p.Name == "bitnet" && p.Embedding == 2560 && p.Blocks == 30 && p.Vocab == 128256 {
		p.Activation = ReLU2
		p.Notices = append(p.Notices, "no key "+key+"; the shape is BitNet-b1.58-2B-4T's, so relu2 is used")
	}
	return nil
}

// metaReader collects the first error.
type metaReader struct {
	m    *gguf.Meta
	arch string
	err  error
}

func (r *metaReader) fail(key, want string) {
	if r.err == nil {
		key = r.arch + "." + key
		if v, ok := r.m.Value(key); ok {
			r.err = fmt.Errorf("%w: key %s is %v, want %s", ErrParams, key, short(v), want)
		} else {
			r.err = fmt.Errorf("%w: no key %s", ErrParams, key)
		}
	}
}

func short(v any) string {
	s := fmt.Sprint(v)
	if len(s) > 40 {
		s = strings.ToValidUTF8(s[:40], "") + "…"
	}
	return s
}

func (r *metaReader) count(key string) int {
	n, ok := r.m.Int(r.arch + "." + key)
	if !ok {
		r.fail(key, "a count")
	}
	return n
}

func (r *metaReader) countOr(key string, def int) int {
	if _, ok := r.m.Value(r.arch + "." + key); !ok {
		return def
	}
	return r.count(key)
}

func (r *metaReader) float(key string) float32 {
	f, ok := r.m.Float(r.arch + "." + key)
	if !ok {
		r.fail(key, "a number")
	}
	return float32(f)
}

func (r *metaReader) floatOr(key string, def float32) float32 {
	if _, ok := r.m.Value(r.arch + "." + key); !ok {
		return def
	}
	return r.float(key)
}
