package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// result is what a command found out. As JSON it must be an object; its fields
// are a contract with scripts, described in docs/schema.
type result interface {
	// text writes the result for people.
	text(w io.Writer)
}

// hinter is a result that knows what to type next, "" for nothing.
type hinter interface{ hint() string }

// header is the part of the JSON that every command has.
type header struct {
	Schema   string     `json:"schema"`
	OK       bool       `json:"ok"`
	Exit     exitJSON   `json:"exit"`
	Warnings []string   `json:"warnings"`
	Error    *errorJSON `json:"error,omitempty"`
}

type exitJSON struct {
	Code exitCode `json:"code"`
	ID   string   `json:"id"`
}

type errorJSON struct {
	ID      string `json:"id"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

// finish prints the result and the error, either of which may be nil, and
// gives the exit code.
func (c *call) finish(res result, err error) exitCode {
	c.console.end()
	if werr := c.print(res, err); werr != nil && err == nil {
		err = fmt.Errorf("write the answer: %w", werr)
	}
	c.explain(res, err)
	return codeOf(err)
}

// explain tells on stderr what went wrong and what to type next.
func (c *call) explain(res result, err error) {
	if c.quiet {
		return
	}
	hint := hintOf(err)
	if err != nil {
		c.console.say("error", err.Error())
	} else if h, ok := res.(hinter); ok && !c.json {
		hint = h.hint()
	}
	if hint != "" {
		c.console.say("hint", hint)
	}
}

// print writes to stdout, in the form that was asked for.
func (c *call) print(res result, err error) error {
	w := bufio.NewWriter(c.streams.out)
	switch {
	case c.json:
		b, jerr := c.envelope(res, err)
		if jerr != nil {
			return jerr
		}
		w.Write(b) //nolint:errcheck // Flush reports it
	case c.quiet && err != nil:
		fmt.Fprintf(w, "FAIL %s %s %s\n", ruleOf(err), word(c.object(err)), oneLine(err.Error()))
	case res != nil && (!c.quiet || !c.report):
		res.text(w)
	}
	return w.Flush()
}

// object names what an error is about, for the line of -q.
func (c *call) object(err error) string {
	if o := objectOf(err); o != "" {
		return o
	}
	if len(c.parsed.args) > 0 {
		return c.parsed.args[0]
	}
	return "-"
}

// envelope gives the JSON object of a result: the header, then its own fields.
func (c *call) envelope(res result, err error) ([]byte, error) {
	name := c.parsed.command
	if name == "" {
		name = "error"
	}
	h := header{Schema: program + "/" + name + "/v1", OK: err == nil, Warnings: c.warnings}
	if h.Warnings == nil {
		h.Warnings = []string{}
	}
	h.Exit.Code = codeOf(err)
	h.Exit.ID = h.Exit.Code.id()
	if err != nil {
		h.Error = &errorJSON{h.Exit.ID, err.Error(), hintOf(err)}
	}
	out, jerr := toJSON(h)
	if jerr != nil || res == nil {
		return append(out, '\n'), jerr
	}
	fields, jerr := toJSON(res)
	if jerr != nil {
		return nil, jerr
	}
	if len(fields) > len("{}") {
		out = append(append(out[:len(out)-1], ','), fields[1:]...)
	}
	return append(out, '\n'), nil
}

// toJSON encodes v in one line. Characters that a terminal could take for a
// command are written as escapes: strings come from files of strangers.
func toJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	out := make([]byte, 0, b.Len())
	for _, r := range strings.TrimSuffix(b.String(), "\n") {
		switch {
		case unicode.IsPrint(r):
			out = utf8.AppendRune(out, r)
		case r > 0xffff:
			hi, lo := (r-0x10000)>>10+0xd800, (r-0x10000)&0x3ff+0xdc00
			out = fmt.Appendf(out, `\u%04x\u%04x`, hi, lo)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out, nil
}
