package hfhub

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"
)

// Cache is a folder that holds snapshots of repositories, in the layout that
// huggingface_hub and @huggingface/hub read and write too:
//
//	models--ns--name/blobs/<etag>              content, by its digest
//	models--ns--name/snapshots/<commit>/<path> link to a blob
//	models--ns--name/refs/<revision>           commit of a branch, tag or ref
//	models--ns--name/trees/<commit>.json       all files of a commit
//	.locks/models--ns--name/<etag>.lock        one writer a blob
//
// Our journals and other passing files are below .locks, which scanners of the
// cache skip. Nothing is read or written outside the folder, wherever links in
// it point.
type Cache struct {
	dir     string
	root    *os.Root
	noLinks atomic.Bool
}

// cacheTag marks a folder as a cache for backup tools (bford.info/cachedir),
// with the text of huggingface_hub.
const (
	cacheTagName = "CACHEDIR.TAG"
	cacheTag     = "Signature: 8a477f597d28d172789f06886806bc55\n" +
		"# This file is a cache directory tag created by huggingface_hub.\n" +
		"# For information about cache directory tags, see:\n" +
		"#\thttps://bford.info/cachedir/\n"
)

// OpenCache opens the cache at dir. If it is not there that is an error
// (fs.ErrNotExist) unless create is set. The caller closes it.
func OpenCache(dir string, create bool) (*Cache, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if create {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return nil, err
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Cache{dir: dir, root: root}, nil
}

// Close ends the use of the cache.
func (c *Cache) Close() error { return c.root.Close() }

// Dir is the folder of the cache.
func (c *Cache) Dir() string { return c.dir }

// DisableLinks makes snapshots hold files instead of links to blobs, as
// HF_HUB_DISABLE_SYMLINKS asks for. Without it, it is found out.
func (c *Cache) DisableLinks() { c.noLinks.Store(true) }

// Snapshot is the folder of a commit's files.
func (c *Cache) Snapshot(r Repo, commit string) string {
	return filepath.Join(c.dir, filepath.FromSlash(snapshotOf(r, commit)))
}

// Names in a cache, slash-separated as [os.Root] takes them.

func snapshotOf(r Repo, commit string) string { return r.folder() + "/snapshots/" + commit }
func blobOf(r Repo, etag string) string       { return r.folder() + "/blobs/" + etag }
func refOf(r Repo, rev string) string         { return r.folder() + "/refs/" + rev }
func treeOf(r Repo, commit string) string     { return r.folder() + "/trees/" + commit + ".json" }
func absentOf(r Repo, commit, p string) string {
	return r.folder() + "/.no_exist/" + commit + "/" + p
}
func locksOf(r Repo) string { return ".locks/" + r.folder() }

// Ends of the names of our passing files.
const (
	partialSuffix = ".bitnet.incomplete" // "hf cache prune" takes *.incomplete away
	journalSuffix = ".bitnet.json"
	scratchSuffix = ".bitnet.tmp"
	linkSuffix    = ".bitnet.link"
)

// cachePlace is where a blob is made.
func cachePlace(root *os.Root, r Repo, etag string) place {
	return place{
		root:    root,
		lock:    locksOf(r) + "/" + etag + ".lock",
		partial: blobOf(r, etag) + partialSuffix,
		journal: locksOf(r) + "/" + etag + journalSuffix,
	}
}

// Commit finds the commit a revision stood for when it was last asked for. A
// whole commit hash is itself.
func (c *Cache) Commit(r Repo, rev string) (string, bool) {
	if IsCommit(rev) {
		return rev, true
	}
	if CheckRevision(rev) != nil {
		return "", false
	}
	// Python writes refs without a rename: one that is empty is looked at again.
	for range 2 {
		b, err := readSmall(c.root, refOf(r, rev), 4096)
		if err != nil {
			return "", false
		}
		if commit := strings.TrimSpace(string(b)); IsCommit(commit) {
			return commit, true
		}
	}
	return "", false
}

// holds reports whether a file is in a snapshot, whole by its size. A link
// must name the blob that is expected.
func (c *Cache) holds(r Repo, commit string, f File) bool {
	name := snapshotOf(r, commit) + "/" + f.Path
	info, err := c.root.Stat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() != f.Size {
		return false
	}
	link, err := c.root.Readlink(name)
	return err != nil || path.Base(filepath.ToSlash(link)) == f.ETag()
}

// foldsCase reports whether the file system takes names that differ in case
// for the same; it needs the tag of the cache.
func foldsCase(root *os.Root, tag string) bool {
	_, err := root.Stat(path.Dir(tag) + "/" + strings.ToLower(path.Base(tag)))
	return err == nil
}

// writeTag marks the folder if it is not marked.
func writeTag(root *os.Root, tag string) error {
	f, err := root.OpenFile(tag, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("mark the cache: %w", err)
	}
	_, err = f.WriteString(cacheTag)
	return errors.Join(err, f.Close())
}
