package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/akadata/bitnet-tool/internal/progress"
	"golang.org/x/term"
)

// The forms of progress.
const (
	formAuto  = "auto"
	formBar   = "bar"
	formPlain = "plain"
	formJSON  = "json"
	formNone  = "none"
)

// progressForm decides how progress is shown: as a bar only to somebody who
// watches a terminal. The error is about the flag's value.
func progressForm(flags flagValues, stderr *os.File) (string, error) {
	v, ok := flags["progress"]
	if !ok {
		v.text = formAuto
	}
	switch v.text {
	case formBar, formPlain, formJSON, formNone:
		return v.text, nil
	case formAuto:
		ci := os.Getenv("CI")
		if term.IsTerminal(int(stderr.Fd())) && os.Getenv("TERM") != "dumb" && (ci == "" || ci == "0" || ci == "false") {
			return formBar, nil
		}
		return formPlain, nil
	}
	return formPlain, usagef("%s cannot be %q", v.from, v.text).suggest("choose from auto, bar, plain, json, none")
}

// console is stderr: progress, messages and logs take turns on it.
type console struct {
	form string

	mu   sync.Mutex
	w    *os.File
	task *barTask // the bar on the last line, nil if there is none
}

func newConsole(w *os.File, form string) *console { return &console{w: w, form: form} }

// Write writes whole lines, above the bar if there is one.
func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.task != nil {
		c.task.hide()
		defer c.task.show()
	}
	return c.w.Write(p)
}

// say writes one message. The kind is error, warning, hint or nothing.
func (c *console) say(kind, text string) {
	if c.form == formJSON {
		c.event(struct {
			Event   string `json:"event"`
			Message string `json:"message"`
		}{orMessage(kind), text})
		return
	}
	if kind != "" {
		// Further lines of a message stand under its first.
		text = kind + ": " + strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", len(kind)+2))
	}
	fmt.Fprintln(c, lines(text))
}

func orMessage(kind string) string {
	if kind == "" {
		return "message"
	}
	return kind
}

// event writes one line of --progress json.
func (c *console) event(v any) {
	if b, err := toJSON(v); err == nil {
		c.Write(append(b, '\n')) //nolint:errcheck // nowhere to report a broken stderr
	}
}

// sink gives where the libraries report to.
func (c *console) sink() progress.Sink {
	switch c.form {
	case formBar:
		return barSink{c}
	case formJSON:
		return eventSink{c}
	case formPlain:
		return lineSink{c, time.Now}
	}
	return progress.Discard
}

// logHandler formats what -v shows.
func (c *console) logHandler() slog.Handler {
	o := &slog.HandlerOptions{Level: slog.LevelDebug}
	if c.form == formJSON {
		return slog.NewJSONHandler(io.Writer(c), o)
	}
	return slog.NewTextHandler(c, o)
}

// end takes the bar away.
func (c *console) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.task != nil {
		c.task.hide()
		c.task = nil
	}
}
