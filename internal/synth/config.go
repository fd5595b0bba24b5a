package synth

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
)

// texts gives the small files of the checkpoint by name: configuration and
// tokenizer.
func (f *family) texts(s Shape) (map[string][]byte, error) {
	v := newVocabulary(f.tokens, s.Vocab)
	files := bpeFiles
	if f.tokens == sentencePiece {
		files = func(_ tokens, v vocabulary) (map[string][]byte, error) { return pieceFiles(v) }
	}
	out, err := files(f.tokens, v)
	if err != nil {
		return nil, err
	}
	out["config.json"] = f.config(s, v)
	more, err := f.tokenizerConfig(v)
	maps.Copy(out, more)
	if f.inNorms {
		out["1_Pooling/config.json"] = fmt.Appendf(nil, `{"word_embedding_dimension":%d,"pooling_mode_cls_token":false,"pooling_mode_mean_tokens":false,"pooling_mode_lasttoken":true}`+"\n", s.Hidden)
	}
	return out, err
}

// config gives config.json. It is put together as text because some published
// ones have a key twice.
func (f *family) config(s Shape, v vocabulary) []byte {
	var b strings.Builder
	line := func(format string, args ...any) {
		if b.Len() > 0 {
			b.WriteString(",\n")
		}
		fmt.Fprintf(&b, "  "+format, args...)
	}
	line(`"architectures":[%q]`, f.architecture)
	if v.bos >= 0 {
		line(`"bos_token_id":%d`, v.bos)
	}
	line(`"eos_token_id":%d`, v.eos)
	line(`"head_dim":%d`, s.HeadDim)
	line(`"%s":%q`, activationKey(f), f.activation)
	line(`"hidden_size":%d`, s.Hidden)
	line(`"intermediate_size":%d`, s.Intermediate)
	line(`"max_position_embeddings":%d`, s.Context)
	line(`"model_type":%q`, f.modelType)
	line(`"num_attention_heads":%d`, s.Heads)
	line(`"num_hidden_layers":%d`, s.Layers)
	line(`"num_key_value_heads":%d`, s.KVHeads)
	if f.gemma {
		line(`"query_pre_attn_scalar":%d`, s.HeadDim)
	}
	line(`"rms_norm_eps":%s`, f.eps)
	line(`"rope_theta":%.1f`, f.ropeTheta)
	line(`"tie_word_embeddings":%t`, f.tied)
	line(`"torch_dtype":%q`, map[string]string{"BF16": "bfloat16", "F16": "float16"}[f.dtype])
	line(`"vocab_size":%d`, s.Vocab)
	if f.extra != "" {
		line("%s", f.extra)
	}
	return []byte("{\n" + b.String() + "\n}\n")
}

// activationKey gives the name under which a configuration has the activation.
func activationKey(f *family) string {
	if f.gemma {
		return "hidden_activation"
	}
	return "hidden_act"
}

// template writes a message as "Role: text", with a token that ends the turn.
const template = `{%% for message in messages %%}{{ message['role'] | capitalize + ': ' + message['content'] | trim + '%s' }}{%% endfor %%}{%% if add_generation_prompt %%}{{ 'Assistant: ' }}{%% endif %%}`

// tokenizerConfig gives the files that name tokens with a role.
func (f *family) tokenizerConfig(v vocabulary) (map[string][]byte, error) {
	var tokenizer, generation object
	name := func(id int) string {
		switch {
		case id >= v.base:
			return v.special[id-v.base]
		case id == v.bos:
			return "<s>"
		}
		return "</s>"
	}
	if v.bos >= 0 {
		tokenizer = append(tokenizer, member{"bos_token", name(v.bos)})
		generation = append(generation, member{"bos_token_id", v.bos})
	}
	end := v.eos
	if v.eot >= 0 {
		end = v.eot
		generation = append(generation, member{"eos_token_id", []int{v.eos, v.eot}})
	} else {
		generation = append(generation, member{"eos_token_id", v.eos})
	}
	tokenizer = append(tokenizer,
		member{"eos_token", name(v.eos)},
		member{"chat_template", fmt.Sprintf(template, name(end))},
		member{"clean_up_tokenization_spaces", false})
	if f.tokens == sentencePiece {
		tokenizer = append(tokenizer,
			member{"unk_token", "<unk>"},
			member{"add_bos_token", true},
			member{"add_eos_token", false},
			member{"tokenizer_class", "LlamaTokenizer"})
	} else {
		tokenizer = append(tokenizer, member{"tokenizer_class", "PreTrainedTokenizerFast"})
	}
	a, err := json.Marshal(tokenizer)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(generation)
	return map[string][]byte{"tokenizer_config.json": a, "generation_config.json": b}, err
}
