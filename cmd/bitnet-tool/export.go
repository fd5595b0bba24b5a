package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/akadata/bitnet-tool/internal/bundle"
	"github.com/akadata/bitnet-tool/internal/store"
)

func exportCommand() command {
	return command{
		name: "export", args: "NAME[@VERSION]", min: 1, max: 1,
		about: "write a version in a store as one file that proves itself",
		long: "The file is a tar file, compressed with zstd, with the manifest first; import takes it.\n" +
			"Everything is hashed on the way, and a version that is damaged is not exported.",
		flags: storeFlags(
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write to `FILE`, or to stdout with -", DefaultText: "-"},
			&cli.StringFlag{Name: "max-part", Usage: "write parts FILE.001, FILE.002 …, each smaller than `SIZE`, such as 4G for FAT", DefaultText: "one file"},
		),
		run: runExport,
	}
}

// exportResult is a bundle that was written.
type exportResult struct {
	Name    string       `json:"name"`
	Version string       `json:"version"`
	Digest  store.Digest `json:"digest"`
	Bytes   int64        `json:"bytes"`         // of the version's files
	Files   []string     `json:"files"`         // of the bundle, one or its parts
	Written int64        `json:"bytes_written"` // to them
}

func (r *exportResult) text(w io.Writer) {
	for _, f := range r.Files {
		fmt.Fprintln(w, f)
	}
}

func runExport(ctx context.Context, c *call) (result, error) {
	name := c.flags.String("output")
	limit, err := byteCount("--max-part", c.flags.String("max-part"), "--max-part 4G")
	if err != nil {
		return nil, err
	}
	piped := name == "" || name == "-"
	switch {
	case piped && limit > 0:
		return nil, usagef("--max-part is for files").suggest("name one with -o FILE")
	case limit > 0 && limit < bundle.MinPart:
		return nil, usagef("--max-part cannot be less than %d", bundle.MinPart).suggest("--max-part 4G")
	case piped && c.json:
		return nil, usagef("stdout cannot take both the bundle and the answer of --json").suggest("name a file with -o FILE")
	case piped && term.IsTerminal(int(c.streams.out.Fd())):
		return nil, usagef("a bundle is nothing to look at").suggest("name a file with -o FILE, or pipe it into: %s import -", program)
	}
	a, err := openVersion(ctx, c, c.args[0])
	if err != nil {
		return nil, err
	}
	defer a.Close() //nolint:errcheck // a folder that was read
	info := a.Info()
	r := &exportResult{Name: info.Ref.Name, Version: info.Ref.Version, Digest: info.Digest, Bytes: info.Manifest.Size()}
	switch {
	case piped:
		err = bundle.Write(ctx, c.streams.out, a, c.progress)
	case limit > 0:
		r.Files, r.Written, err = bundle.WriteParts(ctx, name, limit, a, c.progress)
	default:
		r.Files = []string{name}
		r.Written, err = bundle.WriteFile(ctx, name, a, c.progress)
	}
	if err != nil {
		return nil, exportError(ctx, c, info.Ref, err)
	}
	if piped {
		return nil, nil
	}
	return r, nil
}

// exportError tells a version that is damaged from one that was removed
// meanwhile.
func exportError(ctx context.Context, c *call, ref store.Ref, err error) error {
	switch {
	case errors.Is(err, bundle.ErrTooMany):
		return usagef("%w", err).suggest("give a larger --max-part")
	case !errors.Is(err, store.ErrDamaged):
		return err
	}
	if a, oerr := openVersion(ctx, c, ref.String()); oerr == nil {
		a.Close() //nolint:errcheck // a folder that was read
	} else if errors.Is(oerr, store.ErrNotFound) {
		return fmt.Errorf("%s was removed while it was exported: %w", ref, oerr)
	}
	return hinted(err, "%s fsck %s names all that is damaged; with --repair it comes back", program, ref)
}
