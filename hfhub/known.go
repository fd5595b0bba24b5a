package hfhub

import (
	"errors"
	"io/fs"
	"math"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// What folders of the Hub's libraries tell about files without the network,
// for programs that take the files elsewhere.

// Files lists a commit's files: all of them if the list that came with the
// commit is there (known), else what the snapshot holds, with the digests that
// its links name. Nothing is hashed.
func (c *Cache) Files(r Repo, commit string) (files []File, known bool, err error) {
	if err := r.Check(); err != nil {
		return nil, false, err
	}
	if files, known = c.tree(r, commit); known {
		return files, true, nil
	}
	files, err = c.listed(r, commit)
	return files, false, err
}

// Files lists the files whose digest the folder knows and that were not changed
// since they were fetched, and the commit if they are all of one. all is the
// list of that commit's files, nil if it is not there.
func (l *LocalDir) Files() (commit string, files, all []File, err error) {
	books := localBooks + "/download"
	commits := map[string]bool{}
	err = fs.WalkDir(l.root.FS(), books, func(p string, _ fs.DirEntry, err error) error {
		name, ok := strings.CutSuffix(strings.TrimPrefix(p, books+"/"), ".metadata")
		if err != nil || !ok {
			return err
		}
		if f, commit, ok := l.noted(name); ok {
			files = append(files, f)
			commits[commit] = true
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", nil, nil, err
	}
	if len(commits) == 1 {
		for commit = range commits {
			all, _ = l.tree(Repo{}, commit)
		}
	}
	return commit, files, all, nil
}

// noted reads what is known of a file; not if it was changed since.
func (l *LocalDir) noted(name string) (f File, commit string, ok bool) {
	info, err := l.root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return f, "", false
	}
	b, err := readSmall(l.root, metadataOf(name), 4096)
	if err != nil {
		return f, "", false
	}
	lines := strings.Split(string(b), "\n")
	if len(lines) < 3 || !IsCommit(lines[0]) {
		return f, "", false
	}
	at, err := strconv.ParseFloat(strings.TrimSpace(lines[2]), 64)
	if seconds := float64(info.ModTime().UnixNano()) / 1e9; err != nil || math.IsNaN(at) || seconds-1 > at {
		return f, "", false
	}
	f = File{Path: name, Size: info.Size()}
	switch etag := lines[1]; {
	case sha256Hex.MatchString(etag):
		f.SHA256 = etag
	case sha1Hex.MatchString(etag):
		f.OID = etag
	default:
		return f, "", false
	}
	return f, lines[0], true
}

var snapshotPath = regexp.MustCompile(`^(.+)/((?:models|datasets|spaces)--[^/]+)/snapshots/([0-9a-f]{40})(?:/(.+))?$`)

// SplitSnapshot tells whether an absolute path lies in a snapshot of a cache:
// the cache's folder, and the path below the snapshot, "" for the snapshot
// itself.
func SplitSnapshot(path string) (cache string, r Repo, commit, below string, ok bool) {
	m := snapshotPath.FindStringSubmatch(filepath.ToSlash(filepath.Clean(path)))
	if m == nil {
		return "", Repo{}, "", "", false
	}
	r, ok = repoOfFolder(m[2])
	return filepath.FromSlash(m[1]), r, m[3], m[4], ok
}

// Matcher gives a function that tells whether a path passes the filter.
func (f Filter) Matcher() func(path string) bool { return f.matcher() }
