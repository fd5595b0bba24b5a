package bundle

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/akadata/bitnet-tool/internal/atomicfile"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/store"
)

// Write writes a version as a bundle, and proves it on the way: bytes that do
// not fit the manifest are [store.ErrDamaged]. What w got by then is no bundle,
// as it lacks its end.
func Write(ctx context.Context, w io.Writer, a store.Artifact, sink progress.Sink) error {
	manifest, err := a.Manifest().Encode()
	if err != nil {
		return err
	}
	return write(ctx, a, manifest, sink, func(frame []byte) error {
		_, err := w.Write(frame)
		return err
	})
}

// WriteFile writes a version as a bundle called name, which appears only when
// it is whole, proven and on the disk. A file of that name is fs.ErrExist.
func WriteFile(ctx context.Context, name string, a store.Artifact, sink progress.Sink) (size int64, err error) {
	f, err := atomicfile.Create(name, false)
	if err != nil {
		return 0, err
	}
	defer f.Abort()
	manifest, err := a.Manifest().Encode()
	if err != nil {
		return 0, err
	}
	err = write(ctx, a, manifest, sink, func(frame []byte) error {
		n, err := f.Write(frame)
		f.WriteBack(size, int64(n))
		size += int64(n)
		return err
	})
	if err != nil {
		return 0, err
	}
	return size, f.Commit()
}

// write gives the frames of a bundle to emit.
func write(ctx context.Context, a store.Artifact, manifest []byte, sink progress.Sink, emit func([]byte) error) (err error) {
	m := a.Manifest()
	if err := checkManifest(manifest, m); err != nil {
		return err
	}
	root, err := os.OpenRoot(a.Dir())
	if err != nil {
		return err
	}
	defer root.Close()
	task := sink.Start("export "+m.Ref().String(), m.Size())
	defer func() { task.Done(err) }()
	out, err := newFrames(emit)
	if err != nil {
		return err
	}
	x := exporter{root, task, tar.NewWriter(out), store.NewProver(task.Add), m.Time}
	err = x.all(ctx, m, manifest)
	return errors.Join(err, out.Close())
}

type exporter struct {
	root   *os.Root
	task   progress.Task
	tar    *tar.Writer
	prover *store.Prover
	time   time.Time
}

func (x exporter) all(ctx context.Context, m *store.Manifest, manifest []byte) error {
	if err := x.tar.WriteHeader(x.header(store.ManifestPath, int64(len(manifest)))); err != nil {
		return err
	}
	if _, err := io.Copy(x.tar, bytes.NewReader(manifest)); err != nil {
		return err
	}
	for _, f := range m.Files {
		if err := x.file(ctx, f); err != nil {
			return fmt.Errorf("%s: %w", m.Ref(), err)
		}
	}
	return x.tar.Close()
}

// header has nothing in it that depends on the machine.
func (x exporter) header(name string, size int64) *tar.Header {
	return &tar.Header{
		Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644,
		ModTime: x.time.Truncate(time.Second), Format: tar.FormatPAX,
	}
}

func (x exporter) file(ctx context.Context, f store.File) error {
	in, err := store.OpenFile(x.root, f)
	if err != nil {
		return err
	}
	defer in.Close()
	defer progress.Part(x.task, f.Path)()
	if err := x.tar.WriteHeader(x.header(f.Path, f.Size)); err != nil {
		return err
	}
	err = x.prover.Send(ctx, x.tar, in, f)
	if errors.Is(err, syscall.EIO) {
		return fmt.Errorf("%w: %w", store.ErrDamaged, err)
	}
	return err
}
