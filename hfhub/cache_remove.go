package hfhub

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// Removed is what a removal took away.
type Removed struct {
	Commit string
	Paths  []string // slash-separated, relative to the cache, as they were removed
	Bytes  int64    // of blobs
	Kept   []string // what another snapshot has, another process uses, or cannot be locked
}

// Remove takes a snapshot away: its links, the revisions that stand for it,
// and blobs that no other snapshot of the repository links to. If a blob is in
// the store that repositories share, nothing is removed ([ErrShared]): who
// else needs it cannot be told from here.
func (c *Cache) Remove(r Repo, rev string) (*Removed, error) {
	commit, ok := c.Commit(r, rev)
	if !ok {
		return nil, fmt.Errorf("%w: %s@%s", ErrOffline, r, rev)
	}
	if _, err := c.root.Lstat(snapshotOf(r, commit)); err != nil {
		return nil, fmt.Errorf("%w: %s@%s: no snapshot of %.12s", ErrOffline, r, rev, commit)
	}
	blobs, err := c.linked(r, commit)
	if err != nil {
		return nil, err
	}
	for _, etag := range blobs {
		if _, err := c.root.Readlink(blobOf(r, etag)); err == nil {
			return nil, fmt.Errorf("%w: %s", ErrShared, blobOf(r, etag))
		}
	}
	refs, err := c.refs(r)
	if err != nil {
		return nil, err
	}
	out := &Removed{Commit: commit}
	for _, ref := range refs[commit] {
		if err := out.take(c, refOf(r, ref)); err != nil {
			return out, err
		}
		c.removeEmpty(path.Dir(refOf(r, ref)), r.folder())
	}
	for _, name := range []string{snapshotOf(r, commit), treeOf(r, commit), r.folder() + "/.no_exist/" + commit} {
		if err := out.take(c, name); err != nil {
			return out, err
		}
	}
	for _, etag := range blobs {
		if err := c.removeBlob(r, etag, out); err != nil {
			return out, err
		}
	}
	return out, c.removeHusk(r)
}

// linked lists the blobs that a snapshot links to, each once.
func (c *Cache) linked(r Repo, commit string) ([]string, error) {
	files, err := c.entries(r, commit)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, f := range files {
		if etag := c.etagOf(r, commit, f); sha1Hex.MatchString(etag) || sha256Hex.MatchString(etag) {
			out = append(out, etag)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// removeBlob removes a blob that nobody uses, under its lock. Whoever holds
// the lock is about to link to it.
func (c *Cache) removeBlob(r Repo, etag string, out *Removed) error {
	name := blobOf(r, etag)
	info, err := c.root.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	at := cachePlace(c.root, r, etag)
	l, free, err := tryLock(c.root, at.lock, lockMode)
	if err != nil {
		return err
	}
	if !free {
		out.Kept = append(out.Kept, name)
		return nil
	}
	defer l.free()
	commits, err := c.commits(r)
	if err != nil {
		return err
	}
	for _, commit := range commits {
		others, err := c.linked(r, commit)
		if err != nil {
			return err
		}
		if slices.Contains(others, etag) {
			out.Kept = append(out.Kept, name)
			return nil
		}
	}
	out.Bytes += info.Size()
	return out.take(c, name)
}

// take removes a file or folder and notes it.
func (o *Removed) take(c *Cache, name string) error {
	if _, err := c.root.Lstat(name); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := c.root.RemoveAll(name); err != nil {
		return err
	}
	o.Paths = append(o.Paths, name)
	return nil
}

// removeEmpty removes folders that have become empty, up to but without stop.
func (c *Cache) removeEmpty(dir, stop string) {
	for dir != stop && c.root.Remove(dir) == nil {
		dir = path.Dir(dir)
	}
}

// removeHusk removes the folders of a repository of which nothing is left.
func (c *Cache) removeHusk(r Repo) error {
	commits, err := c.commits(r)
	if err != nil || len(commits) > 0 {
		return err
	}
	for _, dir := range []string{"snapshots", "blobs", "refs/refs", "refs", "trees", ".no_exist"} {
		_ = c.root.Remove(r.folder() + "/" + dir) // what is not empty stays
	}
	_ = c.root.Remove(r.folder())
	return nil
}

// staleAge is how old a partial file must be to be nobody's. One that a
// process has open is locked too.
const staleAge = 24 * time.Hour

// Prune removes partial files and journals of ours that are older than a day
// and in no use. Other programs' files stay.
func (c *Cache) Prune(now time.Time) (*Removed, error) {
	out := &Removed{}
	repos, err := fs.ReadDir(c.root.FS(), ".")
	if err != nil {
		return nil, err
	}
	for _, e := range repos {
		r, ok := repoOfFolder(e.Name())
		if !ok {
			continue
		}
		for _, dir := range []string{r.folder() + "/blobs", locksOf(r)} {
			names, err := c.walk(dir)
			if err != nil {
				return out, err
			}
			for _, name := range names {
				if err := c.pruneOne(r, dir, name, now, out); err != nil {
					return out, err
				}
			}
		}
	}
	return out, nil
}

// sweep removes what a killed pull left of files that are there by now:
// another program may have fetched them.
func (c *Cache) sweep(p *Plan) error {
	wanted := map[string]bool{}
	for _, f := range p.Files {
		wanted[f.ETag()] = true
	}
	for _, dir := range []string{p.Repo.folder() + "/blobs", locksOf(p.Repo)} {
		names, err := c.walk(dir)
		if err != nil {
			return err
		}
		for _, name := range names {
			etag, _ := ours(name)
			if !wanted[etag] {
				continue
			}
			at := cachePlace(c.root, p.Repo, etag)
			l, free, err := tryLock(c.root, at.lock, lockMode)
			if err != nil || !free {
				continue // in use, or not ours to lock
			}
			err = errors.Join(at.forget(), remove(c.root, dir+"/"+name))
			l.free()
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// ours gives the digest in the name of a passing file of ours; it is empty for
// one that belongs to no blob.
func ours(name string) (etag string, ok bool) {
	for _, suffix := range []string{partialSuffix, journalSuffix, linkSuffix, scratchSuffix} {
		if stem, ok := strings.CutSuffix(name, suffix); ok {
			if sha1Hex.MatchString(stem) || sha256Hex.MatchString(stem) {
				return stem, true
			}
			return "", suffix == scratchSuffix
		}
	}
	return "", false
}

func (c *Cache) pruneOne(r Repo, dir, name string, now time.Time, out *Removed) error {
	etag, ok := ours(name)
	full := dir + "/" + name
	info, err := c.root.Lstat(full)
	if !ok || err != nil || now.Sub(info.ModTime()) < staleAge {
		return nil
	}
	if etag != "" {
		l, free, err := tryLock(c.root, cachePlace(c.root, r, etag).lock, lockMode)
		if err != nil || !free { // another user's lock says no more than that
			out.Kept = append(out.Kept, full)
			return nil
		}
		defer l.free()
	}
	out.Bytes += allocated(info)
	return out.take(c, full)
}
