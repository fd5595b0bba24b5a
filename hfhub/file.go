package hfhub

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
)

// File is one file of a commit, as the Hub lists it.
type File struct {
	Path   string // slash-separated
	Size   int64  // of the content
	OID    string // git's name of its blob; of the pointer for an LFS file
	SHA256 string // of the content; LFS files only
	Xet    string // hash by which Xet knows the content, or ""

	pointerSize int64 // of the LFS pointer, 0 if unknown
}

// ETag is the name of the content in a cache, and what proves it: the SHA-256
// of an LFS file, else git's SHA-1.
func (f File) ETag() string {
	if f.SHA256 != "" {
		return f.SHA256
	}
	return f.OID
}

// Digest is the identity with its algorithm: "sha256:…", or "git-sha1:…" for
// SHA-1 over "blob <size>\x00" and the content.
func (f File) Digest() string {
	if f.SHA256 != "" {
		return "sha256:" + f.SHA256
	}
	return "git-sha1:" + f.OID
}

// maxSize is far above what the Hub takes (500 GB: huggingface/hub-docs,
// docs/hub/storage-limits.md), and so low that the sizes of [maxFiles] files
// add up to an int64.
const maxSize = 1 << 44

// check reports whether the listing of the file makes sense.
func (f File) check() error {
	switch {
	case f.Size < 0 || f.Size > maxSize:
		return fmt.Errorf("%w: %q has %d bytes", ErrNotHub, f.Path, f.Size)
	case !sha1Hex.MatchString(f.OID) || f.SHA256 != "" && !sha256Hex.MatchString(f.SHA256):
		return fmt.Errorf("%w: %q has no digest to verify it by", ErrNotHub, f.Path)
	}
	return nil
}

// newHash starts the digest that etag is of; size is that of the content.
func newHash(etag string, size int64) hash.Hash {
	if len(etag) == 2*sha256.Size {
		return sha256.New()
	}
	h := sha1.New()
	fmt.Fprintf(h, "blob %d\x00", size)
	return h
}

func sum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }
