package safetensors

import (
	"errors"
	"fmt"
	"io"
)

// ErrChanged is wrapped by the error for a file that changed while in use.
var ErrChanged = errors.New("file changed while in use")

// source reads a file that had size bytes when it was opened.
type source struct {
	r    io.ReaderAt
	size int64
	name string
}

// ReadAt reads as io.ReaderAt says, and within the size never ends early
// without an error other than io.EOF: whoever copies a tensor would take that
// for its end.
func (s *source) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.r.ReadAt(p, off)
	if n == len(p) {
		return n, nil
	}
	if end := off + int64(n); end < s.size && errors.Is(err, io.EOF) {
		return n, fmt.Errorf("%s: offset %d: %w: it had %d bytes when it was opened", s.name, end, ErrChanged, s.size)
	}
	return n, err
}

func (s *source) malformed(format string, args ...any) error {
	return malformed(s.name, fmt.Errorf(format, args...))
}
