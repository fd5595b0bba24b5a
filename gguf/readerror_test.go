package gguf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
)

// A reading error is not a malformed file.
func TestReadError(t *testing.T) {
	whole := everything(3, binary.LittleEndian).b
	for _, at := range []int64{0, 4, 30, int64(len(whole)) - 80} {
		_, err := NewFile(brokenDisk{bytes.NewReader(whole), at}, int64(len(whole)))
		if !errors.Is(err, errDisk) || errors.Is(err, ErrFormat) {
			t.Errorf("error at %d: got %v", at, err)
		}
	}
}

var errDisk = errors.New("bad sector")

// brokenDisk cannot be read from offset at on.
type brokenDisk struct {
	io.ReaderAt
	at int64
}

func (d brokenDisk) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) <= d.at {
		return d.ReaderAt.ReadAt(p, off)
	}
	n := 0
	if off < d.at {
		n, _ = d.ReaderAt.ReadAt(p[:d.at-off], off)
	}
	return n, errDisk
}
