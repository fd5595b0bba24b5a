package hfhub

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// The methods of Cache that make it the target of a pull.

func (c *Cache) path(p *Plan) string         { return c.Snapshot(p.Repo, p.Commit) }
func (c *Cache) space() string               { return c.dir }
func (c *Cache) has(p *Plan, f File) bool    { return c.holds(p.Repo, p.Commit, f) }
func (c *Cache) stored(*Plan, File) bool     { return false }
func (c *Cache) place(p *Plan, f File) place { return cachePlace(c.root, p.Repo, f.ETag()) }

// unnamed finds blobs that other commits have brought.
func (c *Cache) unnamed(p *Plan, f File) bool {
	info, err := c.root.Stat(blobOf(p.Repo, f.ETag()))
	return err == nil && info.Mode().IsRegular() && info.Size() == f.Size && !c.noLinks.Load()
}

func (c *Cache) tree(r Repo, commit string) ([]File, bool) {
	return readTree(c.root, treeOf(r, commit))
}

// prepare makes the folders and remembers the list of files.
func (c *Cache) prepare(p *Plan) error {
	if err := writeTag(c.root, cacheTagName); err != nil {
		return err
	}
	if foldsCase(c.root, cacheTagName) {
		if err := checkPaths(p.All, true); err != nil {
			return err
		}
	}
	for _, dir := range []string{snapshotOf(p.Repo, p.Commit), p.Repo.folder() + "/blobs", p.Repo.folder() + "/refs", p.Repo.folder() + "/trees", locksOf(p.Repo)} {
		if err := c.root.MkdirAll(dir, 0o777); err != nil {
			return err
		}
	}
	if _, ok := c.tree(p.Repo, p.Commit); ok || p.Unproven {
		return nil
	}
	b, err := encodeTree(p.All)
	if err != nil {
		return err
	}
	return replace(c.root, treeOf(p.Repo, p.Commit), c.scratch(p.Repo, "tree-"+p.Commit), b)
}

// scratch is where a small file is written before it gets its name.
func (c *Cache) scratch(r Repo, what string) string {
	return locksOf(r) + "/" + what + scratchSuffix
}

// adopt names content that is in the cache already, once its digest is proven.
func (c *Cache) adopt(ctx context.Context, p *Plan, files []File) (bool, error) {
	f := files[0]
	blob := blobOf(p.Repo, f.ETag())
	if ok, err := proven(ctx, c.root, blob, f); !ok {
		return false, err
	}
	if err := c.place(p, f).forget(); err != nil {
		return false, err
	}
	return true, c.name(ctx, p, files)
}

// publish gives a proven partial file its names.
func (c *Cache) publish(ctx context.Context, p *Plan, part *partial, files []File) error {
	f := files[0]
	if c.noLinks.Load() {
		return c.move(ctx, p, part, files)
	}
	if err := part.publish(blobOf(p.Repo, f.ETag())); err != nil {
		return err
	}
	return c.name(ctx, p, files)
}

// finish makes the revision stand for the commit, now that it is there for
// good.
func (c *Cache) finish(p *Plan) error {
	names := []string{treeOf(p.Repo, p.Commit)}
	for _, f := range p.Files {
		names = append(names, snapshotOf(p.Repo, p.Commit)+"/"+f.Path, blobOf(p.Repo, f.ETag()))
	}
	if err := errors.Join(c.sweep(p), syncFolders(c.root, folders(names...))); err != nil || p.Revision == p.Commit {
		return err
	}
	if now, ok := c.Commit(p.Repo, p.Revision); ok && now == p.Commit {
		return nil
	}
	name := refOf(p.Repo, p.Revision)
	if err := mkdirAll(c.root, name); err != nil {
		return err
	}
	id := sha1.Sum([]byte(p.Revision))
	if err := replace(c.root, name, c.scratch(p.Repo, "ref-"+hex.EncodeToString(id[:])), []byte(p.Commit)); err != nil {
		return err
	}
	return syncFolders(c.root, folders(name))
}

// absent remembers that the Hub does not have a file.
func (c *Cache) absent(p *Plan, file string) error {
	name := absentOf(p.Repo, p.Commit, file)
	if err := mkdirAll(c.root, name); err != nil {
		return err
	}
	f, err := c.root.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	return f.Close()
}

// name makes snapshot entries for a blob.
func (c *Cache) name(ctx context.Context, p *Plan, files []File) error {
	for _, f := range files {
		entry := snapshotOf(p.Repo, p.Commit) + "/" + f.Path
		err := fs.ErrInvalid
		if !c.noLinks.Load() {
			err = c.link(p.Repo, entry, f)
		}
		if err != nil && (c.noLinks.Load() || linksUnsupported(err)) {
			c.noLinks.Store(true)
			err = c.copy(ctx, p, entry, f)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", entry, err)
		}
	}
	return nil
}

// link makes entry a link to the blob.
func (c *Cache) link(r Repo, entry string, f File) error {
	to := strings.Repeat("../", 2+strings.Count(f.Path, "/")) + "blobs/" + f.ETag()
	err := c.root.Symlink(to, entry)
	if errors.Is(err, fs.ErrNotExist) {
		if err := mkdirAll(c.root, entry); err != nil {
			return err
		}
		err = c.root.Symlink(to, entry)
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if now, err := c.root.Readlink(entry); err == nil && now == to {
		return nil
	}
	// Made under another name first, so that the entry never is missing.
	tmp := locksOf(r) + "/" + f.ETag() + linkSuffix
	if err := remove(c.root, tmp); err != nil {
		return err
	}
	if err := c.root.Symlink(to, tmp); err != nil {
		return err
	}
	return c.root.Rename(tmp, entry)
}

// copy makes entry a copy of the blob, where there are no links.
func (c *Cache) copy(ctx context.Context, p *Plan, entry string, f File) error {
	if c.has(p, f) {
		return nil
	}
	if err := mkdirAll(c.root, entry); err != nil {
		return err
	}
	return copyFile(ctx, c.root, blobOf(p.Repo, f.ETag()), entry, locksOf(p.Repo)+"/"+f.ETag()+scratchSuffix)
}

// linksUnsupported tells a file system without links from other failures.
func linksUnsupported(err error) bool {
	for _, e := range []error{syscall.EPERM, syscall.ENOTSUP, syscall.ENOSYS, syscall.EINVAL, errors.ErrUnsupported} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// move makes the partial file itself the first snapshot entry, where there are
// no links, and copies it for the others.
func (c *Cache) move(ctx context.Context, p *Plan, part *partial, files []File) error {
	first := snapshotOf(p.Repo, p.Commit) + "/" + files[0].Path
	for i, f := range files {
		entry := snapshotOf(p.Repo, p.Commit) + "/" + f.Path
		if err := mkdirAll(c.root, entry); err != nil {
			return err
		}
		var err error
		if i == 0 {
			err = part.publish(entry)
		} else {
			err = copyFile(ctx, c.root, first, entry, locksOf(p.Repo)+"/"+f.ETag()+scratchSuffix)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
