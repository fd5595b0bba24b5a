package hfhub

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// LocalDir is a folder that holds the files of one revision under their own
// names. What is known of them is in .cache/huggingface below it, in the
// format of huggingface_hub (src/huggingface_hub/_local_folder.py).
type LocalDir struct {
	dir   string
	root  *os.Root
	cache *Cache // nil: none
}

const localBooks = ".cache/huggingface"

// OpenLocalDir opens the folder dir, which is made if it is not there. The
// caller closes it.
func OpenLocalDir(dir string) (*LocalDir, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &LocalDir{dir: dir, root: root}, nil
}

// CopyFrom makes what the cache has come from there, and not over the network.
// The caller keeps the cache open as long as the folder.
func (l *LocalDir) CopyFrom(c *Cache) { l.cache = c }

// Close ends the use of the folder.
func (l *LocalDir) Close() error { return l.root.Close() }

// Commit knows whole commit hashes, and else what the cache knows: the folder
// does not say what a branch stands for.
func (l *LocalDir) Commit(r Repo, rev string) (string, bool) {
	if l.cache == nil || IsCommit(rev) {
		return rev, IsCommit(rev)
	}
	return l.cache.Commit(r, rev)
}

func (l *LocalDir) path(*Plan) string                   { return l.dir }
func (l *LocalDir) unnamed(*Plan, File) bool            { return false }
func (l *LocalDir) space() string                       { return l.dir }
func (l *LocalDir) absent(*Plan, string) error          { return nil }
func (l *LocalDir) listed(Repo, string) ([]File, error) { return nil, nil }
func (l *LocalDir) tree(r Repo, commit string) ([]File, bool) {
	files, ok := readTree(l.root, localBooks+"/trees/"+commit+".json")
	if !ok && l.cache != nil {
		return l.cache.tree(r, commit)
	}
	return files, ok
}

// prepare marks the bookkeeping, so that neither git nor backups take it, and
// remembers the list of files.
func (l *LocalDir) prepare(p *Plan) error {
	if err := l.root.MkdirAll(localBooks+"/trees", 0o777); err != nil {
		return err
	}
	tag := localBooks + "/" + cacheTagName
	if err := writeTag(l.root, tag); err != nil {
		return err
	}
	ignore := localBooks + "/.gitignore"
	if _, err := l.root.Lstat(ignore); errors.Is(err, fs.ErrNotExist) {
		if err := l.root.WriteFile(ignore, []byte("*"), 0o666); err != nil {
			return err
		}
	}
	for _, f := range p.All {
		if low := strings.ToLower(f.Path); low == localBooks || strings.HasPrefix(low, localBooks+"/") {
			return fmt.Errorf("%w: %q is where the folder keeps its books", ErrHostilePath, f.Path)
		}
	}
	if err := checkPaths(p.All, foldsCase(l.root, tag)); err != nil {
		return err
	}
	name := localBooks + "/trees/" + p.Commit + ".json"
	if _, ok := readTree(l.root, name); ok {
		return nil
	}
	b, err := encodeTree(p.All)
	if err != nil {
		return err
	}
	return replace(l.root, name, name+".tmp", b)
}

// finish makes the names of the files last.
func (l *LocalDir) finish(p *Plan) error {
	var names []string
	for _, f := range p.Files {
		names = append(names, f.Path)
	}
	return syncFolders(l.root, folders(names...))
}

// metadataOf is the name of what is known of a file.
func metadataOf(file string) string { return localBooks + "/download/" + file + ".metadata" }

func (l *LocalDir) place(_ *Plan, f File) place {
	meta := metadataOf(f.Path)
	id := sha1.Sum([]byte(path.Base(meta)))
	stem := path.Dir(meta) + "/" + base64.URLEncoding.EncodeToString(id[:]) + "." + f.ETag()
	return place{
		root:    l.root,
		lock:    strings.TrimSuffix(meta, ".metadata") + ".lock",
		partial: stem + partialSuffix,
		journal: stem + journalSuffix,
	}
}

// has trusts metadata that is younger than the file, up to a second, and names
// its digest.
func (l *LocalDir) has(_ *Plan, f File) bool {
	info, err := l.root.Lstat(f.Path)
	if err != nil || !info.Mode().IsRegular() || info.Size() != f.Size {
		return false
	}
	b, err := readSmall(l.root, metadataOf(f.Path), 4096)
	if err != nil {
		return false
	}
	lines := strings.Split(string(b), "\n")
	if len(lines) < 3 || lines[1] != f.ETag() {
		return false
	}
	at, err := strconv.ParseFloat(strings.TrimSpace(lines[2]), 64)
	seconds := float64(info.ModTime().UnixNano()) / 1e9
	return err == nil && !math.IsNaN(at) && seconds-1 <= at
}

// stored reports whether the cache has the file.
func (l *LocalDir) stored(p *Plan, f File) bool {
	return l.cache != nil && l.cache.holds(p.Repo, p.Commit, f)
}

// adopt takes a file that is there and has the right digest, or copies it from
// the cache.
func (l *LocalDir) adopt(ctx context.Context, p *Plan, files []File) (bool, error) {
	for _, f := range files {
		if info, err := l.root.Lstat(f.Path); err != nil || !info.Mode().IsRegular() {
			continue
		}
		ok, err := proven(ctx, l.root, f.Path, f)
		if err != nil {
			return false, err
		}
		if ok {
			if err := l.place(p, files[0]).forget(); err != nil {
				return false, err
			}
			return true, l.spread(ctx, p, f, files)
		}
	}
	for _, f := range files {
		if !l.stored(p, f) {
			continue
		}
		if ok, err := l.fromCache(ctx, p, f); err != nil {
			return false, err
		} else if ok {
			return true, l.spread(ctx, p, f, files)
		}
	}
	return false, nil
}

// fromCache copies a file from the cache, if it is right there. What was
// fetched of it before is in the way.
func (l *LocalDir) fromCache(ctx context.Context, p *Plan, f File) (bool, error) {
	at := l.place(p, f)
	if err := at.forget(); err != nil {
		return false, err
	}
	if err := copyInto(ctx, l.cache.root, snapshotOf(p.Repo, p.Commit)+"/"+f.Path, l.root, at.partial); err != nil {
		return false, errors.Join(err, at.forget())
	}
	ok, err := proven(ctx, l.root, at.partial, f)
	if !ok || err != nil {
		return false, errors.Join(err, at.forget())
	}
	if err := mkdirAll(l.root, f.Path); err != nil {
		return false, err
	}
	return true, l.root.Rename(at.partial, f.Path)
}

// publish puts a proven file where it belongs, over what is there.
func (l *LocalDir) publish(ctx context.Context, p *Plan, part *partial, files []File) error {
	if err := mkdirAll(l.root, files[0].Path); err != nil {
		return err
	}
	if err := part.publish(files[0].Path); err != nil {
		return err
	}
	return l.spread(ctx, p, files[0], files)
}

// spread copies one file to the others of the same content, and notes all.
func (l *LocalDir) spread(ctx context.Context, p *Plan, first File, files []File) error {
	for _, f := range files {
		if err := mkdirAll(l.root, f.Path); err != nil {
			return err
		}
		if f.Path != first.Path {
			if err := copyFile(ctx, l.root, first.Path, f.Path, l.place(p, f).partial); err != nil {
				return err
			}
		}
		now := float64(time.Now().UnixNano()) / 1e9
		text := p.Commit + "\n" + f.ETag() + "\n" + strconv.FormatFloat(now, 'f', 6, 64) + "\n"
		meta := metadataOf(f.Path)
		if err := replace(l.root, meta, meta+scratchSuffix, []byte(text)); err != nil {
			return err
		}
	}
	return nil
}
