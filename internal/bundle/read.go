package bundle

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/store"
)

// Reader reads a bundle. It is used by one goroutine and must be closed.
type Reader struct {
	in       *input
	zstd     *zstd.Decoder
	plain    *bounded
	tar      *tar.Reader
	manifest *store.Manifest
	folders  map[string]bool // that may have an entry yet
	bytes    int64           // of files that were read
}

// NewReader begins to read a bundle: its manifest. What is no bundle is
// [ErrFormat], one of a later version of this program [store.ErrUnsupported].
// If r is a [File], a bundle that is cut is said to lack its next part.
func NewReader(ctx context.Context, r io.Reader) (*Reader, error) {
	in := &input{ctx: ctx, r: r}
	z, err := zstd.NewReader(in, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxWindow))
	if err != nil {
		return nil, in.explain("", err)
	}
	b := &Reader{in: in, zstd: z, plain: &bounded{r: z, left: maxManifest + entryRoom}}
	b.tar = tar.NewReader(b.plain)
	if err := b.readManifest(); err != nil {
		z.Close()
		return nil, err
	}
	return b, nil
}

// Close ends the reading.
func (b *Reader) Close() error {
	b.zstd.Close()
	return nil
}

// Manifest is that of the version. Nobody has proven yet that the rest of the
// bundle fits it.
func (b *Reader) Manifest() *store.Manifest { return b.manifest }

func (b *Reader) readManifest() error {
	h, err := b.tar.Next()
	if err != nil {
		return b.in.explain("the first entry", err)
	}
	if h.Name != store.ManifestPath || h.Typeflag != tar.TypeReg {
		return fmt.Errorf("%w: it begins with %.100q and not with the file %s", ErrFormat, h.Name, store.ManifestPath)
	}
	if h.Size > maxManifest {
		return fmt.Errorf("%w: %s has %d bytes, more than %d", ErrFormat, h.Name, h.Size, maxManifest)
	}
	text, err := io.ReadAll(b.tar)
	if err != nil {
		return b.in.explain(h.Name, err)
	}
	if b.manifest, err = decodeManifest(text); err != nil {
		return err
	}
	b.folders = folders(b.manifest)
	b.plain.left = maxPadding + b.manifest.Size() + entryRoom*int64(len(b.manifest.Files)+len(b.folders))
	for _, f := range b.manifest.Files {
		b.plain.left += 2 * int64(len(f.Path))
	}
	return nil
}

// Prove reads the files and proves that they are what the manifest says. If
// root, a staging folder, is not nil, they are written below it. Any entry that
// is not the next file of the manifest, or a folder of one, is [ErrFormat] and
// named, and so is content that is not right.
func (b *Reader) Prove(ctx context.Context, root *os.Root, sink progress.Sink) (err error) {
	m := b.manifest
	if root != nil {
		if err := store.CheckFiles(root, m.Files); err != nil {
			return fmt.Errorf("%w: %w", ErrFormat, err)
		}
	}
	task := sink.Start("import "+m.Ref().String(), m.Size())
	defer func() { task.Done(err) }()
	p := store.NewProver(func(n int64) {
		b.bytes += n
		task.Add(n)
	})
	for i, f := range m.Files {
		if err := b.find(f, i); err != nil {
			return err
		}
		end := progress.Part(task, f.Path)
		content := &content{r: b.tar}
		if root == nil {
			err = p.Send(ctx, io.Discard, content, f)
		} else {
			err = p.Receive(ctx, root, content, f, m.Time)
		}
		end()
		switch {
		case content.err != nil:
			return b.broken(f, i, content.err)
		case errors.Is(err, store.ErrDamaged):
			return fmt.Errorf("%w: %w", ErrFormat, err)
		case err != nil:
			return err
		}
	}
	return b.end()
}

// find goes to the entry of the file that is next in the manifest.
func (b *Reader) find(f store.File, index int) error {
	for {
		h, err := b.tar.Next()
		if err != nil {
			return b.broken(f, index, err)
		}
		if h.Typeflag == tar.TypeDir && b.folder(h.Name) {
			continue
		}
		if h.Typeflag != tar.TypeReg || h.Name != f.Path {
			return b.odd(h, fmt.Sprintf("%q comes next", f.Path), index)
		}
		if h.Size != f.Size {
			return fmt.Errorf("%w: %q has %d bytes, and the manifest says %d", ErrFormat, h.Name, h.Size, f.Size)
		}
		return nil
	}
}

// folder reports whether an entry is a folder of the manifest's files that had
// none before.
func (b *Reader) folder(name string) bool {
	name = strings.TrimSuffix(name, "/")
	ok := b.folders[name]
	delete(b.folders, name)
	return ok
}

// odd refuses an entry, and says why as exactly as it can.
func (b *Reader) odd(h *tar.Header, wanted string, index int) error {
	if kind, bad := kinds[h.Typeflag]; bad {
		return fmt.Errorf("%w: the entry %.200q is %s; only files and folders can be", ErrFormat, h.Name, kind)
	}
	_, known := b.manifest.File(h.Name)
	switch {
	case h.Typeflag == tar.TypeDir:
		return fmt.Errorf("%w: the folder %.200q is none of the manifest's files, or comes twice", ErrFormat, h.Name)
	case h.Typeflag != tar.TypeReg:
		return fmt.Errorf("%w: the entry %.200q is of the type %q; only files and folders can be", ErrFormat, h.Name, h.Typeflag)
	case h.Name == store.ManifestPath:
		return fmt.Errorf("%w: %q comes twice", ErrFormat, h.Name)
	case !known:
		if err := store.CheckPath(h.Name); err != nil {
			return fmt.Errorf("%w: an entry's path: %w", ErrFormat, err)
		}
		return fmt.Errorf("%w: %.200q is not in the manifest", ErrFormat, h.Name)
	}
	for _, f := range b.manifest.Files[:index] {
		if f.Path == h.Name {
			return fmt.Errorf("%w: %q comes twice", ErrFormat, h.Name)
		}
	}
	return fmt.Errorf("%w: %q is out of order: %s", ErrFormat, h.Name, wanted)
}

var kinds = map[byte]string{
	tar.TypeLink: "a hard link", tar.TypeSymlink: "a link", tar.TypeChar: "a device", tar.TypeBlock: "a device",
	tar.TypeFifo: "a FIFO", tar.TypeXGlobalHeader: "a global header", tar.TypeGNUSparse: "a sparse file",
}

// broken explains an error in the middle, above all that of a bundle that was
// cut: what is missing of it.
func (b *Reader) broken(f store.File, index int, err error) error {
	if b.in.failed() != nil || !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return b.in.explain(fmt.Sprintf("%q", f.Path), err)
	}
	missing := fmt.Sprintf("%d of %d bytes are missing, from %q on", b.manifest.Size()-b.bytes, b.manifest.Size(), f.Path)
	if more := len(b.manifest.Files) - index - 1; more > 0 {
		missing += fmt.Sprintf(" with %d more files", more)
	}
	return fmt.Errorf("%w: %s%s", ErrCut, missing, b.in.lacks())
}

// end makes sure that nothing follows the files.
func (b *Reader) end() error {
	for {
		h, err := b.tar.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return b.in.explain("after the last file", err)
		}
		if h.Typeflag != tar.TypeDir || !b.folder(h.Name) {
			return b.odd(h, "nothing comes next", len(b.manifest.Files))
		}
	}
	buf := make([]byte, 32<<10)
	for {
		n, err := b.plain.Read(buf)
		if strings.Trim(string(buf[:n]), "\x00") != "" {
			return fmt.Errorf("%w: something follows its end", ErrFormat)
		}
		switch {
		case err == io.EOF: //nolint:errorlint // of a Reader
			return nil
		case err != nil:
			return b.in.explain("after the last file", err)
		}
	}
}

// content remembers an error of reading, to tell it from one of writing.
type content struct {
	r   io.Reader
	err error
}

func (c *content) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

// input is what the bundle is read from.
type input struct {
	ctx context.Context //nolint:containedctx // a Reader has no other way to get it
	r   io.Reader

	mu  sync.Mutex // the decoder reads ahead
	err error      // of the system, or of the context
}

func (in *input) Read(p []byte) (int, error) {
	if err := in.ctx.Err(); err != nil {
		in.fail(err)
		return 0, err
	}
	n, err := in.r.Read(p)
	if err != nil && err != io.EOF {
		in.fail(err)
	}
	return n, err
}

func (in *input) fail(err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.err = err
}

func (in *input) failed() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.err
}

// lacks names the part that would go on.
func (in *input) lacks() string {
	if f, ok := in.r.(*File); ok && f.next != "" {
		return "; the part " + f.next + " is missing"
	}
	return ""
}

// explain gives the error that one of the decoders stands for.
func (in *input) explain(at string, err error) error {
	if failed := in.failed(); failed != nil {
		return failed
	}
	switch {
	case errors.Is(err, ErrFormat):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: it ends in or before %s%s", ErrCut, at, in.lacks())
	case errors.Is(err, zstd.ErrMagicMismatch):
		return fmt.Errorf("%w: %s: it is not compressed with zstd, or damaged", ErrFormat, at)
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return fmt.Errorf("%w: %s: it wants a window of more than %d bytes; compress it again with a lower level", ErrFormat, at, maxWindow)
	}
	return fmt.Errorf("%w: %s: %v", ErrFormat, at, err) //nolint:errorlint // nothing in it is an answer to who calls
}

// bounded is a reader that refuses to give more than was announced.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		// Only the end may follow.
		if n, err := b.r.Read(p[:min(1, len(p))]); n == 0 {
			return 0, err
		}
		return 0, fmt.Errorf("%w: it unpacks to more than its manifest lists", ErrFormat)
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
