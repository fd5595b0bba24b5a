package main

import (
	"fmt"
	"io"
	"log/slog"
	"strconv"

	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/urfave/cli/v2"
)

// call is one command being run: what it was asked, and how to talk meanwhile.
type call struct {
	args     []string
	flags    *cli.Context // values of flags by name; nil before urfave/cli has read them
	stdin    io.Reader
	progress progress.Sink
	log      *slog.Logger

	// stdout takes text while it is being made. It is nil when the answer is
	// to come in one piece, with --json and -q.
	stdout io.Writer

	parsed   *parsed
	json     bool
	quiet    bool
	streams  streams
	console  *console
	warnings []string
	report   bool
}

// newCall sets up the streams as the global flags say. It is of use even with
// an error: that can be reported.
func newCall(p *parsed, s streams) (*call, error) {
	c := &call{
		parsed: p, streams: s, stdin: s.in,
		json:  p.flags.bool("json"),
		quiet: p.flags.bool("quiet"),
	}
	form, err := progressForm(p.flags, s.err)
	c.console = newConsole(s.err, form)
	c.progress = c.console.sink()
	c.log = slog.New(slog.DiscardHandler)
	if p.flags.bool("verbose") {
		c.log = slog.New(c.console.logHandler())
	}
	if c.quiet {
		c.progress = progress.Discard
	}
	if !c.json && !c.quiet {
		c.stdout = s.out
	}
	return c, err
}

// bool gives a flag of the command line that urfave/cli has not read yet. What
// is neither true nor false is left for it to refuse.
func (v flagValues) bool(name string) bool {
	b, err := strconv.ParseBool(v[name].text)
	return err == nil && b
}

// warn tells the user what is odd but no reason to stop.
func (c *call) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	c.warnings = append(c.warnings, text)
	if !c.quiet {
		c.console.say("warning", text)
	}
}

// note tells the user on stderr what is going on.
func (c *call) note(format string, args ...any) {
	if !c.quiet {
		c.console.say("", fmt.Sprintf(format, args...))
	}
}
