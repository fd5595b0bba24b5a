package convert

import (
	"errors"
	"fmt"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/token"
)

// Fix is a metadata key that is missing or wrong, and what it must be.
type Fix struct {
	Key string
	Old any // nil if it is missing
	New any
	Why string
}

// FindFixes looks for what published files are known to lack: the name of the
// pre-tokenizer, the token that ends a turn, the activation, and a chat template
// that is more than a placeholder. It fixes only what the file itself decides;
// the rest is in open, a sentence each.
func FindFixes(f *gguf.File) (fixes []Fix, open []string, err error) {
	fixes, open, err = fixVocab(f)
	if err != nil {
		return nil, nil, err
	}
	p, err := arch.FromMeta(&f.Meta)
	switch {
	case errors.Is(err, arch.ErrUnsupported):
		return fixes, append(open, err.Error()), nil
	case err != nil:
		return nil, nil, err
	}
	key := p.Name + ".hidden_activation"
	if _, ok := f.Meta.Value(key); ok || !p.BitNet() {
		return fixes, open, nil
	}
	if p.Activation != arch.ReLU2 {
		return fixes, append(open, fmt.Sprintf("key %s is missing; models of architecture %s have either activation, and config.json says which as hidden_act", key, p.Name)), nil
	}
	return append(fixes, Fix{Key: key, New: string(p.Activation), Why: "programs that find no activation may take SiLU, with fluent but poor text"}), open, nil
}

// fixVocab fixes what the vocabulary decides.
func fixVocab(f *gguf.File) (fixes []Fix, open []string, err error) {
	v, err := token.FromMeta(&f.Meta)
	switch {
	case errors.Is(err, token.ErrUnsupported):
		return nil, []string{err.Error()}, nil
	case err != nil:
		return nil, nil, err
	}
	const (
		keyPre      = "tokenizer.ggml.pre"
		keyEOT      = "tokenizer.ggml.eot_token_id"
		keyTemplate = "tokenizer.chat_template"
	)
	if _, ok := f.Meta.Value(keyPre); !ok && v.Model == "gpt2" { // SentencePiece has none
		if v.Pre == "default" {
			open = append(open, fmt.Sprintf("key %s is missing, and the vocabulary is none that tells it", keyPre))
		} else {
			fixes = append(fixes, Fix{Key: keyPre, New: v.Pre, Why: "programs that find none cut text by other rules"})
		}
	}
	if _, ok := f.Meta.Value(keyEOT); !ok && v.EOT >= 0 && v.EOT != v.EOS {
		fixes = append(fixes, Fix{Key: keyEOT, New: uint32(v.EOT), Why: fmt.Sprintf("%s ends a turn; some programs run on without it", v.Tokens[v.EOT])})
	}
	if s, ok := gguf.Get[string](&f.Meta, keyTemplate); ok && s != v.ChatTemplate {
		fixes = append(fixes, Fix{Key: keyTemplate, Old: s, New: v.ChatTemplate, Why: "it is a placeholder; this is the template the model was trained with"})
	}
	return fixes, open, nil
}
