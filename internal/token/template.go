package token

import (
	"context"
	"errors"
	"fmt"

	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/exec"
)

// Limits of rendering.
const (
	maxTemplate    = 64 << 10 // bytes of source
	maxRendered    = 1 << 20  // bytes of output, and of any text under construction when a loop goes round
	maxRange       = 10_000   // items of one range()
	maxRangeTotal  = 100_000  // items of all range() calls of a rendering
	maxLoopTotal   = 200_000
	maxMacroDepth  = 32
	maxParentheses = 64
)

// RenderTemplate renders a chat template as transformers does: Jinja with
// trim_blocks and lstrip_blocks, raise_exception, strftime_now and the
// generation tag, which is dropped. A template is a program from wherever the
// model comes from. It cannot read files or include other templates, and it is
// stopped at limits on source, output, loops, ranges and macro depth, and when
// ctx is done. But one expression can still ask for much memory or time, and
// nothing in Go can stop that from within. Render templates that are not
// [KnownTemplate] in a process of its own with limits on both.
//
// Errors wrap [ErrTemplate].
func RenderTemplate(ctx context.Context, src string, c Chat) (text string, err error) {
	if len(src) > maxTemplate {
		return "", fmt.Errorf("%w: %d bytes long, at most %d are possible", ErrTemplate, len(src), maxTemplate)
	}
	defer func() {
		if p := recover(); p != nil {
			text, err = "", templateError(fmt.Errorf("the template engine failed: %v", p))
		}
	}()
	cfg := config.New()
	cfg.TrimBlocks, cfg.LeftStripBlocks = true, true
	if err := checkTokens(src, cfg); err != nil {
		return "", templateError(err)
	}
	r := &rendering{ctx: ctx, now: c.Now}
	t, err := exec.NewTemplate(rootName, cfg, rootLoader(src), r.environment())
	if err != nil {
		if inner := errors.Unwrap(err); inner != nil {
			err = inner // without the whole source in front
		}
		return "", templateError(err)
	}
	if err := t.Execute(r, exec.NewContext(c.variables())); err != nil {
		return "", templateError(err)
	}
	return r.out.String(), nil
}

// variables gives what transformers passes to a template. Tools and documents
// are not supported, so a template sees that there are none.
func (c Chat) variables() map[string]any {
	messages := make(sequence, 0, len(c.Messages))
	for _, m := range c.Messages {
		d := exec.NewDict()
		d.Pairs = append(d.Pairs,
			&exec.Pair{Key: exec.AsValue("role"), Value: exec.AsValue(m.Role)},
			&exec.Pair{Key: exec.AsValue("content"), Value: exec.AsValue(m.Content)})
		messages = append(messages, d)
	}
	return map[string]any{
		"messages":              messages,
		"add_generation_prompt": c.AddGenerationPrompt,
		"bos_token":             c.BOS,
		"eos_token":             c.EOS,
		"tools":                 nil,
		"documents":             nil,
	}
}
