package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/akadata/bitnet-tool/internal/token"
	"github.com/akadata/bitnet-tool/runtime"
)

// Why a generation ended.
const (
	stopEOS         = "eos"
	stopEOT         = "eot" // the end of a turn, or another token that ends a text
	stopLength      = "length"
	stopContext     = "context"
	stopInterrupted = "interrupted"
)

// generator continues prompts in one session.
type generator struct {
	session   *runtime.Session
	sampler   *runtime.Sampler
	tokenizer *token.Tokenizer
	seed      uint64
	max       int
	ignoreEOS bool
	load      time.Duration
	out       io.Writer // takes the text as it comes, if not nil
	terminal  bool      // out is one
}

// generation is one prompt and its continuation.
type generation struct {
	PromptTokens []int32 `json:"prompt_tokens"`
	Tokens       []int32 `json:"tokens"` // with the one that ended the text
	Text         string  `json:"text"`
	StopReason   string  `json:"stop_reason,omitempty"` // absent if it failed

	timings timings
}

// generate continues prompt, of which the session may hold a beginning already.
// With an error the generation holds what came before.
func (g *generator) generate(ctx context.Context, prompt []int32) (generation, error) {
	gen := generation{PromptTokens: prompt, Tokens: []int32{}, StopReason: stopLength}
	stop := runtime.Stop{Max: g.max, EOG: g.tokenizer.IsEOG}
	if g.ignoreEOS {
		stop.EOG = nil
	}
	var text strings.Builder
	show := screen{w: g.out, escape: g.terminal}
	fresh := len(prompt) - g.session.Pos()
	start := time.Now()
	first := start
	var err error
	for id, gerr := range runtime.Generate(ctx, g.session, g.sampler, prompt[g.session.Pos():], stop) {
		if gerr != nil {
			err = gerr
			break
		}
		if len(gen.Tokens) == 0 {
			first = time.Now()
		}
		gen.Tokens = append(gen.Tokens, id)
		if stop.EOG != nil && stop.EOG(id) {
			gen.StopReason = stopEOT
			if id == g.tokenizer.EOS() {
				gen.StopReason = stopEOS
			}
			break
		}
		piece := g.tokenizer.Piece(id, false)
		text.WriteString(piece)
		if err = show.add(piece); err != nil {
			break
		}
	}
	if eerr := show.end(); err == nil {
		err = eerr
	}
	gen.Text = text.String()
	gen.timings = timed(fresh, len(gen.Tokens), start, first, time.Now())
	switch {
	case errors.Is(err, context.Canceled):
		gen.StopReason = stopInterrupted
	case errors.Is(err, runtime.ErrContextFull) && len(gen.Tokens) > 0:
		gen.StopReason, err = stopContext, nil
	case errors.Is(err, runtime.ErrContextFull):
		gen.StopReason = stopContext
		err = usagef("the prompt has %d tokens, the context room for %d", len(prompt), g.session.Context())
	case err != nil:
		gen.StopReason = ""
	}
	return gen, err
}

// timed gives the speed over the tokens of the prompt that were evaluated and
// those generated.
func timed(prompt, tokens int, start, first, end time.Time) timings {
	t := timings{}
	if tokens > 0 {
		t.TTFT = first.Sub(start).Seconds()
		t.PromptTPS = float64(prompt) / t.TTFT
	}
	if tokens > 1 {
		t.DecodeTPS = float64(tokens-1) / end.Sub(first).Seconds()
	}
	return t
}

// screen writes text that comes in pieces of bytes. Characters are held back
// until they are complete; on a terminal, control characters other than line
// breaks and tabs are shown as escapes.
type screen struct {
	w      io.Writer // nil: nowhere
	escape bool
	held   string
}

func (s *screen) add(piece string) error {
	s.held += piece
	n := complete8(s.held)
	text := s.held[:n]
	s.held = s.held[n:]
	return s.write(text)
}

// end writes what is left and a line break.
func (s *screen) end() error { return s.write(s.held + "\n") }

func (s *screen) write(text string) error {
	if s.w == nil || text == "" {
		return nil
	}
	if s.escape {
		parts := strings.Split(text, "\t")
		for i := range parts {
			parts[i] = lines(parts[i])
		}
		text = strings.Join(parts, "\t")
	}
	_, err := io.WriteString(s.w, text)
	return err
}

// complete8 gives the length of s without a beginning of a character at its
// end.
func complete8(s string) int {
	for i := len(s) - 1; i >= 0 && i >= len(s)-utf8.UTFMax; i-- {
		if utf8.RuneStart(s[i]) {
			if !utf8.FullRuneInString(s[i:]) {
				return i
			}
			break
		}
	}
	return len(s)
}
