package bundle

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/akadata/bitnet-tool/internal/atomicfile"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/store"
)

// Of parts.
const (
	// MinPart is the least size of parts that can be asked for.
	MinPart  = 4 << 20
	maxParts = 999
	// partMagic is one of the sixteen numbers of skippable frames.
	partMagic = 0x184D2A5B
	partMark  = "bitnet-tool/part"
)

// ErrTooMany is a size of parts that would give more than 999 of them.
var ErrTooMany = errors.New("too many parts")

// partHeader begins every part.
type partHeader struct {
	manifest [sha256.Size]byte
	number   uint64
	before   uint64 // bytes of all parts before this one
}

const partHeaderSize = 8 + len(partMark) + sha256.Size + 16

func (h partHeader) encode() []byte {
	b := binary.LittleEndian.AppendUint32(nil, partMagic)
	b = binary.LittleEndian.AppendUint32(b, uint32(partHeaderSize-8))
	b = append(append(b, partMark...), h.manifest[:]...)
	b = binary.LittleEndian.AppendUint64(b, h.number)
	return binary.LittleEndian.AppendUint64(b, h.before)
}

// readPartHeader reports whether r begins as a part.
func readPartHeader(r io.Reader) (h partHeader, ok bool) {
	b := make([]byte, partHeaderSize)
	if _, err := io.ReadFull(r, b); err != nil {
		return h, false
	}
	h.manifest = [sha256.Size]byte(b[8+len(partMark):])
	h.number = binary.LittleEndian.Uint64(b[partHeaderSize-16:])
	h.before = binary.LittleEndian.Uint64(b[partHeaderSize-8:])
	return h, string(h.encode()) == string(b)
}

// partName names a part, from 1.
func partName(name string, number int) string { return fmt.Sprintf("%s.%03d", name, number) }

// WriteParts writes a version as a bundle in parts called name.001 and so on,
// each smaller than limit bytes, so that 4 GiB fits what FAT can hold. They
// appear when all are whole and on the disk, the first one last. A file of
// such a name is fs.ErrExist.
func WriteParts(ctx context.Context, name string, limit int64, a store.Artifact, sink progress.Sink) (names []string, size int64, err error) {
	if limit < MinPart {
		return nil, 0, fmt.Errorf("%w: parts of %d bytes are smaller than %d", ErrTooMany, limit, MinPart)
	}
	if n := a.Manifest().Size()/(limit-frameSize) + 1; n > maxParts {
		return nil, 0, fmt.Errorf("%w: %d, more than %d", ErrTooMany, n, maxParts)
	}
	for n := 1; n <= maxParts; n++ {
		if _, err := os.Lstat(partName(name, n)); err == nil {
			return nil, 0, &fs.PathError{Op: "create", Path: partName(name, n), Err: fs.ErrExist}
		}
	}
	manifest, err := a.Manifest().Encode()
	if err != nil {
		return nil, 0, err
	}
	p := &parts{name: name, limit: limit - 1, manifest: sha256.Sum256(manifest)}
	defer p.abort()
	if err := write(ctx, a, manifest, sink, p.emit); err != nil {
		return nil, 0, err
	}
	return p.commit()
}

// parts is a bundle being written in parts.
type parts struct {
	name     string
	limit    int64
	manifest [sha256.Size]byte
	files    []*atomicfile.File
	size     int64 // of the last
	before   int64 // of all before it
}

func (p *parts) emit(frame []byte) error {
	if len(p.files) == 0 || p.size+int64(len(frame)) > p.limit {
		if err := p.next(); err != nil {
			return err
		}
	}
	return p.write(frame)
}

func (p *parts) write(b []byte) error {
	f := p.files[len(p.files)-1]
	n, err := f.Write(b)
	f.WriteBack(p.size, int64(n))
	p.size += int64(n)
	return err
}

// next begins a part.
func (p *parts) next() error {
	number := len(p.files) + 1
	if number > maxParts {
		return fmt.Errorf("%w: more than %d", ErrTooMany, maxParts)
	}
	f, err := atomicfile.Create(partName(p.name, number), false)
	if err != nil {
		return err
	}
	p.files = append(p.files, f)
	p.before += p.size
	p.size = 0
	return p.write(partHeader{p.manifest, uint64(number), uint64(p.before)}.encode())
}

func (p *parts) commit() (names []string, size int64, err error) {
	for i, f := range slices.Backward(p.files) {
		if err := f.Commit(); err != nil {
			for k := i + 1; k < len(p.files); k++ {
				_ = os.Remove(partName(p.name, k+1)) // the first error counts
			}
			return nil, 0, err
		}
		names = append(names, partName(p.name, i+1))
	}
	slices.Reverse(names)
	return names, p.before + p.size, nil
}

func (p *parts) abort() {
	for _, f := range p.files {
		f.Abort()
	}
}
