package main

import (
	"context"
	"fmt"
	"io"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/verify"
)

func diffCommand() command {
	return command{
		name: "diff", args: "A B", min: 2, max: 2, report: true,
		about: "compare two GGUF files",
		long: "A and B are files, or NAME[@VERSION] of a store.\n" +
			"The exit code is 0 if they are the same and 1 if they differ.",
		flags: storeFlags(
			boolFlag("kv", "compare metadata and no tensors"),
			boolFlag("trits", "compare the signs of ternary tensors, whatever their types, and nothing else"),
		),
		run: runDiff,
	}
}

type diffResult struct {
	Differences []verify.Difference `json:"differences"`
}

func runDiff(ctx context.Context, c *call) (result, error) {
	var files [2]*gguf.File
	for i, arg := range c.args {
		path, err := c.modelFile(ctx, arg)
		if err != nil {
			return nil, err
		}
		if files[i], err = openModel(path); err != nil {
			return nil, err
		}
		defer files[i].Close()
	}
	a, b := files[0], files[1]
	ds, err := verify.Diff(ctx, a, b, verify.DiffOptions{KV: c.flags.Bool("kv"), Trits: c.flags.Bool("trits")})
	if err != nil {
		return nil, err
	}
	res := diffResult{notNil(ds)}
	if len(ds) == 0 {
		return res, nil
	}
	more := ""
	if len(ds) > 1 {
		more = fmt.Sprintf(" (and %d more)", len(ds)-1)
	}
	return res, &failure{
		code: exitError, rule: "diff", object: ds[0].Name,
		err: fmt.Errorf("%s and %s differ in %s: %s%s", c.args[0], c.args[1], ds[0].Name, ds[0].Detail, more),
	}
}

func (r diffResult) text(w io.Writer) {
	if len(r.Differences) == 0 {
		fmt.Fprintln(w, "no differences")
		return
	}
	rows := make([][]string, len(r.Differences))
	for i, d := range r.Differences {
		rows[i] = []string{string(d.Kind), printable(d.Name), oneLine(d.Detail)}
	}
	table(w, rows)
}
