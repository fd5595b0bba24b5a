package main

import (
	"cmp"
	"context"
	"errors"

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
	var old []store.Ref
	for _, name := range order {
		versions := names[name] // the oldest first
		for _, v := range versions[:max(0, len(versions)-keep)] {
			if !v.Current {
				old = append(old, v.Ref)
			}
		}
	}
	return removeAll(ctx, c, s, old)
}

// removeAll removes versions. One that cannot be removed, as it is held or in
// use, keeps nobody from removing the others.
func removeAll(ctx context.Context, c *call, s store.Store, old []store.Ref) (*changedResult, error) {
	res := &changedResult{Changed: []string{}, verb: "removed"}
	var left error
	for _, ref := range old {
		err := s.Remove(ctx, ref)
		switch {
		case err == nil:
			res.Changed = append(res.Changed, ref.String())
		case ctx.Err() != nil:
			return res, err
		case !errors.Is(err, store.ErrNotFound): // else somebody else removed it
			c.warn("%s was not removed: %s", ref, printable(err.Error()))
			left = cmp.Or(left, err)
		}
	}
	return res, left
}
