package gguf

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// ErrChanged is wrapped by the error for a file that changed while in use.
var ErrChanged = errors.New("file changed while in use")

// ErrUnsupported is wrapped by errors about sound files that cannot be copied
// into others: their byte order or version is not that of written files.
var ErrUnsupported = errors.New("unsupported GGUF")

// opened is a file and what it was like when it was opened.
type opened struct {
	*os.File
	path string
	info os.FileInfo
}

// CheckUnchanged gives an error that wraps [ErrChanged] when the path given to
// [Open] leads to another file now, or size or modification time differ. Call it
// after reading. A File made by [NewFile] passes.
func (f *File) CheckUnchanged() error {
	switch c := f.closer.(type) {
	case *opened:
		now, err := os.Stat(c.path)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrChanged, err)
		}
		if !os.SameFile(now, c.info) || now.Size() != c.info.Size() || !now.ModTime().Equal(c.info.ModTime()) {
			return fmt.Errorf("%s: %w: start again when nobody writes to it", c.path, ErrChanged)
		}
	case parts:
		for _, p := range c {
			if err := p.CheckUnchanged(); err != nil {
				return err
			}
		}
	}
	return nil
}

// changed turns the end of a file before its time into [ErrChanged].
func changed(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it became shorter", ErrChanged)
	}
	return err
}
