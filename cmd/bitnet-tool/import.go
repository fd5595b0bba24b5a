package main

import (
	"bufio"
	"context"
	"errors"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/akadata/bitnet-tool/internal/bundle"
)

func importCommand() command {
	return command{
		name: "import", args: "FILE | -", min: 1, max: 1,
		about: "put into a store what export wrote, proven byte by byte",
		long: "FILE is a bundle or the first of its parts, - is stdin. Whatever is not as the manifest\n" +
			"in it says is refused, and nothing of it remains. Prints the folder of the version.",
		flags: storeFlags(
			&cli.StringFlag{Name: "as", Usage: "call it `NAME[@VERSION]`", DefaultText: "as it was called"},
		),
		run: runImport,
	}
}

func runImport(ctx context.Context, c *call) (result, error) {
	var in io.Reader
	if c.args[0] == "-" {
		in = bufio.NewReaderSize(interruptible{ctx, c.stdin}, 64<<10)
	} else {
		f, err := bundle.Open(c.args[0])
		if err != nil {
			return nil, err
		}
		defer f.Close() //nolint:errcheck // files that were read
		in = f
	}
	s, at, err := openStore(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := c.warnOf(ctx, s); err != nil {
		return nil, err
	}
	b, err := bundle.NewReader(ctx, in)
	if err != nil {
		return nil, err
	}
	defer b.Close() //nolint:errcheck // never fails
	ref, err := keptAs(c, b.Manifest().Ref())
	if err != nil {
		return nil, err
	}
	p, err := bundle.Import(ctx, s, b, ref, c.progress)
	switch {
	case errors.Is(err, bundle.ErrFormat):
		return nil, err
	case err != nil:
		return nil, hintStore(err, at)
	}
	if !p.Changed && !p.Current {
		c.warn("%s was there already and is not the current version; %s use %s makes it so", p.Ref, program, p.Ref)
	}
	return newStoredResult(p.Info, p.Changed), nil
}
