package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/akadata/bitnet-tool/hfhub"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/verify"
)

// isRepo tells REPO[@REV] from the path of a file. What exists is a path, and
// so is what no repository could be called.
func isRepo(target string) bool {
	if _, err := os.Lstat(target); err == nil || strings.HasPrefix(target, ".") || strings.HasPrefix(target, "/") {
		return false
	}
	id, _, revision := strings.Cut(target, "@")
	if strings.Count(id, "/") != 1 {
		return false
	}
	_, _, err := hfhub.ParseRepo(hfhub.Model, target)
	return err == nil || revision
}

// verifyRepo hashes a snapshot in the Hugging Face cache, without the network.
func verifyRepo(ctx context.Context, c *call) (result, error) {
	for _, name := range []string{"against", "baseline", "max-seconds", "engine"} {
		if c.flags.IsSet(name) {
			return nil, usagef("--%s is for files, and %s is a repository in the cache", name, c.args[0])
		}
	}
	if l := c.flags.String("level"); l != "" && l != verify.Hash.String() {
		return nil, usagef("a repository in the cache is verified at level hash alone, not %s", l)
	}
	repo, rev, err := repoArg(c, c.args[0])
	if err != nil {
		return nil, err
	}
	s, err := hubSettings(c)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	rep, err := verifyCached(ctx, s.CacheDir, repo, rev, c.progress)
	if errors.Is(err, hfhub.ErrOffline) && !strings.Contains(c.args[0], "@") {
		err = fmt.Errorf("%w, and there is no such file", err)
	}
	again := repo.ID + "@" + rev + cacheFlag(c)
	if errors.Is(err, hfhub.ErrOffline) {
		return nil, hinted(err, "%s pull %s", program, again)
	}
	if err != nil {
		return nil, err
	}
	res := newSnapshotResult(c.args[0], rep)
	res.Levels[0].Seconds = time.Since(start).Seconds()
	return res, res.failure(c.flags.Bool("strict"), again)
}

// verifyCached opens the cache and verifies one snapshot.
func verifyCached(ctx context.Context, dir string, repo hfhub.Repo, rev string, sink progress.Sink) (*hfhub.Report, error) {
	cache, err := hfhub.OpenCache(dir, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s@%s: there is no cache at %s", hfhub.ErrOffline, repo, rev, dir)
	}
	if err != nil {
		return nil, err
	}
	defer cache.Close() //nolint:errcheck // a folder that was read
	return cache.Verify(ctx, repo, rev, sink)
}

// cacheFlag gives the flags that say where a repository is, as they were given,
// for a command to type next.
func cacheFlag(c *call) string {
	text := ""
	for _, name := range []string{"repo-type", "cache-dir"} {
		if v := c.flags.String(name); v != "" {
			text += " --" + name + " " + word(v)
		}
	}
	return text
}

// snapshotResult is a verification's answer for a snapshot. It has one level,
// and its findings name files.
type snapshotResult struct {
	Target  string               `json:"target"`
	Levels  []verify.LevelReport `json:"levels"`
	Verdict verify.Verdict       `json:"verdict"`

	verified int
	commit   string
}

// faults gives what each fault of a file means. A file that was never fetched
// is none; one whose digest nobody knows cannot be checked.
var faults = map[hfhub.Fault]struct {
	severity verify.Severity
	detail   string
}{
	hfhub.Mismatch:     {verify.Error, "is not what the commit lists"},
	hfhub.Dangling:     {verify.Error, "is a link to nothing"},
	hfhub.Missing:      {verify.Warning, "is part of the commit and not in the cache"},
	hfhub.Extra:        {verify.Warning, "is not part of the commit"},
	hfhub.Unverifiable: {verify.Warning, "has no digest to verify it by"},
}

func newSnapshotResult(target string, rep *hfhub.Report) *snapshotResult {
	level := verify.LevelReport{Level: verify.Hash, OK: rep.Damage() == nil, Coverage: 1, Findings: []verify.Finding{}}
	if rep.Total > 0 {
		level.Coverage = float64(rep.Hashed) / float64(rep.Total)
	}
	unverifiable := 0
	for _, f := range rep.Findings {
		what := faults[f.Fault]
		detail := what.detail
		if f.Detail != "" {
			detail += ": " + f.Detail
		}
		level.Findings = append(level.Findings, verify.Finding{
			Rule: "hash." + string(f.Fault), Severity: what.severity, File: f.Path, Detail: detail,
		})
		if f.Fault == hfhub.Unverifiable {
			unverifiable++
		}
	}
	if unverifiable > 0 {
		level.OK, level.Unchecked = false, "nothing says what "+countFiles(unverifiable)+" should be"
	}
	if rep.Unproven {
		level.Findings = append(level.Findings, verify.Finding{
			Rule: "hash.unproven", Severity: verify.Warning,
			Detail: "the cache has no list of the commit's files, so whether all are there is not known",
		})
	}
	r := &snapshotResult{target, []verify.LevelReport{level}, verify.Unknown, rep.Verified, rep.Commit}
	switch {
	case rep.Damage() != nil:
		r.Verdict = verify.File
	case level.OK && rep.Complete:
		r.Verdict = verify.Good
	}
	return r
}

// failure gives the error that the report amounts to, nil for a good snapshot.
// again is the repository as commands take it.
func (r *snapshotResult) failure(strict bool, again string) error {
	level := r.Levels[0]
	var worst *verify.Finding
	bad := 0
	for i, f := range level.Findings {
		if f.Severity != verify.Error && !strict {
			continue
		}
		bad++
		if worst == nil || worst.Severity != verify.Error && f.Severity == verify.Error {
			worst = &level.Findings[i]
		}
	}
	switch {
	case worst != nil:
		more := ""
		if bad > 1 {
			more = fmt.Sprintf(" (and %d more)", bad-1)
		}
		f := failf(exitBadArtifact, "%s: %s%s", r.Target, ofFile(*worst), more)
		f.rule, f.object = worst.Rule, cmp.Or(worst.File, r.Target)
		if worst.Severity != verify.Error {
			return f.suggest("to fetch what is missing: %s pull %s", program, again)
		}
		return f.suggest("to fetch it again: %s cache rm %s && %s pull %s", program, again, program, again)
	case level.Unchecked != "":
		return failf(exitUnsupported, "%s: %s", r.Target, level.Unchecked).
			suggest("%s pull %s fetches the list of files", program, again)
	}
	return nil
}

// ofFile puts a finding about a file of a snapshot into words.
func ofFile(f verify.Finding) string {
	if f.File == "" {
		return f.Detail
	}
	return fmt.Sprintf("%q %s", f.File, f.Detail)
}

func (r *snapshotResult) text(w io.Writer) {
	l := r.Levels[0]
	state := "ok"
	switch {
	case r.Verdict == verify.File:
		state = "BAD"
	case !l.OK:
		state = "not checked"
	}
	fmt.Fprintf(w, "%s, commit %.12s\n", printable(r.Target), r.commit)
	fmt.Fprintf(w, "  %-7s  %-11s  %.1f s, %.0f %% of the bytes, %s right\n",
		l.Level, state, l.Seconds, 100*l.Coverage, countFiles(r.verified))
	for _, f := range l.Findings {
		fmt.Fprintf(w, "    %-7s %s: %s\n", f.Severity, f.Rule, oneLine(ofFile(f)))
	}
	meant := meaning(r.Verdict)
	switch r.Verdict {
	case verify.Good:
		meant = "all files of the commit are there and right"
	case verify.File:
		meant = "files are damaged"
	}
	fmt.Fprintf(w, "verdict: %s, %s\n", r.Verdict, meant)
}
