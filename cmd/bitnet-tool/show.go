package main

import "context"

func showCommand() command {
	return command{
		name: "show", args: "NAME[@VERSION]", min: 1, max: 1,
		about: "show what a version in a store consists of and where it came from",
		flags: storeFlags(),
		run:   runShow,
	}
}

func runShow(ctx context.Context, c *call) (result, error) {
	a, err := openVersion(ctx, c, c.args[0])
	if err != nil {
		return nil, err
	}
	defer a.Close() //nolint:errcheck // a folder that was read
	r := newStoredResult(a.Info(), false)
	r.full = true
	return r, nil
}
