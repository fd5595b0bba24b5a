package store

import (
	"fmt"
	"strings"
)

// Limits of names, in bytes. They keep NAME/VERSION below the length of a ZFS
// dataset's name (255 bytes, of which the pool's path needs some).
const (
	MaxName    = 96
	MaxVersion = 64
)

// Ref names a version of a model. An empty Version means the current one, or
// for [Store.Begin] the one that the content's digest gives.
type Ref struct{ Name, Version string }

// ParseRef reads NAME or NAME@VERSION.
func ParseRef(s string) (Ref, error) {
	name, version, given := strings.Cut(s, "@")
	r := Ref{Name: name, Version: version}
	if given && version == "" {
		return Ref{}, fmt.Errorf("%w: %q has no version after the @", ErrName, s)
	}
	return r, r.Check()
}

// String gives the form that [ParseRef] reads.
func (r Ref) String() string {
	if r.Version == "" {
		return r.Name
	}
	return r.Name + "@" + r.Version
}

// Check tells whether the names follow the grammar
// [A-Za-z0-9][A-Za-z0-9._-]* within their limits; the version may be empty.
// What passes is safe as a path segment and in the name of a ZFS dataset.
func (r Ref) Check() error {
	if err := checkSegment("name", r.Name, MaxName); err != nil {
		return err
	}
	if r.Version == "" {
		return nil
	}
	return checkSegment("version", r.Version, MaxVersion)
}

// ValidName reports whether s follows the grammar of names.
func ValidName(s string) bool { return checkSegment("name", s, MaxName) == nil }

// ValidVersion reports whether s follows the grammar of versions.
func ValidVersion(s string) bool { return checkSegment("version", s, MaxVersion) == nil }

func checkSegment(what, s string, limit int) error {
	switch {
	case s == "":
		return fmt.Errorf("%w: the %s is empty", ErrName, what)
	case len(s) > limit:
		return fmt.Errorf("%w: the %s %.20q… has %d bytes, more than %d", ErrName, what, s, len(s), limit)
	case !alphanumeric(s[0]):
		return fmt.Errorf("%w: the %s %q must begin with a letter or digit", ErrName, what, s)
	}
	for i := range len(s) {
		if c := s[i]; !alphanumeric(c) && c != '.' && c != '_' && c != '-' {
			return fmt.Errorf("%w: the %s %q may hold letters, digits, dot, underscore and dash only", ErrName, what, s)
		}
	}
	return nil
}

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
