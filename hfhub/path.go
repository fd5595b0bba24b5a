package hfhub

import (
	"fmt"
	"regexp"
	"strings"
)

// Bounds of what a repository may make us write.
const (
	maxFiles   = 100_000
	maxSegment = 255 // bytes; of Linux file systems
)

var drive = regexp.MustCompile(`^[A-Za-z]:`)

// checkPath refuses names that could lead out of a folder, mean something
// special on some system, or do harm when they are printed.
func checkPath(path string) error {
	bad := func(why string) error { return fmt.Errorf("%w: %q %s", ErrHostilePath, path, why) }
	for _, r := range path {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			return bad("has a control character")
		}
	}
	for s := range strings.SplitSeq(strings.ReplaceAll(path, `\`, "/"), "/") {
		switch {
		case s == "", s == ".":
			return bad("has an empty segment")
		case s == "..":
			return bad("leaves its folder")
		case len(s) > maxSegment:
			return bad("has a segment of more than 255 bytes")
		case drive.MatchString(s):
			return bad("names a drive")
		}
	}
	if first, _, _ := strings.Cut(path, "/"); strings.EqualFold(first, ".bitnet-tool") {
		return bad("is reserved")
	}
	return nil
}

// checkPaths refuses a listing if any of its paths is hostile, or if two of
// them cannot both be there. fold says that the target ignores case.
func checkPaths(files []File, fold bool) error {
	if len(files) > maxFiles {
		return fmt.Errorf("%w: more than %d files", ErrHostilePath, maxFiles)
	}
	key := func(s string) string { return s }
	if fold {
		key = strings.ToLower
	}
	seen := make(map[string]string, len(files))
	for _, f := range files {
		if err := checkPath(f.Path); err != nil {
			return err
		}
		if other, ok := seen[key(f.Path)]; ok {
			return fmt.Errorf("%w: %q and %q are one file here", ErrHostilePath, other, f.Path)
		}
		seen[key(f.Path)] = f.Path
	}
	for _, f := range files {
		for i := range f.Path {
			if f.Path[i] != '/' {
				continue
			}
			if other, ok := seen[key(f.Path[:i])]; ok {
				return fmt.Errorf("%w: %q is a file, and a folder of %q", ErrHostilePath, other, f.Path)
			}
		}
	}
	return nil
}
