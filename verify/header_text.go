package verify

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/token"
)

const templateKey = "tokenizer.chat_template"

// placeholder is in the chat template of the first GGUF files of
// BitNet-b1.58-2B-4T; models run on without end with it (ikawrakow/ik_llama.cpp
// issue 339).
const placeholder = "BITNETAssistant"

// checkTokenizer reads the vocabulary.
func checkTokenizer(_ context.Context, s *Subject) []Finding {
	if s.file == nil {
		return nil
	}
	v, words, err := token.Load(&s.file.Meta)
	switch {
	case errors.Is(err, token.ErrFormat) || errors.Is(err, gguf.ErrFormat):
		return []Finding{finding(Error, "%v", err)}
	case err != nil:
		s.unable(err)
		return nil
	}
	s.vocab, s.words = v, words
	var fs []Finding
	for _, w := range v.Warnings {
		switch {
		case mentions(w, templateKey, preKey, kindsKey): // other checks' business
		case mentions(w, "padding_token_id", "unknown_token_id"): // -1 of converters for none
			fs = append(fs, finding(Info, "%s", w))
		default:
			fs = append(fs, finding(Warning, "%s", w))
		}
	}
	if s.params != nil && s.params.Vocab != len(v.Tokens) {
		fs = append(fs, finding(Error, "%d tokens, but the embedding has %d rows", len(v.Tokens), s.params.Vocab).about(tokensKey))
	}
	return fs
}

// mentions reports whether a text has one of several parts.
func mentions(text string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(text, p) })
}

// checkTemplate looks at the chat template without running it.
func checkTemplate(_ context.Context, s *Subject) []Finding {
	if s.file == nil {
		return nil
	}
	switch t := s.text(templateKey); {
	case strings.Contains(t, placeholder):
		return []Finding{finding(Warning, "is a placeholder with which answers do not end; take the template of the model's tokenizer_config.json").about(templateKey)}
	case t == "":
		return []Finding{finding(Info, "the file has no chat template").about(templateKey)}
	}
	return nil
}

// hostile matches what no chat template needs and attacks on template engines
// begin with: Python's inner attributes, other files, and text made by the
// million.
var hostile = regexp.MustCompile(`\b__[a-z]+__\b|\{%-?\s*(include|import|extends|from)\b|\|\s*attr\s*\(|\blipsum\b|range\(\s*\d{5,}`)

// checkScript looks for hostile constructs, and renders a short conversation
// within the limits of whoever does it.
func checkScript(ctx context.Context, s *Subject) []Finding {
	if s.file == nil {
		return nil
	}
	t := s.text(templateKey)
	if t == "" || strings.Contains(t, placeholder) {
		return nil
	}
	if m := hostile.FindStringIndex(t); m != nil {
		return []Finding{finding(Error, "has %.40q, which no chat template needs; do not let a program without limits run it", t[m[0]:m[1]]).about(templateKey)}
	}
	render := s.opts.Render
	if token.KnownTemplate(t) {
		render = token.RenderTemplate
	}
	if render == nil {
		return []Finding{finding(Info, "is not one of those known, and was not run").about(templateKey)}
	}
	text, err := render(ctx, t, s.conversation())
	switch {
	case ctx.Err() != nil:
		s.unable(ctx.Err())
		return nil
	case err != nil:
		return []Finding{finding(Warning, "cannot be rendered: %v", err).about(templateKey)}
	case !strings.Contains(text, greeting):
		return []Finding{finding(Warning, "leaves out what the user says").about(templateKey)}
	}
	return nil
}

const greeting = "How deep is the harbour?"

func (s *Subject) conversation() token.Chat {
	c := token.Chat{Messages: []token.Message{{Role: "user", Content: greeting}}, AddGenerationPrompt: true, Now: time.Unix(1.7e9, 0).UTC()}
	if v := s.vocab; v != nil {
		if v.BOS >= 0 {
			c.BOS = v.Tokens[v.BOS]
		}
		if v.EOS >= 0 {
			c.EOS = v.Tokens[v.EOS]
		}
	}
	return c
}
