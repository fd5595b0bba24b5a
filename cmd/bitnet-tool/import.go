package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/akadata/bitnet-tool/internal/bundle"
)

func importCommand() command {
	return command{
		name: "import", args: "FILE [COPY…] | -", min: 1, max: 100,
		about: "put into a store what export wrote, proven byte by byte",
		long: "FILE is a bundle or the first of its parts, - is stdin. Whatever is not as the manifest\n" +
			"in it says is refused, and nothing of it remains. Prints the folder of the version.\n" +
			"Where FILE is cut, lacks a part or cannot be read, another COPY of it goes on.",
		flags: storeFlags(
			&cli.StringFlag{Name: "as", Usage: "call it `NAME[@VERSION]`", DefaultText: "as it was called"},
		),
		run: runImport,
	}
}

func runImport(ctx context.Context, c *call) (result, error) {
	in, err := openBundle(ctx, c)
	if err != nil {
		return nil, cutHint(c, err)
	}
	defer in.Close() //nolint:errcheck // files that were read
	s, at, err := openStore(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := c.warnOf(ctx, s); err != nil {
		return nil, err
	}
	b, err := bundle.NewReader(ctx, in)
	if err != nil {
		return nil, cutHint(c, fmt.Errorf("%s: %w", c.args[0], err))
	}
	defer b.Close() //nolint:errcheck // never fails
	ref, err := keptAs(c, b.Manifest().Ref())
	if err != nil {
		return nil, err
	}
	p, err := bundle.Import(ctx, s, b, ref, c.progress)
	switch {
	case errors.Is(err, bundle.ErrFormat):
		return nil, cutHint(c, fmt.Errorf("%s: %w", c.args[0], err))
	case err != nil:
		return nil, hintStore(err, at)
	}
	if !p.Changed && !p.Current {
		c.warn("%s was there already and is not the current version; %s use %s makes it so", p.Ref, program, p.Ref)
	}
	return newStoredResult(p.Info, p.Changed), nil
}

// openBundle opens what is to be imported.
func openBundle(ctx context.Context, c *call) (io.ReadCloser, error) {
	if !slices.Contains(c.args, "-") {
		return bundle.Open(c.args[0], c.args[1:]...)
	}
	if len(c.args) > 1 {
		return nil, usagef("stdin has no copies").suggest("%s import FILE COPY", program)
	}
	return io.NopCloser(bufio.NewReaderSize(interruptible{ctx, c.stdin}, 64<<10)), nil
}

// cutHint says how to go on with a bundle that is cut.
func cutHint(c *call, err error) error {
	if !errors.Is(err, bundle.ErrCut) || c.args[0] == "-" {
		return err
	}
	return hinted(err, "another copy, of all or of what is missing, goes on: %s import %s COPY", program, strings.Join(c.args, " "))
}
