package main

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// tensorsPerPart is how many tensors go into a part, as with llama-gguf-split.
const tensorsPerPart = 128

func splitCommand() command {
	return command{
		name: "split", args: "FILE", min: 1, max: 1, report: true,
		about: "split a GGUF file into parts that programs load as one",
		long: fmt.Sprintf("The parts, of %d tensors each, are put beside FILE: NAME-00001-of-0000N.gguf and so\n", tensorsPerPart) +
			"on. FILE stays. Programs open the first part, and with it all.",
		run: runSplit,
	}
}

type splitResult struct {
	Source string     `json:"source"`
	Parts  []partJSON `json:"parts"`
}

type partJSON struct {
	Path    string `json:"path"`
	Size    int64  `json:"size"`
	Tensors int    `json:"tensors"`
}

func runSplit(ctx context.Context, c *call) (result, error) {
	path := c.args[0]
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	parts, err := f.Split(ctx, strings.TrimSuffix(path, ".gguf"), tensorsPerPart, c.progress)
	if err != nil {
		return nil, err
	}
	res := &splitResult{Source: path, Parts: []partJSON{}}
	for _, p := range parts {
		res.Parts = append(res.Parts, partJSON(p))
	}
	return res, nil
}

func (r *splitResult) text(w io.Writer) {
	var rows [][]string
	for _, p := range r.Parts {
		rows = append(rows, []string{printable(p.Path), thousands(int64(p.Tensors)), "tensors", humanBytes(p.Size)})
	}
	table(w, rows, 1, 3)
}
