package verify

import (
	"context"
	"fmt"
	"strings"

	"github.com/akadata/bitnet-tool/internal/token"
)

// mostAstray is by how much the tokens that another program chooses may be
// below the best ones, in nats a token. One that computes the same chooses
// otherwise only where the best two are close, and goes on as well from there:
// bitnet.cpp and llama.cpp stay below 0.01, whether or not they round
// activations. With a tenth of the rope base they are at 0.13, with other
// mistakes above 0.3.
const mostAstray = 0.1

// mostBelow keeps one token from deciding alone: its text may have been divided
// into others when the program chose them.
const mostBelow = 5.0

// checkEngine compares the answers of another program with ours. It is asked
// only about files without a fault of their own.
func checkEngine(ctx context.Context, s *Subject) []Finding {
	var all astray
	theirs := map[*answer]string{} // where they differ
	as := s.answers(ctx)
	for i := range as {
		a := &as[i]
		if len(a.greedy) == 0 {
			continue
		}
		text, err := s.opts.Other(ctx, s.path, a.prompt, smokeTokens)
		if err != nil {
			s.unable(fmt.Errorf("the other program: %w", err))
			return nil
		}
		if _, after, ok := strings.Cut(text, a.prompt); ok {
			text = after // it repeats the prompt
		}
		ours, text := a.said(), strings.TrimSpace(text)
		switch {
		case strings.HasPrefix(text, ours):
			all.tokens += len(a.greedy)
		case text == "":
			return []Finding{finding(Error, "after the prompt %q it says nothing, and should say %.60q", a.prompt, ours)}
		default:
			theirs[a] = text
		}
	}
	if len(theirs) == 0 {
		return nil
	}
	e, err := newEngine(s.path, s.opts.runtime())
	if err != nil {
		s.unable(err)
		return nil
	}
	defer e.close()
	for i := range as {
		if text, ok := theirs[&as[i]]; ok {
			if err := all.follow(ctx, e, &as[i], text); err != nil {
				s.unable(err)
				return nil
			}
		}
	}
	return all.findings()
}

// said gives the text of an answer as it can be compared with that of others.
func (a *answer) said() string { return strings.TrimSpace(strings.ToValidUTF8(a.text, "")) }

// astray adds up by how much the tokens of another program are less likely than
// the best ones.
type astray struct {
	sum    float64
	tokens int

	most   float64 // of one token
	word   string
	answer *answer // where that was, and what the other program said there
	theirs string
}

func (v *astray) findings() []Finding {
	if v.answer == nil {
		return nil
	}
	mean := v.sum / float64(v.tokens)
	if mean < mostAstray {
		return []Finding{finding(Info, "after the prompt %q it says %.60q and not %.60q, which is as good: its tokens are %.3f nats below the best",
			v.answer.prompt, v.theirs, v.answer.said(), mean)}
	}
	return []Finding{finding(Error, "after the prompt %q it says %.60q, and should say %.60q; its tokens are %.2f nats below the best, %.40q by %.1f",
		v.answer.prompt, v.theirs, v.answer.said(), mean, v.word, v.most)}
}

// follow evaluates the prompt with another program's answer after it.
func (v *astray) follow(ctx context.Context, e *engine, a *answer, theirs string) error {
	before := e.encode(a.prompt)
	// Programs cut the space off, or do not.
	lead := a.text[:len(a.text)-len(strings.TrimLeft(a.text, " \n"))]
	ids := e.text.Encode(a.prompt+lead+theirs, token.EncodeOptions{AddSpecial: true})
	start := 0
	for start < min(len(before), len(ids)) && before[start] == ids[start] {
		start++
	}
	ids = ids[:min(len(ids), start+smokeTokens, e.model.Params().Context)]
	pos := 0
	return e.read(ctx, ids, nil, func(logits []float32, next int32) {
		if pos++; pos < start {
			return
		}
		_, top := extremes(logits)
		below := min(top-float64(logits[next]), mostBelow)
		v.sum += below
		v.tokens++
		if v.answer == nil || below > v.most {
			v.most, v.word = below, e.text.Decode([]int32{next}, false)
			v.answer, v.theirs = a, theirs
		}
	})
}
