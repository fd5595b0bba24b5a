package verify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
)

// blobName matches the names that a Hugging Face cache gives to large files:
// their SHA-256 (huggingface_hub, file_download.py: the etag of an LFS file).
var blobName = regexp.MustCompile(`^[0-9a-f]{64}$`)

// checkDigest computes the file's SHA-256 and compares it with the one that is
// known for it.
func checkDigest(ctx context.Context, s *Subject) []Finding {
	sum, err := s.sha256(ctx)
	if err != nil {
		s.unable(err)
		return nil
	}
	s.covered = s.tensorBytes()
	switch want := cacheDigest(s.path); {
	case want == "":
		return []Finding{finding(Info, "sha256:%s; there is no manifest to compare it with", sum)}
	case want != sum:
		return []Finding{finding(Error, "sha256:%s, but the Hugging Face cache it lies in says sha256:%s; download it again", sum, want)}
	default:
		return []Finding{finding(Info, "sha256:%s, as in the Hugging Face cache it lies in", sum)}
	}
}

// cacheDigest reads a file's digest off its real name if it lies in a Hugging
// Face cache, else "".
func cacheDigest(path string) string {
	blob, err := filepath.EvalSymlinks(path)
	if err != nil {
		return ""
	}
	name := filepath.Base(blob)
	if filepath.Base(filepath.Dir(blob)) != "blobs" || !blobName.MatchString(name) {
		return ""
	}
	return name
}

func (s *Subject) sha256(ctx context.Context) (string, error) {
	st, err := s.disk.Stat()
	if err != nil {
		return "", err
	}
	task := s.task(Hash, st.Size())
	sum, err := hashFile(ctx, s.disk, st.Size(), task.Add)
	task.Done(err)
	return sum, err
}

// hashFile gives the SHA-256 of the first size bytes of f in hex.
func hashFile(ctx context.Context, f *os.File, size int64, add func(int64)) (string, error) {
	h := sha256.New()
	buf := make([]byte, 1<<20)
	for off := int64(0); off < size; {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		n, err := f.ReadAt(buf[:min(int64(len(buf)), size-off)], off)
		if n == 0 {
			return "", fmt.Errorf("read at offset %d: %w", off, noEOF(err))
		}
		h.Write(buf[:n])
		off += int64(n)
		add(int64(n))
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// noEOF makes an end that comes too early an error that says so.
func noEOF(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
