package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/akadata/bitnet-tool/hfhub"
	"github.com/akadata/bitnet-tool/internal/store"
)

// OpenPath finds the files at a path: a file, or all of a folder. A path in a
// snapshot of a Hugging Face cache is opened as that, so that links out of the
// snapshot's folder are good and digests are compared; a folder that was
// pulled to with --local-dir is compared with what it knows of its files.
func OpenPath(name string) (*Intake, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	info, err := os.Lstat(abs)
	if err != nil {
		return nil, err
	}
	if cache, repo, commit, below, ok := hfhub.SplitSnapshot(abs); ok {
		return openBelow(Snapshot{Cache: cache, Repo: repo, Revision: commit}, abs, below)
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		// The user named it, so it may lead anywhere.
		target, err := os.Stat(abs)
		if err != nil {
			return nil, fmt.Errorf("%w: %s is a link to nothing", store.ErrSource, name)
		}
		info = target
	}
	var in *Intake
	if info.IsDir() {
		in, err = openFolder(abs)
	} else {
		in, err = openFile(abs)
	}
	if err != nil {
		return nil, err
	}
	in.Manifest.Source.Kind, in.Manifest.Source.Path = store.FromPath, abs
	in.Manifest.Source.License = in.license()
	return in, nil
}

// openBelow opens a snapshot, or a file or folder in it as all that is wanted.
func openBelow(s Snapshot, abs, below string) (*Intake, error) {
	if below == "" {
		return OpenRepo(s)
	}
	s.Filter.Include = []string{literal(below)}
	if info, err := os.Stat(abs); err == nil && info.IsDir() {
		s.Filter.Include = []string{literal(below) + "/*"}
	}
	return OpenRepo(s)
}

// literal is a pattern that matches one path only.
func literal(p string) string {
	return strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]").Replace(p)
}

func openFolder(dir string) (*Intake, error) {
	in, err := walk(dir, ".", nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	in.Ref.Name = filepath.Base(dir)
	if err := in.fromLocalDir(dir); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", dir, err), in.Close())
	}
	return in, nil
}

// fromLocalDir adds what hfhub keeps about a folder's files, if it does.
func (in *Intake) fromLocalDir(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, ".cache", "huggingface")); err != nil {
		return nil //nolint:nilerr // an ordinary folder
	}
	local, err := hfhub.OpenLocalDir(dir)
	if err != nil {
		return err
	}
	defer local.Close() //nolint:errcheck // a folder that was read
	commit, files, all, err := local.Files()
	if err != nil {
		return err
	}
	fresh := map[string]hfhub.File{}
	for _, f := range files {
		fresh[f.Path] = f
	}
	whole := commit != "" && len(in.Entries) > 0
	for i, e := range in.Entries {
		f, ok := fresh[e.Path]
		if !ok {
			in.warn("%s was not pulled, or changed since, so there is nothing to compare it with", e.Path)
			whole = false
			continue
		}
		in.Entries[i].Hub = store.Identity{SHA256: f.SHA256, GitOID: f.OID}
	}
	if !whole {
		return nil
	}
	in.Manifest.Source.Commit, in.Ref.Version = commit, commit[:12]
	if all != nil {
		in.Manifest.Completeness = store.Complete
	}
	for _, f := range all {
		if _, ok := fresh[f.Path]; !ok {
			in.Manifest.Completeness = store.Filtered
			in.Manifest.Omitted = append(in.Manifest.Omitted, store.Omitted{Path: f.Path, Size: f.Size})
		}
	}
	return nil
}

// openFile opens one file. It is called by the name it was given.
func openFile(name string) (*Intake, error) {
	target, err := filepath.EvalSymlinks(name)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(filepath.Dir(target))
	if err != nil {
		return nil, err
	}
	base := filepath.Base(name)
	e, err := store.NewEntry(root, filepath.Base(target), base)
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &Intake{
		Origin:   store.Origin{Root: root, Entries: []store.Entry{e}},
		Ref:      store.Ref{Name: strings.TrimSuffix(base, filepath.Ext(base))},
		Manifest: &store.Manifest{Completeness: store.Unknown},
	}, nil
}
