package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"

	"github.com/akadata/bitnet-tool/internal/directio"
	"github.com/akadata/bitnet-tool/internal/progress"
	"golang.org/x/sync/errgroup"
)

// syncsAtOnce is how many files are made durable while the next ones are
// copied; file systems put the syncs that come together into one transaction.
const syncsAtOnce = 8

// Copy copies the entries of o into dst, which is empty but for [MetaDir], and
// hashes them on the way; memory stays at a few MiB. Content that is not what
// the Hub calls it is [ErrDamaged]. Files get mode 0644, folders 0755, and the
// files the time of modification of their source.
//
// Where source and target can share blocks (XFS, Btrfs, ZFS) they do, and the
// copy is hashed afterwards. Every file is synced; [Seal] does the folders.
func Copy(ctx context.Context, dst *os.Root, o Origin, sink progress.Sink) (files []File, err error) {
	if err := checkEntries(o.Entries, foldsCase(dst)); err != nil {
		return nil, err
	}
	task := sink.Start("store", o.Size())
	defer func() { task.Done(err) }()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(syncsAtOnce)
	c := copier{dst: dst, src: o.Root, pipe: newPipe(), add: task.Add, sync: g}
	for _, e := range o.Entries {
		f, cerr := c.copy(ctx, e)
		if cerr != nil {
			// The cause of a cancelled context is the error of a sync.
			if werr := g.Wait(); werr != nil {
				cerr = werr
			}
			return nil, noSpace(cerr)
		}
		files = append(files, f)
	}
	return files, noSpace(g.Wait())
}

// copier copies files one after another.
type copier struct {
	dst, src *os.Root
	pipe     *pipe
	add      func(int64)
	sync     *errgroup.Group
}

func (c *copier) copy(ctx context.Context, e Entry) (File, error) {
	in, err := openSource(c.src, e.From)
	if err != nil {
		return File{}, err
	}
	defer in.Close()
	before, err := in.Stat()
	if err != nil {
		return File{}, err
	}
	out, err := c.create(e.Path)
	if err != nil {
		return File{}, err
	}
	s, err := c.transfer(ctx, out, in, before.Size(), e)
	if err == nil {
		err = unchanged(in, before, s, e)
	}
	if err == nil {
		err = errors.Join(out.Chmod(0o644), c.dst.Chtimes(e.Path, before.ModTime(), before.ModTime()))
	}
	if err != nil {
		out.Close()
		return File{}, fmt.Errorf("%s: %w", e.Path, err)
	}
	c.sync.Go(func() error {
		if err := errors.Join(out.Sync(), out.Close()); err != nil {
			return fmt.Errorf("%s: %w", e.Path, err)
		}
		return nil
	})
	return s.file(e.Path, e.Hub), nil
}

// create makes a file and the folders it is in.
func (c *copier) create(p string) (*os.File, error) {
	if dir := path.Dir(p); dir != "." {
		if err := c.dst.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	return c.dst.OpenFile(p, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
}

// transfer fills out with the content of in and hashes it.
func (c *copier) transfer(ctx context.Context, out, in *os.File, size int64, e Entry) (sums, error) {
	git := e.Hub.SHA256 == "" && e.Hub.GitOID != ""
	cloned, err := clone(ctx, out, in, size)
	if err != nil {
		return sums{}, err
	}
	if cloned {
		return c.pipe.run(ctx, out, size, git, counted(c.add))
	}
	w, err := directio.New(out, size)
	if err != nil {
		return sums{}, err
	}
	s, err := c.pipe.run(ctx, in, size, git, func(d []byte, offset int64, done func()) error {
		c.add(int64(len(d)))
		return w.Write(d, offset, done)
	})
	return s, finished(err, w)
}

// finished ends a writer after err, which is nil or perhaps the writer's own.
func finished(err error, w *directio.Writer) error {
	if werr := w.Finish(); err == nil {
		return werr
	}
	return err
}

// unchanged tells whether what was read is one state of the file, and the one
// that the Hub knows.
func unchanged(in *os.File, before fs.FileInfo, s sums, e Entry) error {
	after, err := in.Stat()
	if err != nil {
		return err
	}
	if s.size != before.Size() || after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) {
		return fmt.Errorf("%w: %q was written to while it was copied", ErrDamaged, e.From)
	}
	if e.Hub.Known() && s.size != e.Size {
		return fmt.Errorf("%w: %q has %d bytes, and the Hub lists %d", ErrDamaged, e.From, s.size, e.Size)
	}
	return e.Hub.compare(e.From, s)
}

// compare holds content against what the Hub calls it.
func (id Identity) compare(name string, s sums) error {
	switch {
	case id.SHA256 != "" && s.whole.Hex() != id.SHA256:
		return fmt.Errorf("%w: %q has SHA-256 %s, and the Hub lists %s", ErrDamaged, name, s.whole.Hex(), id.SHA256)
	case id.SHA256 == "" && id.GitOID != "" && s.gitOID != id.GitOID:
		return fmt.Errorf("%w: %q has git SHA-1 %s, and the Hub lists %s", ErrDamaged, name, s.gitOID, id.GitOID)
	}
	return nil
}

// noSpace makes the errors of a full disk [ErrSpace].
func noSpace(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrSpace, err)
	}
	return err
}

// Describe hashes all files in a folder, which is usually that of a [Tx] that
// was written into, for [Manifest.Files].
func Describe(ctx context.Context, root *os.Root, sink progress.Sink) ([]File, error) {
	entries, err := walk(root, ".", nil, true)
	if err != nil {
		return nil, err
	}
	return describe(ctx, Origin{root, entries}, sink)
}

// describe hashes the entries of a source without copying them.
func describe(ctx context.Context, o Origin, sink progress.Sink) (files []File, err error) {
	task := sink.Start("hash", o.Size())
	defer func() { task.Done(err) }()
	p := newPipe()
	for _, e := range o.Entries {
		f, err := p.describe(ctx, o.Root, e, task.Add)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

func (p *pipe) describe(ctx context.Context, root *os.Root, e Entry, add func(int64)) (File, error) {
	in, err := openSource(root, e.From)
	if err != nil {
		return File{}, err
	}
	defer in.Close()
	before, err := in.Stat()
	if err != nil {
		return File{}, err
	}
	git := e.Hub.SHA256 == "" && e.Hub.GitOID != ""
	s, err := p.run(ctx, io.Reader(in), before.Size(), git, counted(add))
	if err == nil {
		err = unchanged(in, before, s, e)
	}
	if err != nil {
		return File{}, fmt.Errorf("%s: %w", e.Path, err)
	}
	return s.file(e.Path, e.Hub), nil
}
