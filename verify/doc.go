// Package verify tells whether a GGUF file is good, and if not, which tensor or
// key is at fault.
//
// Call [Run] on a file; it works through the levels header, hash, content,
// lineage (against the checkpoint the file was made from), smoke (a short
// evaluation) and golden (against a [Baseline] taken earlier), each dearer than
// the one before, and returns a [Report] of [Finding] values. [Checks] lists
// the rules behind them. [NewBaseline] takes a baseline, [Diff] compares two
// files without judging either.
//
// A finding means "checked, and this is what was seen". What could not be
// checked is an error that wraps [ErrUnchecked]; the report then holds what was.
package verify

import "errors"

var (
	// ErrUnchecked says that something that was asked for could not be checked.
	// The file may be good or bad.
	ErrUnchecked = errors.New("could not check")

	// ErrOption is for options that contradict each other, or do not fit the
	// file.
	ErrOption = errors.New("option does not apply")

	// ErrBaseline is for malformed baselines.
	ErrBaseline = errors.New("bad baseline")
)
