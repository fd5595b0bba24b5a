package main

import "context"

func rmCommand() command {
	return command{
		name: "rm", args: "NAME@VERSION", min: 1, max: 1, report: true,
		about: "remove a version from a store and free its space",
		long:  "The current version stays, unless it is the only one of its name.",
		flags: storeFlags(),
		run:   runRm,
	}
}

func runRm(ctx context.Context, c *call) (result, error) {
	ref, err := refArg(c, c.args[0], true)
	if err != nil {
		return nil, err
	}
	s, at, err := openStore(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := s.Remove(ctx, ref); err != nil {
		return nil, hintStore(err, at)
	}
	return &changedResult{Changed: []string{ref.String()}, verb: "removed"}, nil
}
