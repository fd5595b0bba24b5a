package convert

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/progress"
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

// checkRepacked parses the header of the finished file by the strict rules and
// gives the digest of the whole.
func checkRepacked(ctx context.Context, f *os.File, size int64, task progress.Task) (string, error) {
	st, err := f.Stat()
	if err != nil {
		return "", err
	}
	if st.Size() != size {
		return "", fmt.Errorf("wrote %d bytes, planned %d", st.Size(), size)
	}
	if _, err := gguf.NewFile(f, size); err != nil {
		return "", fmt.Errorf("reading back: %w", err)
	}
	sum := sha256.New()
	buf := make([]byte, 1<<20)
	for off := int64(0); off < size; {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		n, err := f.ReadAt(buf[:min(int64(len(buf)), size-off)], off)
		if err != nil && err != io.EOF || n == 0 {
			return "", fmt.Errorf("reading back at offset %d: %w", off, err)
		}
		sum.Write(buf[:n])
		off += int64(n)
		task.Add(int64(n))
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
