package hfhub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/akadata/bitnet-tool/internal/atomicfile"
	"github.com/akadata/bitnet-tool/internal/progress"
	"golang.org/x/sync/errgroup"
)

// download fills one partial file and proves it.
type download struct {
	c       *Client
	part    *partial
	task    progress.Task
	counted atomic.Int64 // of task, for content that was thrown away
	fetched atomic.Int64 // bytes that came over the network
}

// run fetches what is missing until the digest is right. Wrong content is
// wrong somewhere unknown: it is thrown away, and fetched once more.
func (d *download) run(ctx context.Context) error {
	f := d.part.source.File
	for try := 1; ; try++ {
		d.add(d.part.have())
		err := d.fill(ctx)
		if err == nil {
			return d.part.f.Sync()
		}
		if !errors.Is(err, ErrDigest) {
			return err
		}
		d.add(-d.counted.Load())
		if rerr := d.part.reset(); rerr != nil {
			return errors.Join(err, rerr)
		}
		if try == 2 {
			return fmt.Errorf("%s, fetched twice: %w", f.Path, err)
		}
		d.c.o.Notify(fmt.Sprintf("%s: %v; fetching it again", f.Path, err))
	}
}

// add tells the progress, and remembers it.
func (d *download) add(n int64) {
	d.counted.Add(n)
	d.task.Add(n)
}

// fill makes all blocks be there, and the digest follow them.
func (d *download) fill(ctx context.Context) error {
	f := d.part.source.File
	var got string
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		got, err = d.digest(gctx)
		return err
	})
	g.Go(func() error {
		err := d.ranges(gctx)
		if errors.Is(err, errWhole) {
			err = d.whole(gctx)
		}
		return err
	})
	if err := g.Wait(); err != nil {
		return err
	}
	if got != f.ETag() {
		return &mismatchError{"its digest", got, f.ETag()}
	}
	return nil
}

// digest hashes the content in order, as fast as it comes.
func (d *download) digest(ctx context.Context) (string, error) {
	f := d.part.source.File
	h := newHash(f.ETag(), f.Size)
	buf := make([]byte, min(bufferBytes, f.Size))
	for at := int64(0); at < f.Size; {
		end := d.part.prefix()
		if at == end {
			select {
			case <-ctx.Done():
				return "", ctx.Err()
			case <-d.part.grown:
			}
			continue
		}
		n, err := d.part.f.ReadAt(buf[:min(int64(len(buf)), end-at)], at)
		if n == 0 && err != nil {
			return "", err
		}
		h.Write(buf[:n])
		at += int64(n)
		if err := ctx.Err(); err != nil {
			return "", err
		}
	}
	return sum(h), nil
}

// ranges fetches the missing blocks, several at a time, the first ones first.
func (d *download) ranges(ctx context.Context) error {
	missing := d.part.missing()
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for range min(len(missing), d.c.o.Jobs) {
		g.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(missing) {
					return nil
				}
				if err := d.fetchBlock(ctx, missing[i]); err != nil {
					return err
				}
			}
		})
	}
	return g.Wait()
}

// fetchBlock fetches one block, in as many pieces as the network breaks it.
func (d *download) fetchBlock(ctx context.Context, i int) error {
	from, to := d.part.span(i)
	at, retry := from, retrier{c: d.c}
	for at < to {
		n, err := d.piece(ctx, at, to, d.add)
		at += n
		if n > 0 {
			retry.progress()
		}
		if err == nil && at < to {
			err = again("%s ended at byte %d of %d", d.part.source.File.Path, at, d.part.source.File.Size)
		}
		if err == nil {
			continue
		}
		if err := retry.after(ctx, err); err != nil {
			return err
		}
	}
	atomicfile.WriteBack(d.part.f, from, to-from)
	_, err := d.part.finish(i)
	return err
}

// whole fetches all bytes in one stream, for servers that know no ranges.
// Every try begins at 0, and getting further than before is progress.
func (d *download) whole(ctx context.Context) error {
	f := d.part.source.File
	retry := retrier{c: d.c}
	for best := int64(0); ; {
		n, err := d.piece(ctx, 0, f.Size, func(int64) {})
		if n > best {
			best = n
			retry.progress()
		}
		for i := range d.part.done {
			from, to := d.part.span(i)
			if to > n {
				break
			}
			fresh, ferr := d.part.finish(i)
			if ferr != nil {
				return ferr
			}
			if fresh {
				d.add(to - from)
			}
		}
		if n == f.Size && err == nil {
			return nil
		}
		if err == nil {
			err = again("%s ended at byte %d of %d", f.Path, n, f.Size)
		}
		if err := retry.after(ctx, err); err != nil {
			return err
		}
	}
}

// piece opens one connection and writes what it brings of from ≤ x < to. It
// returns how many bytes that was, also with an error; nil means that the
// server ended the answer.
func (d *download) piece(ctx context.Context, from, to int64, count func(int64)) (n int64, err error) {
	var buf []byte
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case buf = <-d.c.conns:
	}
	defer func() { d.c.conns <- buf }()
	body, err := d.c.fetcher.Fetch(ctx, d.part.source, from, to)
	if err != nil {
		return 0, err
	}
	defer body.Close() //nolint:errcheck // what was read counts
	for from+n < to {
		room := buf[:min(int64(len(buf)), to-from-n)]
		k, rerr := io.ReadAtLeast(body, room, min(len(room), stepBytes))
		if _, err := d.part.WriteAt(buf[:k], from+n); err != nil {
			return n, err
		}
		n += int64(k)
		d.fetched.Add(int64(k))
		count(int64(k))
		if rerr == io.EOF || rerr == io.ErrUnexpectedEOF {
			return n, nil
		}
		if rerr != nil {
			return n, rerr
		}
		if err := d.c.limit.take(ctx, k); err != nil {
			return n, err
		}
	}
	// The end of the answer frees its connection for the next one.
	if k, _ := body.Read(buf[:1]); k > 0 {
		f := d.part.source.File
		return n, &mismatchError{"its size", fmt.Sprintf("more than %d", f.Size), fmt.Sprint(f.Size)}
	}
	return n, nil
}
