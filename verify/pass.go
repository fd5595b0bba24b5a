package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/akadata/bitnet-tool/internal/store"
)

// blockSize is how much of a file is read at a time. It is what the manifests
// of stores have digests of.
const blockSize = store.BlockSize

// pass reads a file once, from the beginning to the end, for two purposes:
// what has to see the bytes in their order gets them so, and blocks are looked
// at one by one on all processors.
type pass struct {
	disk    io.ReaderAt
	size    int64
	workers int

	lead  int                   // most bytes that each may want of the block before
	carry func(off int64) int64 // how many it wants in the block at off, at most lead

	inOrder func(b *slab)                   // on one goroutine, for every block
	each    func(worker int, b *slab) error // on several at once, in any order
	add     func(int64)                     // progress; on several at once
}

// slab is a block of the file in memory.
type slab struct {
	no   int64
	off  int64  // of data in the file, no times blockSize
	data []byte // blockSize, or what is left

	room  []byte // lead and data
	ready chan error
	users atomic.Int32
}

// slice gives bytes by their offset in the file; from may be as many before
// the block as it carries.
func (b *slab) slice(from, to int64) []byte {
	origin := b.off - int64(len(b.room)-blockSize)
	return b.room[from-origin : to-origin]
}

// run reads the file. Memory is bounded: two blocks a worker and two more.
func (p *pass) run(ctx context.Context) error {
	ring := 2*p.workers + 2
	free, queue := make(chan *slab, ring), make(chan *slab, ring)
	for range ring {
		free <- &slab{room: make([]byte, p.lead+blockSize), ready: make(chan error, 1)}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return p.follow(ctx, queue, free) })
	// A block gets its number and its place in the queue at once, so that the
	// queue has the order of the file.
	var mu sync.Mutex
	next := int64(0)
	take := func(b *slab) bool {
		mu.Lock()
		defer mu.Unlock()
		if next*blockSize >= p.size {
			return false
		}
		b.no, b.off = next, next*blockSize
		next++
		b.users.Store(2)
		queue <- b // has room for all blocks that there are
		return true
	}
	for worker := range p.workers {
		g.Go(func() error {
			for {
				select {
				case <-ctx.Done():
					return context.Cause(ctx)
				case b := <-free:
					if !take(b) {
						free <- b // for the other workers, to see the end too
						return nil
					}
					err := p.fill(b)
					b.ready <- err
					if err == nil {
						err = p.each(worker, b)
					}
					if err != nil {
						return err
					}
					b.done(free)
				}
			}
		})
	}
	return g.Wait()
}

// follow shows the blocks in the order of the file.
func (p *pass) follow(ctx context.Context, queue <-chan *slab, free chan<- *slab) error {
	for off := int64(0); off < p.size; off += blockSize {
		var b *slab
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case b = <-queue:
		}
		if err := <-b.ready; err != nil {
			return err
		}
		p.inOrder(b)
		b.done(free)
	}
	return nil
}

// done says that one of the two users of a block needs it no more.
func (b *slab) done(free chan<- *slab) {
	if b.users.Add(-1) == 0 {
		free <- b
	}
}

// fill reads a block, and what it carries.
func (p *pass) fill(b *slab) error {
	n := min(blockSize, p.size-b.off)
	carry := p.carry(b.off)
	b.data = b.room[p.lead:][:n]
	into := b.room[int64(p.lead)-carry : int64(p.lead)+n]
	for at := 0; at < len(into); {
		got, err := p.disk.ReadAt(into[at:], b.off-carry+int64(at))
		if got == 0 {
			return fmt.Errorf("read at offset %d: %w", b.off-carry+int64(at), noEOF(err))
		}
		at += got
	}
	p.add(n)
	return nil
}

// noEOF makes an end that comes too early an error that says so.
func noEOF(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
