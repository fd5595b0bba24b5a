package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/akadata/bitnet-tool/internal/directio"
)

// Prover moves the content of files and proves on the way that it is what a
// manifest says. It is for files that do not come from a folder, or do not go
// to one; [Copy] is for those that do. One serves one goroutine.
type Prover struct {
	pipe *pipe
	add  func(int64)
}

// NewProver makes a prover, which has some 25 MiB of buffers. add is told of
// the bytes that were read.
func NewProver(add func(int64)) *Prover { return &Prover{newPipe(), add} }

// Send writes the content of f, which r must hold and nothing more, to w. What
// is not the content is [ErrDamaged]; w may have got all of it by then.
func (p *Prover) Send(ctx context.Context, w io.Writer, r io.Reader, f File) error {
	return p.prove(ctx, r, f, func(d []byte, _ int64, done func()) error {
		defer done()
		_, err := w.Write(d)
		return err
	})
}

// Receive writes the content of f, which r must hold and nothing more, to its
// place below root, a staging folder. What is not the content is [ErrDamaged].
// The caller has checked the paths of all files by [CheckFiles]; [Seal] makes
// the file durable.
func (p *Prover) Receive(ctx context.Context, root *os.Root, r io.Reader, f File, modified time.Time) (err error) {
	c := copier{dst: root}
	out, err := c.create(f.Path)
	if err != nil {
		return noSpace(err)
	}
	defer func() { err = noSpace(errors.Join(err, out.Close())) }()
	w, err := directio.New(out, f.Size)
	if err != nil {
		return err
	}
	if err := finished(p.prove(ctx, r, f, w.Write), w); err != nil {
		return err
	}
	return errors.Join(out.Chmod(0o644), root.Chtimes(f.Path, modified, modified))
}

// prove reads r to its end.
func (p *Prover) prove(ctx context.Context, r io.Reader, f File, take taker) error {
	git := f.Hub.SHA256 == "" && f.Hub.GitOID != ""
	s, err := p.pipe.run(ctx, r, f.Size, git, func(d []byte, offset int64, done func()) error {
		if offset+int64(len(d)) > f.Size {
			done()
			return fmt.Errorf("%w: %q has more than %d bytes", ErrDamaged, f.Path, f.Size)
		}
		p.add(int64(len(d)))
		return take(d, offset, done)
	})
	if err != nil {
		return err
	}
	return f.hold(s)
}

// hold compares what a content turned out to be with what it must be.
func (f File) hold(s sums) error {
	if s.size != f.Size {
		return fmt.Errorf("%w: %q has %d bytes, not %d", ErrDamaged, f.Path, s.size, f.Size)
	}
	for i := 0; i < len(f.Blocks); i += sha256.Size {
		if string(s.blocks[i:i+sha256.Size]) != string(f.Blocks[i:i+sha256.Size]) {
			from := int64(i/sha256.Size) * BlockSize
			return fmt.Errorf("%w: %q, bytes %d to %d", ErrDamaged, f.Path, from, min(from+BlockSize, f.Size)-1)
		}
	}
	if s.whole != f.SHA256 {
		return fmt.Errorf("%w: %q has %s, and the manifest says %s", ErrDamaged, f.Path, s.whole, f.SHA256)
	}
	return f.Hub.compare(f.Path, s)
}

// CheckFiles refuses files of a manifest that cannot stand together below
// root, a staging folder: see [Put].
func CheckFiles(root *os.Root, files []File) error {
	entries := make([]Entry, len(files))
	for i, f := range files {
		entries[i] = Entry{Path: f.Path}
	}
	return checkEntries(entries, foldsCase(root))
}

// OpenFile opens a file of a version as a plain file: not what a link leads to
// in its place, and without waiting where it is a FIFO. root is the version's
// folder. A file that is missing, or none, is [ErrDamaged].
func OpenFile(root *os.Root, f File) (*os.File, error) {
	info, err := root.Lstat(f.Path)
	if err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %q is %s, no plain file", ErrDamaged, f.Path, kindOf(info.Mode()))
	}
	var in *os.File
	if err == nil {
		in, err = openPlain(root, f.Path)
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: %q is missing", ErrDamaged, f.Path)
	}
	return in, err
}

// Settled looks at a version that is there and was to be stored: see [Put].
func Settled(ctx context.Context, s Store, ref Ref) (Info, error) {
	return settled(ctx, s, Info{Ref: ref})
}
