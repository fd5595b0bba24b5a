package store

import (
	"fmt"
	"io/fs"
	"strings"
)

// MaxSegment is the length in bytes that a part of a path may have: the limit
// of ext4, XFS, ZFS and most others.
const MaxSegment = 255

// CheckPath refuses paths that a version must not hold: such as are not plain
// relative paths with slashes, have a control character or a segment over
// [MaxSegment] bytes, or begin with .bitnet-tool in any case.
func CheckPath(p string) error {
	if !fs.ValidPath(p) || p == "." {
		return fmt.Errorf("%w: %q is not a plain relative path", ErrSource, p)
	}
	if strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Errorf("%w: %q has a control character", ErrSource, p)
	}
	for i, s := range strings.Split(p, "/") {
		if len(s) > MaxSegment {
			return fmt.Errorf("%w: %.40q… has a part of %d bytes, more than %d", ErrSource, p, len(s), MaxSegment)
		}
		if i == 0 && strings.EqualFold(s, MetaDir) {
			return fmt.Errorf("%w: %q is where the store keeps its own", ErrSource, p)
		}
	}
	return nil
}
