package convert

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/akadata/bitnet-tool/gguf"
)

// copyAll copies a tensor's bytes.
func copyAll(ctx context.Context, w io.Writer, src *io.SectionReader) error {
	buf := make([]byte, 1<<20)
	for left := src.Size(); left > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := buf[:min(left, int64(len(buf)))]
		if _, err := io.ReadFull(src, b); err != nil {
			return shorter(err)
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		left -= int64(len(b))
	}
	return nil
}

// readAt fills b, or fails.
func readAt(r io.ReaderAt, b []byte, off int64) error {
	n, err := r.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	return shorter(err)
}

// shorter turns the end of a file before its time into [gguf.ErrChanged].
func shorter(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it became shorter", gguf.ErrChanged)
	}
	return err
}
