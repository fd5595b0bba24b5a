package hubtest

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Repo is one repository. Set its fields before clients come.
type Repo struct {
	Type string // "models", "datasets" or "spaces"
	ID   string // "ns/name"

	Private   bool   // invisible without a token
	Gated     string // "auto" or "manual": listed for all, files only for Members
	Members   []string
	Disabled  bool
	Forbidden bool   // the token lacks a permission
	RenamedTo string // id that requests are redirected to

	hub     *Hub
	refs    map[string]string // revision → commit
	commits map[string]map[string]*blob
}

// File is the content of a file to be committed.
type File struct {
	Content Content
	LFS     bool // identity is the SHA-256, bytes come from the CDN
	Xet     bool // with LFS: has a Xet hash too
}

// Text makes a regular file.
func Text(s string) File { return File{Content: Bytes(s)} }

// LFS makes a file whose bytes the CDN serves.
func LFS(c Content) File { return File{Content: c, LFS: true} }

// blob is a committed file.
type blob struct {
	File
	oid    string // git SHA-1: of the content, or of the LFS pointer
	sha256 string // LFS only
	xet    string // Xet only
}

// Repo makes an empty repository. Type is the plural the API uses.
func (h *Hub) Repo(typ, id string) *Repo {
	r := &Repo{Type: typ, ID: id, hub: h, refs: map[string]string{}, commits: map[string]map[string]*blob{}}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.repos[typ+"/"+id] = r
	return r
}

// Commit records files, by path, as a commit and points the revision rev to
// it. It returns the commit's hash, which depends on the files alone. The
// paths are taken as they are, hostile ones too.
func (r *Repo) Commit(rev string, files map[string]File) string {
	tree := map[string]*blob{}
	sum := sha1.New()
	for _, path := range slices.Sorted(maps.Keys(files)) {
		b := newBlob(files[path])
		tree[path] = b
		fmt.Fprintf(sum, "%s %s\n", b.oid, path)
	}
	commit := hex.EncodeToString(sum.Sum(nil))
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	r.commits[commit] = tree
	r.refs[rev] = commit
	return commit
}

// Point makes a branch, tag or "refs/pr/1" name a commit.
func (r *Repo) Point(rev, commit string) {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	r.refs[rev] = commit
}

func newBlob(f File) *blob {
	b := &blob{File: f}
	if !f.LFS {
		b.oid = gitHash(f.Content)
		return b
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, reader(f.Content)); err != nil {
		panic(err) // contents are in memory or computed
	}
	b.sha256 = hex.EncodeToString(sum.Sum(nil))
	b.oid = gitHash(Bytes(b.pointer()))
	if f.Xet {
		x := sha256.Sum256([]byte("xet " + b.sha256))
		b.xet = hex.EncodeToString(x[:])
	}
	return b
}

// etag is the identity by which caches know the file.
func (b *blob) etag() string {
	if b.LFS {
		return b.sha256
	}
	return b.oid
}

// pointer is the text git holds in place of an LFS file.
func (b *blob) pointer() string {
	return fmt.Sprintf("version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n", b.sha256, b.Content.Size())
}

// gitHash is the name git gives a blob: SHA-1 over a header and the content.
func gitHash(c Content) string {
	sum := sha1.New()
	fmt.Fprintf(sum, "blob %d\x00", c.Size())
	if _, err := io.Copy(sum, reader(c)); err != nil {
		panic(err)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// commitOf finds a commit by branch, tag, ref, hash or abbreviated hash.
// The caller holds the lock.
func (r *Repo) commitOf(rev string) (string, bool) {
	if c, ok := r.refs[rev]; ok {
		return c, true
	}
	for c := range r.commits {
		if len(rev) >= 7 && strings.HasPrefix(c, rev) {
			return c, true
		}
	}
	return "", false
}
