package convert

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/akadata/bitnet-tool/internal/atomicfile"
	"github.com/akadata/bitnet-tool/internal/par"
	"github.com/akadata/bitnet-tool/internal/progress"
)

// writer fills the tensors of a file: workers take pieces in file order, and
// two others follow the front of what is written, one to hash it and one to
// have it put on the disk.
type writer struct {
	plan    *Plan
	file    *atomicfile.File
	task    progress.Task
	streams []*stream
	pieces  []piece
	front   *front
	memory  []workspace // one a worker
	sum     hash.Hash   // SHA-256 of the whole file

	mu     sync.Mutex
	counts []counts // by tensor
}

// piece is some rows of a tensor.
type piece struct{ tensor, row, rows int }

func (p *Plan) newWriter(f *atomicfile.File, threads int, task progress.Task) (*writer, error) {
	w := &writer{
		plan: p, file: f, task: task, sum: sha256.New(),
		memory: make([]workspace, threads), counts: make([]counts, len(p.Tensors)),
	}
	var ends []int64
	for i, t := range p.Layout.Tensors {
		s, err := p.stream(i, p.src.surveys.get(i))
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", p.src.matrices[i].weight.Name, err)
		}
		w.streams = append(w.streams, s)
		step := s.step(pieceWeights)
		for row := 0; row < s.spec.Rows; row += step {
			rows := min(step, s.spec.Rows-row)
			w.pieces = append(w.pieces, piece{i, row, rows})
			ends = append(ends, p.Layout.DataOffset+t.Offset+s.offset(row+rows))
		}
		ends[len(ends)-1] = p.end(i) // with the padding
	}
	w.front = newFront(p.Layout.DataOffset, ends)
	return w, nil
}

// end gives where the tensor after number i begins, or the file ends.
func (p *Plan) end(i int) int64 {
	if i+1 < len(p.Layout.Tensors) {
		return p.Layout.DataOffset + p.Layout.Tensors[i+1].Offset
	}
	return p.Layout.FileSize
}

const (
	hashBytes  = 1 << 20  // read and hashed at a time
	flushBytes = 32 << 20 // given to the disk at a time
)

func (w *writer) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	defer context.AfterFunc(ctx, w.front.stop)()
	g.Go(func() error {
		return par.For(len(w.memory), len(w.pieces), 1, func(worker, lo, _ int) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return w.write(lo, &w.memory[worker])
		})
	})
	g.Go(func() error { return w.hash(ctx) })
	g.Go(func() error {
		return w.front.follow(flushBytes, func(off, n int64) error {
			w.file.WriteBack(off, n)
			return nil
		})
	})
	return g.Wait()
}

// write encodes piece i and puts it in its place.
func (w *writer) write(i int, ws *workspace) error {
	p := w.pieces[i]
	s, t := w.streams[p.tensor], w.plan.Layout.Tensors[p.tensor]
	b, c, err := s.encode(p.row, p.rows, ws)
	if err != nil {
		return fmt.Errorf("tensor %q: %w", s.weight.Name, err)
	}
	if _, err := w.file.WriteAt(b, w.plan.Layout.DataOffset+t.Offset+s.offset(p.row)); err != nil {
		return err
	}
	w.mu.Lock()
	w.counts[p.tensor].zeros += c.zeros
	w.counts[p.tensor].thresholds += c.thresholds
	w.mu.Unlock()
	w.front.finish(i)
	w.task.Add(s.weight.Size() * int64(p.rows) / int64(s.spec.Rows))
	return nil
}

// hash reads the file back as it grows.
func (w *writer) hash(ctx context.Context) error {
	buf := make([]byte, hashBytes)
	return w.front.follow(1, func(off, n int64) error {
		for n > 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			b := buf[:min(int64(len(buf)), n)]
			if _, err := w.file.ReadAt(b, off); err != nil && !errors.Is(err, io.EOF) {
				return fmt.Errorf("reading back at offset %d: %w", off, err)
			}
			w.sum.Write(b)
			w.task.Add(int64(len(b)))
			off, n = off+int64(len(b)), n-int64(len(b))
		}
		return nil
	})
}
