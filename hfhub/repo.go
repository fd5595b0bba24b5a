package hfhub

import (
	"fmt"
	"regexp"
	"strings"
)

// RepoType is the kind of a repository.
type RepoType string

// The types of repositories.
const (
	Model   RepoType = "model"
	Dataset RepoType = "dataset"
	Space   RepoType = "space"
)

// plural is the type in URLs of the API and in folder names of the cache.
func (t RepoType) plural() string { return string(t) + "s" }

// Repo is a repository of the Hub.
type Repo struct {
	Type RepoType
	ID   string // "namespace/name", or "name" for some old ones
}

func (r Repo) String() string { return r.ID }

// folder is the repository's name in a cache: "models--namespace--name".
func (r Repo) folder() string {
	return r.Type.plural() + "--" + strings.ReplaceAll(r.ID, "/", "--")
}

// repoOfFolder is the inverse of folder.
func repoOfFolder(name string) (Repo, bool) {
	typ, id, ok := strings.Cut(name, "--")
	r := Repo{RepoType(strings.TrimSuffix(typ, "s")), strings.ReplaceAll(id, "--", "/")}
	return r, ok && r.Check() == nil && r.folder() == name
}

// maxRepoID is the longest id the Hub has.
const maxRepoID = 96

// name is a namespace or a repository's own name.
var name = regexp.MustCompile(`^[0-9A-Za-z_]([0-9A-Za-z_.-]*[0-9A-Za-z_])?$`)

// ParseRepo reads "namespace/name" or "namespace/name@revision"; without a
// revision it is "main".
func ParseRepo(t RepoType, s string) (Repo, string, error) {
	id, rev, ok := strings.Cut(s, "@")
	if !ok {
		rev = "main"
	}
	r := Repo{t, id}
	if err := r.Check(); err != nil {
		return r, rev, err
	}
	return r, rev, CheckRevision(rev)
}

// Check reports whether the Hub could have such a repository.
func (r Repo) Check() error {
	switch r.Type {
	case Model, Dataset, Space:
	default:
		return fmt.Errorf("%w: repository type %q is none of model, dataset, space", ErrName, r.Type)
	}
	parts := strings.Split(r.ID, "/")
	bad := len(parts) > 2 || len(r.ID) > maxRepoID || strings.Contains(r.ID, "--") || strings.Contains(r.ID, "..") || strings.HasSuffix(r.ID, ".git")
	for _, p := range parts {
		bad = bad || !name.MatchString(p)
	}
	if bad {
		return fmt.Errorf("%w: repository %q is not namespace/name", ErrName, r.ID)
	}
	return nil
}

// maxRevision bounds the name of a revision, which becomes a file name.
const maxRevision = 250

// CheckRevision reports whether rev could be a branch, tag, commit or ref. It
// must be a path below a folder, as caches keep it under that name.
func CheckRevision(rev string) error {
	bad := rev == "" || len(rev) > maxRevision || checkPath(rev) != nil
	for _, p := range strings.Split(rev, "/") {
		bad = bad || strings.HasPrefix(p, "-") || strings.HasSuffix(p, ".lock")
	}
	if bad {
		return fmt.Errorf("%w: revision %q", ErrName, rev)
	}
	return nil
}

var (
	sha1Hex   = regexp.MustCompile(`^[0-9a-f]{40}$`)
	sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// IsCommit reports whether rev is a whole commit hash, which always names the
// same files.
func IsCommit(rev string) bool { return sha1Hex.MatchString(rev) }
