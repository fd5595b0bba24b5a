package verify

import (
	"context"

	"github.com/akadata/bitnet-tool/internal/arch"
)

// checkMetadata compares the hyper-parameters in effect: a key that is absent
// counts as what programs take for it.
func checkMetadata(ctx context.Context, s *Subject) []Finding {
	if s.params == nil {
		return nil
	}
	have, want := s.params, s.source.Params
	if have.SubNorms != want.SubNorms || have.Interleaved != want.Interleaved {
		return []Finding{finding(Error, "is %q, config.json means %q", have.Name, want.Name).about("general.architecture")}
	}
	var fs []Finding
	for _, p := range []struct {
		key        string
		have, want any
	}{
		{"vocab_size", have.Vocab, want.Vocab},
		{"context_length", have.Context, want.Context},
		{"embedding_length", have.Embedding, want.Embedding},
		{"block_count", have.Blocks, want.Blocks},
		{"feed_forward_length", have.FeedForward, want.FeedForward},
		{"attention.head_count", have.Heads, want.Heads},
		{"attention.head_count_kv", have.KVHeads, want.KVHeads},
		{"attention.key_length", have.HeadDim, want.HeadDim},
		{"attention.layer_norm_rms_epsilon", have.Eps, want.Eps},
		{"rope.freq_base", have.RopeBase, want.RopeBase},
		{"hidden_activation", have.Activation, want.Activation},
	} {
		if p.have == p.want {
			continue
		}
		key := have.Name + "." + p.key
		if _, ok := s.file.Meta.Value(key); ok {
			fs = append(fs, finding(Error, "is %v, config.json means %v", p.have, p.want).about(key))
		} else {
			fs = append(fs, finding(Error, "is not there, which means %v; config.json means %v", p.have, p.want).about(key))
		}
	}
	return append(fs, s.compareActivations(ctx)...)
}

// compareActivations compares whether projections take int8 activations.
func (s *Subject) compareActivations(ctx context.Context) []Finding {
	plan := s.planned(ctx)
	if plan == nil {
		return nil
	}
	_, want := plan.Meta.Value(arch.ActivationKey)
	switch {
	case s.params.Int8Activations && !want:
		return []Finding{finding(Error, "is %s, but the checkpoint is not ternary", arch.Int8Token).about(arch.ActivationKey)}
	case !s.params.Int8Activations && want && !s.ternaryTypes():
		return []Finding{finding(Warning, "is not there: the model was trained with activations rounded to int8, and programs will not round them").about(arch.ActivationKey)}
	}
	return nil
}

// ternaryTypes reports whether most projections have a ternary type, which by
// itself means int8 activations.
func (s *Subject) ternaryTypes() bool {
	for _, v := range s.surveys {
		if v.codec.Type == s.mostly() {
			return v.codec.Ternary()
		}
	}
	return false
}
