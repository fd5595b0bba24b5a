package store

import (
	"context"
	"io"
	"io/fs"
	"iter"
	"os"
)

// Store keeps versions of models. Its methods may be called from several
// goroutines and, on one store, from several processes: what changes it takes
// the store's lock and, when that stays busy for a minute, returns
// [ErrLocked]. What only reads takes no lock and needs no right to write.
//
// References are checked (else [ErrName]). A reference without version means
// the current one unless a method says otherwise.
//
// A backend may offer more: see [Evidencer] and [Warner].
type Store interface {
	// Begin opens a staging area that nothing but a later Begin's cleaning
	// sees. Before that it completes or removes what processes that died have
	// left. size is how many bytes will be written; if so many are not free,
	// also by quota, the answer is [ErrSpace] and nothing was made. A version
	// may be missing from ref: Commit then names it by the digest. The store
	// is created if it is not there, where that needs no decision of a user.
	Begin(ctx context.Context, ref Ref, size int64) (Tx, error)

	// Open gives a published version, or [ErrNotFound]. The caller closes it.
	Open(ctx context.Context, ref Ref) (Artifact, error)

	// List gives the published versions, sorted by name and then from the
	// oldest to the newest. An error beside an Info with a Ref concerns that
	// version alone, and the listing goes on; one beside an empty Info ends it.
	// A store that is not there is empty.
	List(ctx context.Context) iter.Seq2[Info, error]

	// Remove takes a version out of the store and frees its space. ref must
	// have a version. The current one is [ErrProtected] unless it is the only
	// one of its name.
	Remove(ctx context.Context, ref Ref) error

	// Current finds the current version of a name. A name without version is
	// [ErrNotFound].
	Current(ctx context.Context, name string) (Ref, error)

	// Use makes a version the current one. It reports whether it was not.
	Use(ctx context.Context, ref Ref) (changed bool, err error)

	// Clean completes or removes what processes that died have left.
	Clean(ctx context.Context) error
}

// Tx is a version being made. It is used by one goroutine and must end in
// Commit or Abort.
type Tx interface {
	// Root is the folder to write into. What is written becomes part of the
	// version; the folder [MetaDir] in it is the store's.
	Root() *os.Root

	// Commit makes everything durable and publishes it, all or nothing. It
	// closes Root, so every file in it must be closed before. m needs Files
	// and what is known of Source, Verified, Completeness, Parents, Recipe,
	// Tool and Omitted; Commit fills in the rest.
	//
	// If the version is there already with the same digest, nothing is
	// published and Published.Changed is false; with another digest the answer
	// is [ErrConflict]. What was published becomes current. After an error
	// nothing new can be seen in the store, unless all that failed is to make
	// the last step durable or current; the staging area is gone, or left for
	// the next Begin.
	Commit(ctx context.Context, m *Manifest) (Published, error)

	// Abort gives up and removes the staging area. After Commit or Abort it
	// does nothing, so that it can be deferred.
	Abort() error
}

// Published is what became of a commit.
type Published struct {
	Info
	Changed bool // false: the very version was there
}

// Info is a version in a listing.
type Info struct {
	Ref      Ref
	Current  bool
	Dir      string // absolute path of the folder, "" if it is not mounted
	Snapshot string // its ZFS snapshot, "" elsewhere

	// Of the manifest; nil if it cannot be read.
	Manifest *Manifest
	Digest   Digest // also known without a manifest, on ZFS
}

// Artifact is a published version, for reading.
type Artifact interface {
	// Info describes it; its Manifest is never nil.
	Info() Info
	// Dir is the absolute path of the folder, for other programs.
	Dir() string
	// FS reads the files. Nothing outside the folder can be reached by it. It
	// is that of an [os.Root], and valid until Close.
	FS() fs.FS
	Manifest() *Manifest
	io.Closer
}

// Evidencer is a store that knows more about the health of a version than its
// bytes tell.
type Evidencer interface {
	// Evidence gives lines of text, for people, that name the version: for ZFS
	// those of "zpool status -v". None is a good sign.
	Evidence(ctx context.Context, ref Ref) ([]string, error)
}

// Warner is a store that may be set up otherwise than it should be.
type Warner interface {
	// Warnings gives lines of text, for people. Nothing is changed.
	Warnings(ctx context.Context) ([]string, error)
}
