package main

import (
	"context"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/akadata/bitnet-tool/internal/store"
	"github.com/urfave/cli/v2"
)

func pathCommand() command {
	return command{
		name: "path", args: "NAME[@VERSION]", min: 1, max: 1,
		about: "print the folder of a version in a store, or a file in it",
		long:  "For other programs: llama-server -m \"$(bitnet-tool path NAME --file '*.gguf')\"",
		flags: storeFlags(&cli.StringFlag{Name: "file", Usage: "print the one file that matches `GLOB`; of a split model, the first part"}),
		run:   runPath,
	}
}

type pathResult struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Path    string `json:"path"`
}

func (r *pathResult) text(w io.Writer) { fmt.Fprintln(w, r.Path) }

func runPath(ctx context.Context, c *call) (result, error) {
	a, err := openVersion(ctx, c, c.args[0])
	if err != nil {
		return nil, err
	}
	defer a.Close() //nolint:errcheck // a folder that was read
	ref := a.Info().Ref
	r := &pathResult{ref.Name, ref.Version, a.Dir()}
	if glob := c.flags.String("file"); c.flags.IsSet("file") {
		if r.Path, err = fileIn(a, glob); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// openVersion opens the version that an argument names.
func openVersion(ctx context.Context, c *call, arg string) (store.Artifact, error) {
	ref, err := refArg(c, arg, false)
	if err != nil {
		return nil, err
	}
	s, at, err := openStore(ctx, c)
	if err != nil {
		return nil, err
	}
	a, err := s.Open(ctx, ref)
	return a, hintStore(err, at)
}

// hintStore says how to see what a store holds.
func hintStore(err error, at storeAt) error {
	if codeOf(err) == exitNotFound {
		return hinted(err, "%s ls %s shows what there is", program, at.flag())
	}
	return err
}

// fileIn finds the one file of a version whose path, or whose name alone,
// matches a pattern. All parts of a split model count as one, its first.
func fileIn(a store.Artifact, glob string) (string, error) {
	if _, err := path.Match(glob, ""); err != nil {
		return "", usagef("the pattern %q is not valid", glob)
	}
	ref := a.Info().Ref
	var found []string
	for _, f := range a.Manifest().Files {
		whole, _ := path.Match(glob, f.Path)
		base, _ := path.Match(glob, path.Base(f.Path))
		if whole || base {
			found = append(found, f.Path)
		}
	}
	switch firsts := firstParts(found); {
	case len(found) == 0:
		return "", failf(exitNotFound, "%s has no file that matches %q", ref, glob).suggest("%s show %s lists its files", program, ref)
	case len(firsts) == 1:
		return filepath.Join(a.Dir(), filepath.FromSlash(firsts[0])), nil
	}
	return "", usagef("%s has %d files that match %q: %s", ref, len(found), glob, strings.Join(found, ", ")).
		suggest("%s path %s --file GLOB, so that one matches", program, ref)
}

// part is how llama.cpp names the parts of a split model (llama_split_path in
// src/llama.cpp).
var part = regexp.MustCompile(`^(.*)-(\d{5})-of-(\d{5})\.gguf$`)

// firstParts leaves out the parts of split models but the first, if that is
// there too.
func firstParts(files []string) []string {
	return slices.DeleteFunc(slices.Clone(files), func(f string) bool {
		m := part.FindStringSubmatch(f)
		return m != nil && m[2] != "00001" && slices.Contains(files, m[1]+"-00001-of-"+m[3]+".gguf")
	})
}
