package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/akadata/bitnet-tool/internal/pipeline"
	"github.com/akadata/bitnet-tool/internal/store"
	"github.com/urfave/cli/v2"
)

func fsckCommand() command {
	return command{
		name: "fsck", args: "[NAME[@VERSION]]", max: 1, report: true,
		about: "read versions in a store again and name every damaged part",
		long: "Without an argument or with --all, reads all versions; with NAME, its current one.\n" +
			"A part that the disk does not give back counts as damaged.\n" +
			"With --repair damaged files come back whole, or stay as they are.",
		flags: storeFlags(append([]cli.Flag{boolFlag("all", "read every version of every name")}, repairFlags()...)...),
		run:   runFsck,
	}
}

// fsckResult is what the bytes of versions are like.
type fsckResult struct {
	Items []fsckItemJSON `json:"items"`

	repairer *repairer
}

type fsckItemJSON struct {
	Name     string        `json:"name"`
	Version  string        `json:"version"`
	OK       bool          `json:"ok"`
	Bytes    int64         `json:"bytes"`
	Findings []findingJSON `json:"findings"`
	Evidence []string      `json:"evidence"` // lines of the file system's own report
}

// findingJSON is one damaged part of a file.
type findingJSON struct {
	File     string     `json:"file"`
	Offset   int64      `json:"offset"`
	Length   int64      `json:"length"`
	Tensor   string     `json:"tensor"`
	Kind     store.Kind `json:"kind"`
	Repaired bool       `json:"repaired"`
	Detail   string     `json:"detail"`
}

func runFsck(ctx context.Context, c *call) (result, error) {
	if len(c.args) > 0 && c.flags.Bool("all") {
		return nil, usagef("--all and %s contradict each other", c.args[0])
	}
	s, at, err := openStore(ctx, c)
	if err != nil {
		return nil, err
	}
	rep, err := newRepairer(ctx, c, s)
	if err != nil {
		return nil, err
	}
	res := &fsckResult{Items: []fsckItemJSON{}, repairer: rep}
	if len(c.args) > 0 {
		ref, err := refArg(c, c.args[0], false)
		if err != nil {
			return nil, err
		}
		if ref.Version == "" {
			if ref, err = s.Current(ctx, ref.Name); err != nil {
				return nil, hintStore(err, at)
			}
		}
		if err := res.check(ctx, c, s, ref); err != nil {
			return nil, hintStore(err, at)
		}
		return res, res.failure()
	}
	var all []store.Ref
	for info, err := range s.List(ctx) {
		if err != nil && info.Ref.Name == "" {
			return nil, err
		}
		all = append(all, info.Ref)
	}
	if len(all) == 0 {
		c.note("%s holds no models", at)
	}
	// One version that cannot be read keeps nobody from reading the others.
	var unread error
	for _, ref := range all {
		err := res.check(ctx, c, s, ref)
		switch {
		case ctx.Err() != nil:
			return res, err
		case errors.Is(err, store.ErrNotFound): // removed meanwhile
		case err != nil:
			c.warn("%s was not checked: %s", ref, printable(err.Error()))
			unread = cmp.Or(unread, fmt.Errorf("%s: %w", ref, err))
		}
	}
	if err := res.failure(); err != nil {
		return res, err
	}
	return res, unread
}

// check reads one version, and repairs it if that was asked for.
func (r *fsckResult) check(ctx context.Context, c *call, s store.Store, ref store.Ref) error {
	item := fsckItemJSON{Name: ref.Name, Version: ref.Version, Findings: []findingJSON{}, Evidence: []string{}}
	info, found, err := checkVersion(ctx, c, s, ref)
	if err != nil {
		return err
	}
	for _, d := range found {
		item.add(d)
	}
	if e, ok := s.(store.Evidencer); ok { // of what is damaged now
		lines, err := e.Evidence(ctx, ref)
		if err != nil {
			c.warn("%s: %s", ref, printable(err.Error()))
		}
		item.Evidence = append(item.Evidence, lines...)
	}
	if info.Manifest != nil {
		item.Bytes = info.Manifest.Size()
		if err := r.repairer.repair(ctx, info, found, &item); err != nil {
			return err
		}
	}
	item.OK = item.sound()
	r.Items = append(r.Items, item)
	return nil
}

// checkVersion reads one version. A manifest that cannot be read is a finding
// too.
func checkVersion(ctx context.Context, c *call, s store.Store, ref store.Ref) (info store.Info, found []store.Damage, err error) {
	a, err := s.Open(ctx, ref)
	if errors.Is(err, store.ErrDamaged) {
		return info, []store.Damage{{File: store.ManifestPath, Kind: store.Broken, Detail: err.Error()}}, nil
	}
	if err != nil {
		return info, nil, err
	}
	defer a.Close() //nolint:errcheck // a folder that was read
	found, err = store.Check(ctx, a, pipeline.Locator(), c.progress)
	return a.Info(), found, err
}

func (i *fsckItemJSON) add(d store.Damage) {
	i.Findings = append(i.Findings, findingJSON{d.File, d.Offset, d.Length, d.Tensor, d.Kind, false, d.Detail})
}

// sound reports whether nothing is damaged any more.
func (i *fsckItemJSON) sound() bool {
	return !slices.ContainsFunc(i.Findings, func(f findingJSON) bool { return !f.Repaired })
}

// failure gives the error that the report amounts to, nil if all is well.
func (r *fsckResult) failure() error {
	bad, n := "", 0
	var first findingJSON
	for _, i := range r.Items {
		for _, f := range i.Findings {
			if f.Repaired {
				continue
			}
			if n == 0 {
				bad, first = i.Name+"@"+i.Version, f
			}
			n++
		}
	}
	if n == 0 {
		return nil
	}
	more := ""
	if n > 1 {
		more = fmt.Sprintf(" (and %d more)", n-1)
	}
	f := failf(exitBadArtifact, "%s: %s%s", bad, first.text(), more)
	f.rule, f.object = "fsck."+string(first.Kind), first.File
	return f.suggest("%s", repairHint(bad, first, r.repairer != nil))
}

// text describes a finding on one line.
func (f findingJSON) text() string {
	where := ""
	if f.Kind != store.Missing && f.Kind != store.Extra && f.Kind != store.Broken && f.Kind != store.NotPlain {
		where = fmt.Sprintf(", bytes %d to %d", f.Offset, f.Offset+f.Length-1)
	}
	if f.Tensor != "" {
		where += fmt.Sprintf(", tensor %q", f.Tensor)
	}
	return fmt.Sprintf("%q%s: %s", f.File, where, f.Detail)
}

func (r *fsckResult) text(w io.Writer) {
	for _, i := range r.Items {
		state := "ok"
		switch {
		case !i.OK:
			state = "DAMAGED"
		case len(i.Findings) > 0:
			state = "repaired"
		}
		fmt.Fprintf(w, "%s@%s: %s, %s read\n", i.Name, i.Version, state, humanBytes(i.Bytes))
		for _, f := range i.Findings {
			repaired := map[bool]string{true: " (repaired)"}[f.Repaired]
			fmt.Fprintf(w, "  %-10s %s%s\n", f.Kind, oneLine(f.text()), repaired)
		}
		for _, line := range i.Evidence {
			fmt.Fprintf(w, "  | %s\n", printable(strings.TrimRight(line, "\n")))
		}
	}
}
