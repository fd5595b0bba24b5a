package pipeline

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/akadata/bitnet-tool/hfhub"
	"github.com/akadata/bitnet-tool/internal/store"
)

// Intake is a source, opened and described, ready for store.Put. It must be
// closed.
type Intake struct {
	store.Origin
	Ref      store.Ref       // the names it gets unless the user says otherwise
	Manifest *store.Manifest // what is known of it
	Warnings []string        // for people
}

// Close ends the use of the source.
func (in *Intake) Close() error { return in.Root.Close() }

func (in *Intake) warn(format string, args ...any) {
	in.Warnings = append(in.Warnings, fmt.Sprintf(format, args...))
}

// Snapshot is the part of a repository's snapshot that is to be stored.
type Snapshot struct {
	Cache    string // folder of the cache
	Repo     hfhub.Repo
	Revision string // as asked for
	Filter   hfhub.Filter
	Endpoint string // of the Hub, for the manifest; "" if it is not known
}

// OpenRepo finds the files of a snapshot in a cache, without the network,
// whatever way the cache keeps them. A revision that is not there is
// [hfhub.ErrOffline]. A file of the commit that is missing though the filter
// wants it is [store.ErrIncomplete].
func OpenRepo(s Snapshot) (*Intake, error) {
	cache, err := hfhub.OpenCache(s.Cache, false)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s@%s: there is no cache at %s", hfhub.ErrOffline, s.Repo, s.Revision, s.Cache)
	}
	if err != nil {
		return nil, err
	}
	defer cache.Close() //nolint:errcheck // a folder that was read
	commit, ok := cache.Commit(s.Repo, s.Revision)
	if !ok {
		return nil, fmt.Errorf("%w: %s@%s: revision is not known", hfhub.ErrOffline, s.Repo, s.Revision)
	}
	dir := cache.Snapshot(s.Repo, commit)
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("%w: %s@%s: no snapshot of %.12s", hfhub.ErrOffline, s.Repo, s.Revision, commit)
	}
	listed, known, err := cache.Files(s.Repo, commit)
	if err != nil {
		return nil, err
	}
	base, err := filepath.Rel(cache.Dir(), dir)
	if err != nil {
		return nil, err
	}
	in, err := walk(cache.Dir(), filepath.ToSlash(base), s.Filter.Matcher())
	if err != nil {
		return nil, fmt.Errorf("%s@%.12s: %w", s.Repo, commit, err)
	}
	in.Ref = store.Ref{Name: path.Base(s.Repo.ID), Version: commit[:12]}
	in.Manifest.Source = store.Source{
		Kind: store.FromHub, Repo: s.Repo.ID, RepoType: string(s.Repo.Type), Endpoint: s.Endpoint,
		Ref: s.Revision, Commit: commit, License: licenseIn(in.Root, filepath.ToSlash(base)+"/README.md"), // also of what is left out
	}
	if err := in.hold(listed, known, s.Filter.Matcher()); err != nil {
		return nil, errors.Join(fmt.Errorf("%s@%.12s: %w", s.Repo, commit, err), in.Close())
	}
	return in, nil
}

// walk opens a folder as a source, or what of it is wanted.
func walk(dir, below string, wanted func(path string) bool) (*Intake, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	entries, err := store.Walk(root, below, wanted)
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &Intake{
		Origin:   store.Origin{Root: root, Entries: entries},
		Manifest: &store.Manifest{Completeness: store.Unknown},
	}, nil
}

// hold holds the files that are there against a list: gives each its identity,
// leaves out what is not wanted, and finds what is missing. known says that
// the list is all of the commit.
func (in *Intake) hold(listed []hfhub.File, known bool, wanted func(string) bool) error {
	there := map[string]store.Entry{}
	for _, e := range in.Entries {
		there[e.Path] = e
	}
	in.Entries = nil
	for _, f := range listed {
		e, ok := there[f.Path]
		delete(there, f.Path)
		switch {
		case !wanted(f.Path):
			in.Manifest.Omitted = append(in.Manifest.Omitted, store.Omitted{Path: f.Path, Size: f.Size})
			continue
		case !ok:
			return fmt.Errorf("%w: %q is part of the commit and is not in the cache", store.ErrIncomplete, f.Path)
		}
		e.Size, e.Hub = f.Size, store.Identity{SHA256: f.SHA256, GitOID: f.OID}
		in.Entries = append(in.Entries, e)
		if !e.Hub.Known() {
			in.warn("%s: nothing says what its content should be, so it is stored as it is", f.Path)
		}
	}
	for _, p := range sortedPaths(there) {
		if known {
			in.warn("%s is not part of the commit and is left out", p)
		} else if wanted(p) {
			in.Entries = append(in.Entries, there[p])
		}
	}
	slices.SortFunc(in.Entries, func(a, b store.Entry) int { return strings.Compare(a.Path, b.Path) })
	switch {
	case !known:
		in.warn("the cache has no list of the commit's files, so whether all are there is not known")
	case len(in.Manifest.Omitted) > 0:
		in.Manifest.Completeness = store.Filtered
	default:
		in.Manifest.Completeness = store.Complete
	}
	return nil
}

func sortedPaths(m map[string]store.Entry) []string {
	var paths []string
	for p := range m {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	return paths
}

// OpenVersion opens the files of a version in a store.
func OpenVersion(a store.Artifact) (*Intake, error) {
	root, err := os.OpenRoot(a.Dir())
	if err != nil {
		return nil, err
	}
	m := a.Manifest()
	in := &Intake{Origin: store.Origin{Root: root}, Ref: m.Ref(), Manifest: &store.Manifest{Source: m.Source, Completeness: m.Completeness}}
	for _, f := range m.Files {
		in.Entries = append(in.Entries, store.Entry{Path: f.Path, From: f.Path, Size: f.Size, Hub: store.Identity{SHA256: f.SHA256.Hex()}})
	}
	return in, nil
}

// Keep leaves out the files that keep refuses.
func (in *Intake) Keep(keep func(path string) bool) {
	in.Entries = slices.DeleteFunc(in.Entries, func(e store.Entry) bool { return !keep(e.Path) })
}
