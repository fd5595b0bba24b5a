package verify

import (
	"context"
	"errors"
	"strings"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/token"
)

const (
	tokensKey   = "tokenizer.ggml.tokens"
	templateKey = "tokenizer.chat_template"
)

// placeholder is in the chat template of the first GGUF files of
// BitNet-b1.58-2B-4T; models run on without end with it (ikawrakow/ik_llama.cpp
// issue 339).
const placeholder = "BITNETAssistant"

// checkTokenizer reads the vocabulary.
func checkTokenizer(_ context.Context, s *Subject) []Finding {
	if s.file == nil {
		return nil
	}
	v, err := token.FromMeta(&s.file.Meta)
	if err == nil {
		_, err = token.New(v)
	}
	switch {
	case errors.Is(err, token.ErrFormat) || errors.Is(err, gguf.ErrFormat):
		return []Finding{finding(Error, "%v", err)}
	case err != nil:
		s.unable(err)
		return nil
	}
	s.vocab = v
	var fs []Finding
	for _, w := range v.Warnings {
		if !strings.Contains(w, templateKey) { // checkTemplate's business
			fs = append(fs, finding(Warning, "%s", w))
		}
	}
	if s.params != nil && s.params.Vocab != len(v.Tokens) {
		fs = append(fs, finding(Error, "%d tokens, but the embedding has %d rows", len(v.Tokens), s.params.Vocab).about(tokensKey))
	}
	return fs
}

// checkTemplate looks at the chat template without running it.
func checkTemplate(_ context.Context, s *Subject) []Finding {
	if s.file == nil {
		return nil
	}
	switch t, _ := gguf.Get[string](&s.file.Meta, templateKey); {
	case strings.Contains(t, placeholder):
		return []Finding{finding(Warning, "is a placeholder with which answers do not end; take the template of the model's tokenizer_config.json").about(templateKey)}
	case t == "":
		return []Finding{finding(Info, "the file has no chat template").about(templateKey)}
	}
	return nil
}
