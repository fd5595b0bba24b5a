package main

import (
	"slices"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/token"
	"github.com/akadata/bitnet-tool/verify"
)

// textClasses change the vocabulary and the chat template.
func textClasses() []class {
	return []class{
		{"wrong pre-tokenizer", nil, verify.Tokenizer, func(m *mutant) {
			pre := pick(m, "default", "gpt-2", "qwen2")
			m.Meta.Set("tokenizer.ggml.pre", pre)
			m.say("%s", pre)
		}},
		{"pre-tokenizer missing", nil, verify.Tokenizer, func(m *mutant) { m.Meta.Delete("tokenizer.ggml.pre") }},
		{"vocabulary shifted", nil, verify.Tokenizer, func(m *mutant) {
			by := pick(m, 1, -1, 2, 256)
			m.words(func(old []string, kinds []int32) {
				was, kind := slices.Clone(old), slices.Clone(kinds)
				for i := range old {
					j := (i + by + len(old)) % len(old)
					old[j], kinds[j] = was[i], kind[i]
				}
			})
			m.say("by %d", by)
		}},
		{"vocabulary sorted", nil, verify.Tokenizer, func(m *mutant) {
			m.words(func(old []string, kinds []int32) {
				n := slices.Index(kinds, int32(token.Control))
				slices.Sort(old[:n])
			})
		}},
		{"vocabulary reversed", nil, verify.Tokenizer, func(m *mutant) {
			m.words(func(old []string, kinds []int32) {
				slices.Reverse(old[:slices.Index(kinds, int32(token.Control))])
			})
		}},
		{"merges reversed", nil, verify.Tokenizer, func(m *mutant) {
			v, _, err := gguf.Slice[string](&m.Meta, "tokenizer.ggml.merges")
			if err != nil {
				m.tb.Fatal(err)
			}
			slices.Reverse(v)
			m.Meta.Set("tokenizer.ggml.merges", v)
		}},
		{"merges cut off", nil, verify.Tokenizer, func(m *mutant) {
			v, _, err := gguf.Slice[string](&m.Meta, "tokenizer.ggml.merges")
			if err != nil {
				m.tb.Fatal(err)
			}
			n := m.rand.IntN(len(v) / 2)
			m.Meta.Set("tokenizer.ggml.merges", v[:n])
			m.say("after %d", n)
		}},
		{"token types missing", nil, verify.Tokenizer, func(m *mutant) { m.Meta.Delete("tokenizer.ggml.token_type") }},
		{"special tokens prefixed", nil, verify.Tokenizer, func(m *mutant) {
			m.words(func(old []string, kinds []int32) {
				bos := old[slices.Index(kinds, int32(token.Control))]
				for i, k := range kinds {
					if k == int32(token.Control) && old[i] != bos {
						old[i] = bos + old[i]
					}
				}
			})
		}},
		{"wrong eos", nil, verify.Tokenizer, func(m *mutant) {
			id := uint32(m.rand.IntN(1024))
			m.Meta.Set("tokenizer.ggml.eos_token_id", id)
			m.say("%d", id)
		}},
		{"eos missing", nil, verify.Tokenizer, func(m *mutant) { m.Meta.Delete("tokenizer.ggml.eos_token_id") }},
		{"BOS not added", nil, verify.Tokenizer, func(m *mutant) { m.Meta.Set("tokenizer.ggml.add_bos_token", false) }},
		{"placeholder template", nil, verify.Template, func(m *mutant) {
			m.Meta.Set("tokenizer.chat_template", "Human: {{ messages[0]['content'] }}\n\nBITNETAssistant: ")
		}},
		{"hostile template", nil, verify.Template, func(m *mutant) {
			m.Meta.Set("tokenizer.chat_template", pick(m,
				"{% for a in range(9999999) %}{% for b in range(9999999) %}x{% endfor %}{% endfor %}",
				"{{ ''.__class__.__mro__[1].__subclasses__() }}",
				"{% include '/etc/passwd' %}",
				"{{ messages[0]['content'"))
		}},
	}
}

// words changes the texts and types of tokens.
func (m *mutant) words(do func(texts []string, kinds []int32)) {
	texts, _, err := gguf.Slice[string](&m.Meta, "tokenizer.ggml.tokens")
	if err != nil {
		m.tb.Fatal(err)
	}
	kinds, _, err := gguf.Slice[int32](&m.Meta, "tokenizer.ggml.token_type")
	if err != nil {
		m.tb.Fatal(err)
	}
	do(texts, kinds)
	m.Meta.Set("tokenizer.ggml.tokens", texts)
	m.Meta.Set("tokenizer.ggml.token_type", kinds)
}
