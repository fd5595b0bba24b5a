package main

import (
	"context"
	"fmt"
	"io"
)

func useCommand() command {
	return command{
		name: "use", args: "NAME@VERSION", min: 1, max: 1, report: true,
		about: "make a version in a store the current one of its name",
		flags: storeFlags(),
		run:   runUse,
	}
}

// changedResult lists versions that a command did something with.
type changedResult struct {
	Changed []string `json:"changed"` // NAME@VERSION

	verb string
}

func (r *changedResult) text(w io.Writer) {
	for _, ref := range r.Changed {
		fmt.Fprintf(w, "%s %s\n", r.verb, ref)
	}
}

func runUse(ctx context.Context, c *call) (result, error) {
	ref, err := refArg(c, c.args[0], true)
	if err != nil {
		return nil, err
	}
	s, at, err := openStore(ctx, c)
	if err != nil {
		return nil, err
	}
	changed, err := s.Use(ctx, ref)
	if err != nil {
		return nil, hintStore(err, at)
	}
	res := &changedResult{Changed: []string{}, verb: "current:"}
	if changed {
		res.Changed = append(res.Changed, ref.String())
	}
	return res, nil
}
