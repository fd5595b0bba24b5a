// Package bundle carries a version of a store in one file, or in parts of
// limited size: [Write], [WriteFile] and [WriteParts] make a bundle of it, and
// [Open], [NewReader] and [Import] put it into another store, whatever its
// kind.
//
// A bundle is a tar file, compressed with zstd, that any tar can unpack. Its
// first entry is the manifest, under the path it has in a version, and the
// files follow in the manifest's order, with nothing else. All metadata is
// fixed by the manifest: the same manifest gives the same bytes, on every
// machine and with any number of threads.
//
// The stream consists of zstd frames of 2 MiB of content each. A part holds
// whole frames and begins with a skippable frame (RFC 8878, section 3.1.2) of
// 64 bytes that says which part of what it is, so that the parts one after
// another are a bundle, too:
//
//	 0  "bitnet-tool/part"
//	16  SHA-256 of the manifest's bytes
//	48  number of the part, from 1, little-endian
//	56  bytes of all parts before it, little-endian
//
// Everything read is proven against the manifest before it becomes a version.
// That proves that a bundle is whole, and not who made it: compare the
// version's digest for that.
package bundle

import (
	"errors"
	"fmt"
)

// ErrFormat is a bundle that is cut, damaged or hostile. Errors name the entry
// or part.
var ErrFormat = errors.New("not a good bundle")

// ErrCut is an [ErrFormat]: a bundle that ends too early or lacks a part, where
// another copy could go on.
var ErrCut = fmt.Errorf("%w: it is cut", ErrFormat)

// Limits of what is read.
const (
	// maxManifest bounds the manifest's bytes. A TiB of content has some
	// 43 MiB of block digests.
	maxManifest = 64 << 20
	maxPath     = 1024
	maxDepth    = 32
	// maxFolders bounds the folders that the files are in.
	maxFolders = 100_000
	// maxPadding bounds the zeros after the last entry.
	maxPadding = 1 << 20
	// maxWindow is what a decoder must have according to RFC 8878, section
	// 3.1.1.1.2, and what this program needs no more than.
	maxWindow = 8 << 20
	// entryRoom is what an entry may take beside its content and twice its
	// path: the header, extended headers, and padding.
	entryRoom = 4 << 10
)
