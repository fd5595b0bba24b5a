package store

import "errors"

// What can go wrong, as callers tell it apart. Errors wrap one of these with
// the name, file or offset it is about and, where there is one, what to do.
var (
	ErrName        = errors.New("not a valid name")              // of a model or version, as given
	ErrNotFound    = errors.New("not in the store")              // name, version, or the store itself
	ErrConflict    = errors.New("name is taken")                 // version with other content, name of another repository or differing only in case
	ErrProtected   = errors.New("protected")                     // current version, or held, cloned, not ours
	ErrSource      = errors.New("source cannot be stored")       // link that dangles or leads out, no plain file, hostile path
	ErrIncomplete  = errors.New("source is incomplete")          // a file of the commit is missing, and no filter left it out
	ErrDamaged     = errors.New("content is not what it was")    // digest or size differs: of a source's file, a version, a manifest
	ErrSpace       = errors.New("not enough space")              // free space or quota
	ErrUnavailable = errors.New("store cannot be used")          // not mounted, read-only, no permission, staging on another device, no ZFS
	ErrLocked      = errors.New("store is in use")               // its lock stayed busy
	ErrUnsupported = errors.New("manifest is of a newer schema") // written by a later version of this program
)
