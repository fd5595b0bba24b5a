package main

import (
	"context"
	"io"
	"slices"
)

func helpCommand() command {
	return command{
		name: "help", args: "[COMMAND]", max: 1,
		about: "explain the tool or a command",
		run: func(_ context.Context, c *call) (result, error) {
			name, cmds := "", commands()
			if len(c.args) > 0 {
				name = c.args[0]
			}
			if name != "" && !slices.ContainsFunc(cmds, func(cmd command) bool { return cmd.name == name }) {
				return nil, unknownCommand(name, cmds)
			}
			text, err := helpText(cmds, name)
			return textResult{text}, err
		},
	}
}

// textResult is a page of text.
type textResult struct {
	Text string `json:"text"`
}

func (t textResult) text(w io.Writer) { io.WriteString(w, t.Text) } //nolint:errcheck // the writer keeps its error
