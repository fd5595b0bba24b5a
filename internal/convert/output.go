package convert

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"

	"golang.org/x/sync/errgroup"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/atomicfile"
	"github.com/akadata/bitnet-tool/internal/directio"
	"github.com/akadata/bitnet-tool/internal/par"
	"github.com/akadata/bitnet-tool/internal/progress"
)

// output writes a GGUF file from front to back while its tensors are encoded by
// several workers. What it hashes is what it hands to the disk.
type output struct {
	layout *gguf.Layout
	slabs  *slabs
	sum    hash.Hash // SHA-256 of the whole file
	task   progress.Task
}

// writeTensors fills a file, for which there is room, with header, tensors and
// padding. The tensors come in n pieces, numbered in file order; write puts
// number i into the output, front to back. The header has been parsed again from
// the file when it returns the digest, in hex.
func writeTensors(ctx context.Context, f *atomicfile.File, l *gguf.Layout, task progress.Task, workers, n int,
	write func(ctx context.Context, o *output, worker, i int) error,
) (digest string, err error) {
	disk, err := directio.New(f.File, l.FileSize)
	if err != nil {
		return "", err
	}
	o := &output{layout: l, slabs: newSlabs(l.FileSize), sum: sha256.New(), task: task}
	g, gctx := errgroup.WithContext(ctx)
	defer context.AfterFunc(gctx, func() { o.slabs.stop(gctx.Err()) })()
	g.Go(func() error {
		err := par.For(workers, 1+n, 1, func(worker, lo, _ int) error {
			err := gctx.Err()
			switch {
			case err != nil:
			case lo == 0:
				_, err = o.slabs.WriteAt(l.Header, 0)
			default:
				err = write(gctx, o, worker, lo-1)
			}
			if err != nil {
				o.slabs.stop(err) // others may wait for what does not come
			}
			return err
		})
		if err != nil {
			return err
		}
		return o.slabs.complete()
	})
	g.Go(func() error { return o.drain(disk) })
	err = g.Wait()
	if werr := disk.Finish(); err == nil {
		err = werr
	}
	if err != nil {
		return "", err
	}
	if _, err := gguf.NewFile(f, l.FileSize); err != nil {
		return "", fmt.Errorf("reading back: %w", err)
	}
	return hex.EncodeToString(o.sum.Sum(nil)), nil
}

// drain hands full slabs to the disk and hashes them meanwhile.
func (o *output) drain(disk *directio.Writer) error {
	for k := range o.slabs.count {
		b, off, err := o.slabs.full(k)
		if err != nil {
			return err
		}
		if err := disk.Write(b, off, func() { o.slabs.release(k) }); err != nil {
			return err
		}
		o.sum.Write(b)
		o.slabs.release(k)
		o.task.Add(int64(len(b)))
	}
	return nil
}

// start gives where tensor i begins in the file.
func (o *output) start(i int) int64 { return o.layout.DataOffset + o.layout.Tensors[i].Offset }

// pad writes the zeros after tensor i.
func (o *output) pad(i int) error {
	from, to := o.start(i)+o.layout.Tensors[i].Size, o.layout.FileSize
	if i+1 < len(o.layout.Tensors) {
		to = o.start(i + 1)
	}
	_, err := o.slabs.WriteAt(make([]byte, to-from), from)
	return err
}
