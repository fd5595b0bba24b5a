package store

import (
	"fmt"
	"iter"
	"strings"
)

// Admit decides whether a version may be published beside those that are
// there, which a backend lists while it holds the store's lock. There is no
// error and same is true when the very version is there already. A version of
// other content, a name that differs only in case, or a name that stands for
// another repository is [ErrConflict].
//
// m is complete, so Name, Version and Digest are set. [Put] asks before it
// copies, with a manifest whose Digest is empty: then only names are compared,
// and same tells that the version's name is taken.
func Admit(versions iter.Seq2[Info, error], m *Manifest) (same bool, err error) {
	for info, err := range versions {
		if err != nil && info.Ref.Name == "" {
			return false, err
		}
		other := info.Ref
		switch {
		case other.Name != m.Name && strings.EqualFold(other.Name, m.Name):
			return false, fmt.Errorf("%w: %s and %s would differ only in case; choose another name with --as", ErrConflict, m.Name, other.Name)
		case other.Name != m.Name:
			continue
		}
		if from := repoOf(info); m.Source.Repo != "" && from != "" && from != m.Source.Repo {
			return false, fmt.Errorf("%w: %s holds versions of %s, and these files are of %s; choose another name with --as", ErrConflict, m.Name, from, m.Source.Repo)
		}
		if other.Version != m.Version {
			continue
		}
		if m.Digest != "" && info.Digest != m.Digest {
			return false, fmt.Errorf("%w: %s holds other content (%s, not %s); choose another version with --as %s@VERSION",
				ErrConflict, other, nonEmpty(string(info.Digest), "unreadable"), m.Digest, m.Name)
		}
		same = true
	}
	return same, nil
}

// repoOf is the repository that a version was taken from, "" if none is known.
func repoOf(i Info) string {
	if i.Manifest == nil {
		return ""
	}
	return i.Manifest.Source.Repo
}

func nonEmpty(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
