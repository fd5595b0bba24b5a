package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/akadata/bitnet-tool/hfhub"
	"github.com/urfave/cli/v2"
)

func cacheCommand() command {
	return command{
		name: "cache", args: "ls | rm REPO@REV | prune", min: 1, max: 2,
		about: "look into the Hugging Face cache, and tidy it",
		long: "ls lists the snapshots. rm removes one, with the blobs that no other snapshot has.\n" +
			"prune removes what interrupted pulls of this tool left more than a day ago.",
		flags: []cli.Flag{
			&cli.StringFlag{Name: "cache-dir", Usage: "use the cache in `D`", DefaultText: "as HF_HUB_CACHE and HF_HOME say"},
			&cli.StringFlag{Name: "repo-type", Usage: "`T` is model, dataset or space", DefaultText: "model"},
		},
		run: runCache,
	}
}

func runCache(_ context.Context, c *call) (result, error) {
	verb, args := c.args[0], c.args[1:]
	want := map[string]int{"ls": 0, "rm": 1, "prune": 0}
	if n, ok := want[verb]; !ok || n != len(args) {
		return nil, usagef("cache cannot %q", strings.Join(c.args, " ")).suggest("%s cache ls | rm REPO@REV | prune", program)
	}
	s, err := hubSettings(c)
	if err != nil {
		return nil, err
	}
	cache, err := hfhub.OpenCache(s.CacheDir, false)
	if errors.Is(err, fs.ErrNotExist) && verb != "rm" {
		c.note("there is no cache at %s; %s pull makes one", s.CacheDir, program)
		return &cacheResult{Items: []cacheItemJSON{}, Changed: []string{}}, nil
	}
	if err != nil {
		return nil, err
	}
	defer cache.Close() //nolint:errcheck // a folder that was read
	switch verb {
	case "rm":
		return cacheRemove(c, cache, args[0])
	case "prune":
		removed, err := cache.Prune(time.Now())
		return newRemoval(removed), err
	}
	return cacheList(cache)
}

func cacheRemove(c *call, cache *hfhub.Cache, arg string) (result, error) {
	repo, rev, err := repoArg(c, arg)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(arg, "@") {
		return nil, usagef("cache rm needs a revision").suggest("%s cache rm %s@%s", program, repo, rev)
	}
	removed, err := cache.Remove(repo, rev)
	return newRemoval(removed), err
}

func cacheList(cache *hfhub.Cache) (result, error) {
	list, err := cache.List()
	if err != nil {
		return nil, err
	}
	res := &cacheResult{Items: []cacheItemJSON{}, Changed: []string{}}
	for _, s := range list {
		item := cacheItemJSON{string(s.Repo.Type), s.Repo.ID, s.Commit, s.Refs, s.Files, s.Bytes, s.Path}
		if item.Refs == nil {
			item.Refs = []string{}
		}
		res.Items = append(res.Items, item)
	}
	return res, nil
}

// cacheResult is what is there, or what was removed.
type cacheResult struct {
	Items      []cacheItemJSON `json:"items"`
	Changed    []string        `json:"changed"` // removed, relative to the cache
	BytesFreed int64           `json:"bytes_freed"`

	removal bool
}

type cacheItemJSON struct {
	RepoType string   `json:"repo_type"`
	Repo     string   `json:"repo"`
	Commit   string   `json:"commit"`
	Refs     []string `json:"refs"`
	Files    int      `json:"files"`
	Bytes    int64    `json:"bytes"`
	Path     string   `json:"path"`
}

func newRemoval(r *hfhub.Removed) result {
	if r == nil {
		return nil
	}
	return &cacheResult{Items: []cacheItemJSON{}, Changed: append([]string{}, r.Paths...), BytesFreed: r.Bytes, removal: true}
}

func (r *cacheResult) text(w io.Writer) {
	if r.removal {
		for _, p := range r.Changed {
			fmt.Fprintf(w, "removed %s\n", printable(p))
		}
		fmt.Fprintf(w, "%s freed\n", humanBytes(r.BytesFreed))
		return
	}
	var rows [][]string
	for _, i := range r.Items {
		rows = append(rows, []string{
			i.Repo, fmt.Sprintf("%.12s", i.Commit), printable(strings.Join(i.Refs, " ")), fmt.Sprint(i.Files), humanBytes(i.Bytes),
		})
	}
	table(w, rows, 3, 4)
}
