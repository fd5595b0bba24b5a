package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/akadata/bitnet-tool/gguf"
)

func mergeCommand() command {
	return command{
		name: "merge", args: "FILE…", min: 1, max: 1 << 16, report: true,
		about: "put the parts of a split GGUF file together",
		long: "FILE is the first part, which names the others, or all parts in any order. The\n" +
			"whole is put beside them as NAME.gguf, which must not exist. The parts stay.",
		run: runMerge,
	}
}

type mergeResult struct {
	Parts []string `json:"parts"`
	Path  string   `json:"path"`
	Size  int64    `json:"size"`
}

func runMerge(ctx context.Context, c *call) (result, error) {
	paths, prefix, err := partPaths(c.args)
	if err != nil {
		return nil, err
	}
	f, err := openModel(paths[0])
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if len(f.Files()) != len(paths) {
		return nil, fmt.Errorf("%s: %w", paths[0], gguf.ErrParts)
	}
	m := f.Meta.Clone()
	for _, key := range []string{"split.no", "split.count", "split.tensors.count"} {
		m.Delete(key) // of a set of one part
	}
	out := prefix + ".gguf"
	size, err := f.Copy(ctx, out, m, false, c.progress)
	if err != nil {
		return nil, err
	}
	return &mergeResult{Parts: paths, Path: out, Size: size}, nil
}

// partPaths gives the paths of all parts in order, whether the first or all of
// them were given.
func partPaths(args []string) (paths []string, prefix string, err error) {
	prefix, no, count, ok := gguf.ParsePartName(args[0])
	if !ok {
		return nil, "", usagef("%s is not named as a part of a split file", args[0]).suggest("parts are named NAME-00001-of-0000N.gguf")
	}
	if len(args) == 1 && no != 0 {
		return nil, "", usagef("%s is part %d", args[0], no+1).suggest("give the first part, %s, or all", word(gguf.PartName(prefix, 0, count)))
	}
	if count > len(args) && len(args) > 1 {
		return nil, "", usagef("%d of %d parts are given", len(args), count).suggest("give the first part or all")
	}
	for i := range count {
		paths = append(paths, gguf.PartName(prefix, i, count))
	}
	for _, a := range args[1:] {
		if !slices.Contains(paths, filepath.Clean(a)) {
			return nil, "", usagef("%s is not a part of the set of %s", a, args[0])
		}
	}
	return paths, prefix, nil
}

func (r *mergeResult) text(w io.Writer) {
	fmt.Fprintf(w, "%s: %s from %d parts\n", printable(r.Path), humanBytes(r.Size), len(r.Parts))
}
