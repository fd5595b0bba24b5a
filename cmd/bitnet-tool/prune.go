package main

import (
	"context"

	"github.com/akadata/bitnet-tool/internal/store"
	"github.com/urfave/cli/v2"
)

func pruneCommand() command {
	return command{
		name: "prune", report: true,
		about: "remove old versions from a store, and what interrupted commands left",
		long:  "Keeps the newest versions of each name, and the current one in any case.",
		flags: storeFlags(&cli.IntFlag{Name: "keep-last", Base: 10, Usage: "keep the newest `N` versions of each name"}),
		run:   runPrune,
	}
}

func runPrune(ctx context.Context, c *call) (result, error) {
	keep := c.flags.Int("keep-last")
	if !c.flags.IsSet("keep-last") || keep < 1 {
		return nil, usagef("prune needs --keep-last with a number of 1 or more").suggest("%s prune --keep-last 2", program)
	}
	s, _, err := openStore(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := s.Clean(ctx); err != nil {
		return nil, err
	}
	names := map[string][]store.Info{}
	var order []string
	for info, err := range s.List(ctx) {
		switch {
		case err != nil && info.Ref.Name == "":
			return nil, err
		case err != nil:
			c.warn("%s", printable(err.Error())) // nobody knows how old it is
			continue
		case names[info.Ref.Name] == nil:
			order = append(order, info.Ref.Name)
		}
		names[info.Ref.Name] = append(names[info.Ref.Name], info)
	}
	res := &changedResult{Changed: []string{}, verb: "removed"}
	for _, name := range order {
		versions := names[name] // the oldest first
		for _, v := range versions[:max(0, len(versions)-keep)] {
			if v.Current {
				continue
			}
			if err := s.Remove(ctx, v.Ref); err != nil {
				return res, err
			}
			res.Changed = append(res.Changed, v.Ref.String())
		}
	}
	return res, nil
}
