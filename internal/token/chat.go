package token

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Message is one turn of a conversation.
type Message struct {
	Role    string `json:"role"` // "system", "user" or "assistant"
	Content string `json:"content"`
}

// Chat is what a chat template works on. It goes through JSON unchanged, so
// that another process can do the rendering.
type Chat struct {
	Messages            []Message `json:"messages"`
	AddGenerationPrompt bool      `json:"add_generation_prompt"` // open the assistant's turn
	BOS                 string    `json:"bos_token"`
	EOS                 string    `json:"eos_token"`
	Now                 time.Time `json:"now"` // for templates that write the date
}

// Renderer renders a chat template. [RenderTemplate] is the one of this
// package; see there why programs should start another process for templates
// that are not known.
type Renderer func(ctx context.Context, template string, c Chat) (string, error)

// RenderChat gives the text of a conversation as the model was trained on it.
// It ends where the assistant's answer begins if addGenerationPrompt is true.
// A nil render is [RenderTemplate], for known templates only. Errors wrap
// [ErrTemplate].
func (t *Tokenizer) RenderChat(ctx context.Context, render Renderer, messages []Message, addGenerationPrompt bool) (string, error) {
	src := t.vocab.ChatTemplate
	switch {
	case src == "":
		return "", fmt.Errorf("%w: the model has none; give the prompt as plain text", ErrTemplate)
	case render == nil && !KnownTemplate(src):
		return "", fmt.Errorf("%w: it is not one of those known to be safe to run", ErrTemplate)
	case render == nil:
		render = RenderTemplate
	}
	return render(ctx, src, Chat{
		Messages:            messages,
		AddGenerationPrompt: addGenerationPrompt,
		BOS:                 t.vocab.text(t.vocab.BOS),
		EOS:                 t.vocab.text(t.vocab.EOS),
		Now:                 time.Now(),
	})
}

// EncodeChat gives the tokens of a rendered conversation: special tokens in it
// are recognised, those that a message brings too, as with transformers. There
// is one BOS in front if the vocabulary adds one, whether or not the template
// has written it already.
func (t *Tokenizer) EncodeChat(rendered string) []int32 {
	ids := t.Encode(rendered, EncodeOptions{ParseSpecial: true})
	if bos := t.vocab.BOS; t.vocab.AddBOS && (len(ids) == 0 || ids[0] != bos) {
		ids = slices.Insert(ids, 0, bos)
	}
	return ids
}

// The chat template of microsoft/bitnet-b1.58-2B-4T, and a mark of the wrong
// one in the model's first GGUF files, which bitnet.cpp replaces as well.
const (
	bitnet2B4TTemplate = `{% for message in messages %}{{ message['role'] | capitalize + ': ' + message['content'] | trim + '<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}{{ 'Assistant: ' }}{% endif %}`
	placeholderMark    = "BITNETAssistant"
)

// Templates whose behaviour is known, by SHA-256.
var knownTemplates = []string{
	"778e8390d846dbbef945c990d40664b2e46677edd0035fe35c1da51fe47bc900", // microsoft/bitnet-b1.58-2B-4T
	"ba03a121d097859c7b5b9cd03af99aafe95275210d2876f642ad9929a150f122", // meta-llama/Meta-Llama-3-8B-Instruct
	"b48c47f6443892716176eb200bf4ef108f64e06ca26ed0fa8ebc0a4b3992fcb2", // the same as first published, which always opens an answer
}

// KnownTemplate tells whether a chat template is one of a few that were looked
// at, so that it can be rendered in this process.
func KnownTemplate(src string) bool {
	sum := sha256.Sum256([]byte(src))
	return slices.Contains(knownTemplates, hex.EncodeToString(sum[:]))
}

// templateError wraps an error of a template's run, on one line and without the
// middle: it may quote all of the template, and the cause is at the end.
func templateError(err error) error {
	const head, tail = 100, 300
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > head+tail {
		text = strings.ToValidUTF8(text[:head], "") + " … " + strings.ToValidUTF8(text[len(text)-tail:], "")
	}
	return fmt.Errorf("%w: %s", ErrTemplate, text)
}
