package main

import (
	"context"
	"fmt"
	"io"

	"github.com/akadata/bitnet-tool/hfhub"
	"github.com/akadata/bitnet-tool/internal/pipeline"
	"github.com/akadata/bitnet-tool/internal/store"
	"github.com/urfave/cli/v2"
)

func pullCommand() command {
	return command{
		name: "pull", args: "REPO[@REV]", min: 1, max: 1,
		about: "fetch a repository of the Hugging Face Hub into its cache, verified",
		long: "Prints the folder of the files. What was interrupted goes on where it stopped.\n" +
			"With --dir or --zfs they go on into a store, and its folder is printed.\n" +
			"Patterns are those of hf download: * matches / too.",
		flags: storeFlags(
			&cli.StringSliceFlag{Name: "include", Usage: "fetch only files that match `G`; may be repeated"},
			&cli.StringSliceFlag{Name: "exclude", Usage: "leave out files that match `G`; may be repeated"},
			&cli.StringFlag{Name: "cache-dir", Usage: "use the cache in `D`", DefaultText: "as HF_HUB_CACHE and HF_HOME say"},
			&cli.StringFlag{Name: "local-dir", Usage: "write plain files to `D`, not to the cache"},
			&cli.StringFlag{Name: "repo-type", Usage: "`T` is model, dataset or space", DefaultText: "model"},
			&cli.StringFlag{Name: "token-file", Usage: "read the token from `F`", DefaultText: "as HF_TOKEN and HF_TOKEN_PATH say"},
			&cli.IntFlag{Name: "jobs", Base: 10, Usage: "open `N` connections at a time", DefaultText: "8"},
			&cli.StringFlag{Name: "limit-rate", Usage: "take `R` bytes a second at most, such as 20M", DefaultText: "no limit"},
			boolFlag("offline", "use no network, but what the cache has"),
			boolFlag("dry-run", "show what would be fetched"),
			&cli.StringFlag{Name: "as", Usage: "with --dir or --zfs, call it `NAME[@VERSION]`", DefaultText: "the repository's name, and 12 digits of the commit"},
		),
		run: runPull,
	}
}

func runPull(ctx context.Context, c *call) (result, error) {
	repo, rev, err := repoArg(c, c.args[0])
	if err != nil {
		return nil, err
	}
	s, err := hubSettings(c)
	if err != nil {
		return nil, err
	}
	if s.Options.LimitRate, err = byteRate(c.flags.String("limit-rate")); err != nil {
		return nil, err
	}
	if s.Options.Jobs = c.flags.Int("jobs"); c.flags.IsSet("jobs") && (s.Options.Jobs < 1 || s.Options.Jobs > hfhub.MaxJobs) {
		return nil, usagef("--jobs %d: must be 1 to %d", s.Options.Jobs, hfhub.MaxJobs)
	}
	if err := checkStoring(ctx, c); err != nil {
		return nil, err
	}
	target, closeTarget, err := openTarget(c, s)
	if err != nil {
		return nil, err
	}
	defer closeTarget() //nolint:errcheck // a folder that was read
	client, err := hfhub.New(s.Options)
	if err != nil {
		return nil, usagef("%w", err)
	}
	filter := hfhub.Filter{Include: c.flags.StringSlice("include"), Exclude: c.flags.StringSlice("exclude")}
	plan, err := client.Plan(ctx, target, hfhub.Request{Repo: repo, Revision: rev, Filter: filter})
	if err != nil {
		return nil, hubError(err)
	}
	missing := plan.Missing(target)
	if c.flags.Bool("dry-run") {
		return newPullResult(plan, missing, true), nil
	}
	pulled, err := client.Fetch(ctx, target, plan, c.progress)
	if err != nil {
		return nil, hubError(err)
	}
	res := newPullResult(plan, missing, false)
	res.Path, res.SnapshotPath, res.BytesFetched = pulled.Path, pulled.Path, pulled.BytesFetched()
	for i := range res.Files {
		res.Files[i].BytesFetched = pulled.Fetched[res.Files[i].Path]
	}
	if !storing(c) {
		return res, nil
	}
	res.Stored, err = storePulled(ctx, c, pipeline.Snapshot{
		Cache: s.CacheDir, Repo: repo, Revision: plan.Commit, Filter: filter, Endpoint: endpointOf(s),
	}, rev)
	if err == nil {
		res.Path = res.Stored.Path
	}
	return res, err
}

// storing reports whether a pull is to go on into a store. A default store is
// not enough: only who names one here wants a copy in it.
func storing(c *call) bool {
	for _, name := range []string{"store", zfsPlace, dirPlace} {
		if v, ok := c.parsed.flags[name]; ok && v.rank() == 0 {
			return true
		}
	}
	return false
}

// checkStoring refuses flags that do not go together, and a store that cannot
// be, before anything is fetched.
func checkStoring(ctx context.Context, c *call) error {
	switch {
	case c.flags.IsSet("as") && !storing(c):
		return usagef("--as is for pulls into a store").suggest("name one with --dir or --zfs")
	case c.flags.IsSet("local-dir") && storing(c):
		return usagef("--local-dir and a store exclude each other").suggest("a version in a store holds plain files too")
	}
	if _, err := c.storePlace(); err != nil || !storing(c) {
		return err
	}
	if c.flags.IsSet("as") {
		if _, err := keptAs(c, store.Ref{}); err != nil {
			return err
		}
	}
	if c.flags.Bool("dry-run") {
		return nil
	}
	_, _, err := openStore(ctx, c)
	return err
}

// storePulled puts what was pulled into the store. asked is the revision that
// the user named.
func storePulled(ctx context.Context, c *call, s pipeline.Snapshot, asked string) (*storedResult, error) {
	in, err := pipeline.OpenRepo(s)
	if err != nil {
		return nil, err
	}
	defer in.Close() //nolint:errcheck // a folder that was read
	in.Manifest.Source.Ref = asked
	return c.put(ctx, in)
}

// hubError adds what to type next.
func hubError(err error) error {
	if hint := hubHint(err); hint != "" {
		return hinted(err, "%s", hint)
	}
	return err
}

// pullResult is what was pulled, or would be.
type pullResult struct {
	Repo         string         `json:"repo"`
	RepoType     string         `json:"repo_type"`
	Revision     string         `json:"revision"`
	Commit       string         `json:"commit"`
	Path         string         `json:"path"` // "" with --dry-run
	SnapshotPath string         `json:"snapshot_path"`
	Files        []pullFileJSON `json:"files"`
	BytesFetched int64          `json:"bytes_fetched"`
	DryRun       bool           `json:"dry_run"`
	Stored       *storedResult  `json:"stored,omitempty"` // with --dir and --zfs

	toFetch int64
}

// pullFileJSON is one file. BytesFetched is what came over the network for it.
type pullFileJSON struct {
	Path         string `json:"path"`
	Size         int64  `json:"size"`
	Digest       string `json:"digest"`
	Cached       bool   `json:"cached"` // it was there before
	BytesFetched int64  `json:"bytes_fetched"`
}

func newPullResult(p *hfhub.Plan, missing []hfhub.File, dry bool) *pullResult {
	r := &pullResult{
		Repo: p.Repo.ID, RepoType: string(p.Repo.Type), Revision: p.Revision, Commit: p.Commit,
		Files: []pullFileJSON{}, DryRun: dry, toFetch: hfhub.TotalSize(missing),
	}
	lacking := map[string]bool{}
	for _, f := range missing {
		lacking[f.Path] = true
	}
	for _, f := range p.Files {
		row := pullFileJSON{Path: f.Path, Size: f.Size, Cached: !lacking[f.Path]}
		if f.ETag() != "" {
			row.Digest = f.Digest()
		}
		r.Files = append(r.Files, row)
	}
	return r
}

func (r *pullResult) text(w io.Writer) {
	if !r.DryRun {
		fmt.Fprintln(w, r.Path)
		return
	}
	rows := [][]string{}
	for _, f := range r.Files {
		state := "to fetch"
		if f.Cached {
			state = "cached"
		}
		rows = append(rows, []string{printable(f.Path), thousands(f.Size), state})
	}
	table(w, rows, 1)
	fmt.Fprintf(w, "%s of %s, commit %.12s: %s to fetch\n", countFiles(len(r.Files)), r.Repo, r.Commit, humanBytes(r.toFetch))
}

func countFiles(n int) string {
	if n == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", n)
}
