package main

import "context"

func manCommand() command {
	return command{
		name:  "man",
		about: "print the manual page",
		long:  "To read it: bitnet-tool man | man -l -",
		run: func(context.Context, *call) (result, error) {
			text, err := newApp(commands(), nil).ToManWithSection(1)
			return textResult{text}, err
		},
	}
}
