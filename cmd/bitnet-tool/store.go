package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/akadata/bitnet-tool/hfhub"
	"github.com/akadata/bitnet-tool/internal/pipeline"
	"github.com/akadata/bitnet-tool/internal/store"
	"github.com/urfave/cli/v2"
)

func storeCommand() command {
	return command{
		name: "store", args: "REPO[@REV] | PATH", min: 1, max: 1,
		about: "copy a model into a store, whole or not at all, and prove the copy",
		long: "Takes a repository from the Hugging Face cache, or the files at a path, and prints where\n" +
			"they are now: plain files, with a manifest of digests. What the Hub knows is compared.\n" +
			"The new version becomes the current one; if it is there already, nothing is copied.",
		flags: storeFlags(
			&cli.StringFlag{Name: "as", Usage: "call it `NAME[@VERSION]`", DefaultText: "the repository's name, and 12 digits of the commit or digest"},
			&cli.StringFlag{Name: "cache-dir", Usage: "take REPO from the cache in `D`", DefaultText: "as HF_HUB_CACHE and HF_HOME say"},
			&cli.StringFlag{Name: "repo-type", Usage: "`T` is model, dataset or space", DefaultText: "model"},
			boolFlag("offline", "use no network; store never does"),
			boolFlag("dry-run", "show what would be stored"),
		),
		run: runStore,
	}
}

func runStore(ctx context.Context, c *call) (result, error) {
	in, err := openIntake(c)
	if err != nil {
		return nil, err
	}
	defer in.Close() //nolint:errcheck // a folder that was read
	if c.flags.Bool("dry-run") {
		return c.planned(in)
	}
	res, err := c.put(ctx, in)
	if err != nil {
		return nil, err
	}
	return res, nil
}

// openIntake opens what the argument names: a path, or a snapshot in the cache.
func openIntake(c *call) (*pipeline.Intake, error) {
	arg := c.args[0]
	if !isRepo(arg) {
		for _, name := range []string{"cache-dir", "repo-type"} {
			if c.flags.IsSet(name) {
				return nil, usagef("--%s is for repositories, and %s is a path", name, arg)
			}
		}
		in, err := pipeline.OpenPath(arg)
		return in, hintIncomplete(err, "REPO")
	}
	repo, rev, err := repoArg(c, arg)
	if err != nil {
		return nil, err
	}
	s, err := hubSettings(c)
	if err != nil {
		return nil, err
	}
	in, err := pipeline.OpenRepo(pipeline.Snapshot{
		Cache: s.CacheDir, Repo: repo, Revision: rev, Endpoint: endpointOf(s),
	})
	again := fmt.Sprintf("%s@%s%s", repo.ID, rev, cacheFlag(c))
	switch {
	case errors.Is(err, hfhub.ErrOffline) && !strings.Contains(arg, "@"):
		return nil, hinted(fmt.Errorf("%w, and there is no such file", err), "%s pull %s", program, again)
	case errors.Is(err, hfhub.ErrOffline):
		return nil, hinted(err, "%s pull %s", program, again)
	}
	return in, hintIncomplete(err, again)
}

// hintIncomplete says how to get, or to do without, what a snapshot lacks.
func hintIncomplete(err error, repo string) error {
	switch {
	case errors.Is(err, store.ErrIncomplete):
		return hinted(err, "%s pull %s fetches it; with --include or --exclude and --dir or --zfs, pull stores a part", program, repo)
	case errors.Is(err, store.ErrDamaged):
		return hinted(err, "%s cache rm %s, then %s pull %s", program, repo, program, repo)
	}
	return err
}

// endpointOf is the Hub that the settings name.
func endpointOf(s hfhub.Settings) string {
	return cmp.Or(s.Options.Endpoint, hfhub.DefaultEndpoint)
}

// put puts an intake into the store.
func (c *call) put(ctx context.Context, in *pipeline.Intake) (*storedResult, error) {
	ref, err := keptAs(c, in.Ref)
	if err != nil {
		return nil, err
	}
	for _, w := range in.Warnings {
		c.warn("%s", printable(w))
	}
	s, at, err := openStore(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := c.warnOf(ctx, s); err != nil {
		return nil, err
	}
	in.Manifest.Tool = program + "/" + version
	p, err := store.Put(ctx, s, ref, in.Origin, in.Manifest, c.progress)
	if err != nil {
		if src := in.Manifest.Source; src.Repo != "" && errors.Is(err, store.ErrDamaged) {
			return nil, hintIncomplete(err, src.Repo+"@"+src.Ref)
		}
		if errors.Is(err, store.ErrSource) {
			err = fmt.Errorf("%s: %w", c.args[0], err)
		}
		return nil, hintStore(err, at)
	}
	if !p.Changed && !p.Current {
		c.warn("%s was there already and is not the current version; %s use %s makes it so", p.Ref, program, p.Ref)
	}
	return newStoredResult(p.Info, p.Changed), nil
}

// planned is what put would do.
func (c *call) planned(in *pipeline.Intake) (*storePlan, error) {
	ref, err := keptAs(c, in.Ref)
	if err != nil {
		return nil, err
	}
	for _, w := range in.Warnings {
		c.warn("%s", printable(w))
	}
	at, err := c.storePlace()
	return &storePlan{Name: ref.Name, Version: ref.Version, Store: at.String(), Bytes: in.Size(), entries: in.Entries, DryRun: true}, err
}

// keptAs gives the names a version gets: those of --as before those of the
// source.
func keptAs(c *call, ref store.Ref) (store.Ref, error) {
	as := c.flags.String("as")
	if as == "" {
		if err := ref.Check(); err != nil {
			return ref, hinted(err, "--as NAME gives another")
		}
		return ref, nil
	}
	given, err := store.ParseRef(as)
	if err != nil {
		return ref, hinted(err, "--as NAME or --as NAME@VERSION")
	}
	given.Version = cmp.Or(given.Version, ref.Version)
	return given, nil
}

// storePlan is what store would do.
type storePlan struct {
	Name    string `json:"name"`
	Version string `json:"version"` // "" if the content decides it
	Store   string `json:"store"`
	Bytes   int64  `json:"bytes"`
	DryRun  bool   `json:"dry_run"`
	Changed bool   `json:"changed"`

	entries []store.Entry
}

func (r *storePlan) text(w io.Writer) {
	var rows [][]string
	for _, e := range r.entries {
		rows = append(rows, []string{printable(e.Path), thousands(e.Size)})
	}
	table(w, rows, 1)
	fmt.Fprintf(w, "%s, %s, would become %s in %s\n", countFiles(len(r.entries)), humanBytes(r.Bytes),
		store.Ref{Name: r.Name, Version: cmp.Or(r.Version, "(digest)")}, printable(r.Store))
}

// storedResult is one version in a store.
type storedResult struct {
	Name     string          `json:"name"`
	Version  string          `json:"version"`
	Path     string          `json:"path"`
	Changed  bool            `json:"changed"`
	Current  bool            `json:"current"`
	Digest   store.Digest    `json:"digest"`
	Snapshot *string         `json:"snapshot"` // null where there are no snapshots
	Source   store.Source    `json:"source"`
	Bytes    int64           `json:"bytes"`
	Manifest *store.Manifest `json:"manifest"` // without block digests

	full bool // print more than the path
}

func newStoredResult(i store.Info, changed bool) *storedResult {
	r := &storedResult{
		Name: i.Ref.Name, Version: i.Ref.Version, Path: i.Dir, Changed: changed, Current: i.Current,
		Digest: i.Digest, Source: i.Manifest.Source, Bytes: i.Manifest.Size(),
	}
	if i.Snapshot != "" {
		r.Snapshot = &i.Snapshot
	}
	m := *i.Manifest
	m.Files = append([]store.File{}, m.Files...)
	for i := range m.Files {
		m.Files[i].Blocks = nil
	}
	r.Manifest = &m
	return r
}

func (r *storedResult) text(w io.Writer) {
	if !r.full {
		fmt.Fprintln(w, r.Path)
		return
	}
	m := r.Manifest
	rows := [][]string{
		{"version", r.Name + "@" + r.Version + map[bool]string{true: " (current)"}[r.Current]},
		{"path", printable(r.Path)},
		{"digest", string(r.Digest)},
		{"source", printable(sourceText(r.Source))},
		{"stored", m.Time.Format("2006-01-02 15:04:05 UTC") + " by " + printable(m.Tool)},
		{"files", string(m.Completeness) + map[bool]string{true: ", compared with the Hub's digests", false: ", with nothing to compare with"}[m.Verified]},
	}
	if r.Source.License != "" {
		rows = append(rows, []string{"license", printable(r.Source.License)})
	}
	if r.Snapshot != nil {
		rows = append(rows, []string{"snapshot", *r.Snapshot})
	}
	for _, p := range m.Parents {
		rows = append(rows, []string{"made from", string(p)})
	}
	table(w, rows)
	fmt.Fprintln(w)
	rows = nil
	for _, f := range m.Files {
		rows = append(rows, []string{printable(f.Path), thousands(f.Size), f.SHA256.Hex()})
	}
	for _, o := range m.Omitted {
		rows = append(rows, []string{printable(o.Path), thousands(o.Size), "left out"})
	}
	table(w, rows, 1)
}

// sourceText is where a version came from, in a few words.
func sourceText(s store.Source) string {
	switch {
	case s.Repo != "" && s.Kind == store.FromQuantize:
		return fmt.Sprintf("%s of %s@%.12s", s.Kind, s.Repo, s.Commit)
	case s.Repo != "":
		return fmt.Sprintf("%s@%.12s", s.Repo, s.Commit)
	case s.Path != "":
		return strings.TrimSpace(map[bool]string{true: s.Kind + " of"}[s.Kind == store.FromQuantize] + " " + s.Path)
	}
	return "unknown"
}

// isPath reports whether an argument must be a path, by how it begins.
func isPath(arg string) bool {
	return strings.HasPrefix(arg, ".") || strings.HasPrefix(arg, string(os.PathSeparator))
}
