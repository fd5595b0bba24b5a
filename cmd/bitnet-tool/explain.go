package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/akadata/bitnet-tool/verify"
)

func explainCommand() command {
	return command{
		name: "explain", args: "[ID]", max: 1,
		about: "tell what a rule of verify, or the id of an error, means",
		long:  "ID is a rule such as content.scale, or the id of an exit code such as bad-artifact.\nWithout it all are listed.",
		run:   runExplain,
	}
}

// explanation is the text behind an id.
type explanation struct {
	ID       string          `json:"id"`
	Kind     string          `json:"kind"` // "rule" or "exit"
	Severity verify.Severity `json:"severity,omitempty"`
	Level    string          `json:"level,omitempty"`
	Code     *exitCode       `json:"code,omitempty"`
	Doc      string          `json:"doc"`
	Why      string          `json:"why,omitempty"`
	Next     string          `json:"next,omitempty"`
}

type explainResult struct {
	Items []explanation `json:"items"`
	list  bool
}

func runExplain(_ context.Context, c *call) (result, error) {
	all := explanations()
	if len(c.args) == 0 {
		return explainResult{all, true}, nil
	}
	for _, e := range all {
		if e.ID == c.args[0] {
			return explainResult{Items: []explanation{e}}, nil
		}
	}
	return nil, failf(exitNotFound, "there is no rule or error %q", c.args[0]).suggest("%s explain lists them", program)
}

// explanations lists rules, then exit codes.
func explanations() []explanation {
	var all []explanation
	for _, r := range verify.Checks() {
		all = append(all, explanation{ID: r.Name, Kind: "rule", Severity: r.Severity, Level: r.Cost.String(), Doc: r.Doc, Why: r.Why, Next: r.Next})
	}
	for _, x := range []struct {
		code exitCode
		doc  string
		next string
	}{
		{exitOK, "Done, and what was written is on the disk.", ""},
		{exitError, "Not one of the other errors; for diff: the files differ.", "The message says what happened."},
		{exitUsage, "A flag, an argument or the configuration is wrong.", "See " + program + " help COMMAND."},
		{exitPartial, "Some of several results failed; the others are good.", "The message names those that failed."},
		{exitBadArtifact, "The file or model is bad.", program + " verify FILE names the rule, " + program + " explain RULE tells about it."},
		{exitNotFound, "A file, a key, a repository or a version does not exist.", "Check the spelling; offline, pull it first."},
		{exitRefused, "It would overwrite something, or needs a flag that says it is meant.", "The hint names the flag."},
		{exitUnsupported, "Sound, but not something this tool knows, or not something that could be checked.", "The message names the type, architecture or level."},
		{exitEnvironment, "No space, no permission, or something is missing on this machine.", "The message names the folder or program."},
		{exitRemote, "The network or the Hub failed.", "Try again; what was fetched is kept."},
		{exitLocked, "Another process holds it.", "Wait for it, or end it."},
		{exitAuth, "The Hub wants a token, or another one.", "Set HF_TOKEN, or accept the model's terms on its page."},
		{exitInterrupted, "Ended by a signal; a second one kills at once.", "Call it again: it goes on where it was."},
	} {
		code := x.code
		all = append(all, explanation{ID: code.id(), Kind: "exit", Code: &code, Doc: x.doc, Next: x.next})
	}
	return all
}

func (r explainResult) text(w io.Writer) {
	if r.list {
		var rows [][]string
		for _, e := range r.Items {
			rows = append(rows, []string{e.ID, e.Doc})
		}
		table(w, rows)
		return
	}
	e := r.Items[0]
	switch e.Kind {
	case "rule":
		fmt.Fprintf(w, "%s: rule of verify, level %s, up to severity %s\n", e.ID, e.Level, e.Severity)
	default:
		fmt.Fprintf(w, "%s: exit code %d\n", e.ID, *e.Code)
	}
	for _, part := range []struct{ title, text string }{{"In a good file", e.Doc}, {"If not", e.Why}, {"What to do", e.Next}} {
		if e.Kind != "rule" && part.title == "In a good file" {
			part.title = "Meaning"
		}
		if part.text != "" {
			fmt.Fprintf(w, "\n%s:\n%s", part.title, wrapped(part.text, 78))
		}
	}
}

// wrapped indents a text and breaks it into lines.
func wrapped(text string, width int) string {
	var b strings.Builder
	line := " "
	for _, word := range strings.Fields(text) {
		if len(line)+1+len(word) > width && line != " " {
			b.WriteString(line + "\n")
			line = " "
		}
		line += " " + word
	}
	return b.String() + line + "\n"
}
