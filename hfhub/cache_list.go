package hfhub

import (
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Snapshot is one commit of a repository in a cache.
type Snapshot struct {
	Repo   Repo
	Commit string
	Refs   []string // revisions that stand for it, sorted
	Files  int
	Bytes  int64  // of its files; blobs that commits share count for each
	Path   string // its folder
}

// List finds the snapshots in the cache, sorted by repository and commit.
// Folders that are no repository are skipped.
func (c *Cache) List() ([]Snapshot, error) {
	entries, err := fs.ReadDir(c.root.FS(), ".")
	if err != nil {
		return nil, err
	}
	var out []Snapshot
	for _, e := range entries {
		r, ok := repoOfFolder(e.Name())
		if !ok || !e.IsDir() {
			continue
		}
		commits, err := c.commits(r)
		if err != nil {
			return nil, err
		}
		refs, err := c.refs(r)
		if err != nil {
			return nil, err
		}
		for _, commit := range commits {
			s := Snapshot{Repo: r, Commit: commit, Refs: refs[commit], Path: c.Snapshot(r, commit)}
			files, err := c.entries(r, commit)
			if err != nil {
				return nil, err
			}
			for _, f := range files {
				s.Files++
				if info, err := c.root.Stat(snapshotOf(r, commit) + "/" + f); err == nil {
					s.Bytes += info.Size()
				}
			}
			out = append(out, s)
		}
	}
	return out, nil
}

// commits lists the snapshots of a repository.
func (c *Cache) commits(r Repo) ([]string, error) {
	dirs, err := fs.ReadDir(c.root.FS(), r.folder()+"/snapshots")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var out []string
	for _, d := range dirs {
		if IsCommit(d.Name()) && d.IsDir() {
			out = append(out, d.Name())
		}
	}
	return out, err
}

// refs lists the revisions that stand for each commit.
func (c *Cache) refs(r Repo) (map[string][]string, error) {
	out := map[string][]string{}
	names, err := c.walk(r.folder() + "/refs")
	for _, rev := range names {
		if commit, ok := c.Commit(r, rev); ok && !IsCommit(rev) {
			out[commit] = append(out[commit], rev)
		}
	}
	return out, err
}

// entries lists the paths in a snapshot, whatever they are.
func (c *Cache) entries(r Repo, commit string) ([]string, error) {
	return c.walk(snapshotOf(r, commit))
}

// walk lists all that is no folder below dir, relative to it and sorted.
func (c *Cache) walk(dir string) ([]string, error) {
	var out []string
	err := fs.WalkDir(c.root.FS(), dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.IsDir() {
			out = append(out, strings.TrimPrefix(p, dir+"/"))
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	slices.Sort(out)
	return out, err
}

// etagOf gives the digest that a snapshot entry's link names, "" if it is a
// plain file.
func (c *Cache) etagOf(r Repo, commit, file string) string {
	link, err := c.root.Readlink(snapshotOf(r, commit) + "/" + file)
	if err != nil {
		return ""
	}
	return path.Base(filepath.ToSlash(link))
}

// listed gives what a snapshot holds, for snapshots without a list of files.
// Files whose digest their link does not tell have none.
func (c *Cache) listed(r Repo, commit string) ([]File, error) {
	paths, err := c.entries(r, commit)
	if err != nil {
		return nil, err
	}
	var files []File
	for _, p := range paths {
		info, err := c.root.Stat(snapshotOf(r, commit) + "/" + p)
		if err != nil {
			continue // dangling: not there
		}
		f := File{Path: p, Size: info.Size()}
		switch etag := c.etagOf(r, commit, p); {
		case sha256Hex.MatchString(etag):
			f.SHA256 = etag
		case sha1Hex.MatchString(etag):
			f.OID = etag
		}
		files = append(files, f)
	}
	return files, nil
}
