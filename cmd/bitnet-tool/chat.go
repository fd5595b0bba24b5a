package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/akadata/bitnet-tool/internal/token"
)

// maxLine bounds one message of a chat, in bytes.
const maxLine = 1 << 20

// chat is a conversation: the messages so far, and the tokens that the session
// has seen of them.
type chat struct {
	g        *generator
	messages []token.Message
	seen     []int32
}

func newChat(g *generator, c *call) *chat {
	ch := &chat{g: g}
	if c.flags.IsSet("sys") {
		ch.messages = append(ch.messages, token.Message{Role: "system", Content: c.flags.String("sys")})
	}
	return ch
}

// say puts a message to the model and gives its answer.
func (ch *chat) say(ctx context.Context, text string) (generation, error) {
	ch.messages = append(ch.messages, token.Message{Role: "user", Content: text})
	rendered, err := ch.g.tokenizer.RenderChat(ctx, render, ch.messages, true)
	if err != nil {
		return generation{PromptTokens: []int32{}, Tokens: []int32{}}, err
	}
	ids := ch.g.tokenizer.EncodeChat(rendered)
	// What the session knows of this text already need not be evaluated again,
	// but the last token must be: its logits are wanted.
	same := 0
	for same < min(ch.g.session.Pos(), len(ids)-1) && ids[same] == ch.seen[same] {
		same++
	}
	if err := ch.g.session.Rewind(same); err != nil {
		return generation{}, err
	}
	gen, err := ch.g.generate(ctx, ids)
	ch.seen = append(ids[:len(ids):len(ids)], gen.Tokens...)
	ch.messages = append(ch.messages, token.Message{Role: "assistant", Content: gen.Text})
	return gen, err
}

// answer holds a chat of one message.
func (g *generator) answer(ctx context.Context, c *call, text string) (result, error) {
	gen, err := newChat(g, c).say(ctx, text)
	return g.result(c, gen, []generation{gen}), err
}

// converse holds a chat with whoever writes lines to standard input, until its
// end. On a terminal SIGINT ends an answer, and the program only between two of
// them.
func (g *generator) converse(ctx context.Context, c *call) (result, error) {
	ch := newChat(g, c)
	person := c.typed()
	lines := bufio.NewScanner(interruptible{ctx, c.stdin})
	lines.Buffer(nil, maxLine)
	prompt := func(text string) {
		if person && !c.quiet {
			io.WriteString(c.console, text) //nolint:errcheck // only a prompt
		}
	}
	if person {
		c.note("Ctrl-C stops an answer, Ctrl-D ends, /help lists the commands")
	}
	var turns []generation
	c.log.Debug("waiting for a message")
reading:
	for prompt("> "); lines.Scan(); prompt("> ") {
		line := lines.Text()
		if strings.TrimSpace(line) == "" {
			continue
		}
		text, said := strings.CutPrefix(line, "/")
		switch {
		case strings.HasPrefix(line, "//"):
			line = text
		case said:
			if ch.command(c, line) {
				break reading
			}
			continue
		}
		gen, err := ch.turn(ctx, line, person)
		turns = append(turns, gen)
		if err != nil {
			return g.result(c, gen, turns), err
		}
	}
	prompt("\n")
	err := lines.Err()
	switch {
	case errors.Is(err, bufio.ErrTooLong):
		err = usagef("a message is longer than %s", humanBytes(maxLine))
	case err == nil && turns == nil && !person:
		err = usagef("no message came on standard input").suggest("-p TEXT gives one")
	}
	if turns == nil {
		return nil, err
	}
	return g.result(c, turns[len(turns)-1], turns), err
}

// turn puts a message of a conversation to the model. A person may stop the
// answer and go on.
func (ch *chat) turn(ctx context.Context, text string, person bool) (generation, error) {
	if !person {
		return ch.say(ctx, text)
	}
	answering, done := untilInterrupt(ctx)
	defer done()
	gen, err := ch.say(answering, text)
	if errors.Is(err, context.Canceled) && ctx.Err() == nil {
		err = nil
	}
	return gen, err
}
