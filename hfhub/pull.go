package hfhub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"syscall"

	"github.com/akadata/bitnet-tool/internal/atomicfile"
	"github.com/akadata/bitnet-tool/internal/progress"
	"golang.org/x/sync/errgroup"
)

// Pulled is what a pull did.
type Pulled struct {
	*Plan
	Path    string           // folder of the files
	Fetched map[string]int64 // bytes that came over the network, by path; not for files that were there
}

// BytesFetched is the sum of Fetched.
func (p *Pulled) BytesFetched() int64 {
	var n int64
	for _, b := range p.Fetched {
		n += b
	}
	return n
}

// Pull brings the wanted files of a revision to t. With an error some files
// may be there, each whole and right, and what else came is kept in partial
// files for the next pull. Progress is reported as one task, in bytes.
func (c *Client) Pull(ctx context.Context, t Target, rq Request, sink progress.Sink) (*Pulled, error) {
	p, err := c.Plan(ctx, t, rq)
	if err != nil {
		return nil, err
	}
	return c.Fetch(ctx, t, p, sink)
}

// Fetch does what a plan says.
func (c *Client) Fetch(ctx context.Context, t Target, p *Plan, sink progress.Sink) (*Pulled, error) {
	done := &Pulled{Plan: p, Path: t.path(p), Fetched: map[string]int64{}}
	if p.Renamed != "" {
		c.o.Notify(fmt.Sprintf("%s is now called %s", p.Repo, p.Renamed))
	}
	if p.Unproven {
		c.o.Notify(fmt.Sprintf("%s@%s: whether the snapshot is complete is not known", p.Repo, p.Revision))
	}
	missing := p.lacking(t)
	if p.Cached && len(missing) == 0 {
		return done, nil
	}
	if err := t.prepare(p); err != nil {
		return done, err
	}
	if err := checkSpace(t, p, missing); err != nil {
		return done, err
	}
	if len(missing) > 0 {
		groups := byContent(missing)
		var total int64
		for _, g := range groups {
			total += g[0].Size
		}
		task := sink.Start("pull "+p.Repo.ID, total)
		err := c.fetchAll(ctx, t, p, groups, task, done)
		task.Done(err)
		if err != nil {
			return done, err
		}
	}
	return done, t.finish(p)
}

// fetchAll makes the files of all groups, several at a time.
func (c *Client) fetchAll(ctx context.Context, t Target, p *Plan, groups [][]File, task progress.Task, done *Pulled) error {
	fetched := make([]int64, len(groups))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(2 * c.o.Jobs) // while some wait for the disk, others have the connections
	for i, files := range groups {
		g.Go(func() (err error) {
			if ctx.Err() != nil {
				return ctx.Err() // leave no lock and no partial file behind
			}
			fetched[i], err = c.fetchFile(ctx, t, p, files, task)
			return err
		})
	}
	err := g.Wait()
	for i, files := range groups {
		if fetched[i] > 0 {
			done.Fetched[files[0].Path] = fetched[i]
		}
	}
	return err
}

// fetchFile makes one content and names it, for all files that have it. It
// returns the bytes that came over the network.
func (c *Client) fetchFile(ctx context.Context, t Target, p *Plan, files []File, task progress.Task) (int64, error) {
	at := t.place(p, files[0])
	waiting := func() { c.o.Notify("waiting for another download of " + files[0].Path) }
	l, err := acquire(ctx, at.root, at.lock, lockMode, waiting)
	if err != nil {
		return 0, err
	}
	defer l.free()
	if ok, err := t.adopt(ctx, p, files); ok || err != nil {
		task.Add(files[0].Size)
		return 0, err
	}
	if p.Cached {
		return 0, fmt.Errorf("%w: %s@%s: %q in the cache is not what the commit lists", ErrDamaged, p.Repo, p.Revision, files[0].Path)
	}
	var n int64
	for try := 1; ; try++ {
		k, err := c.make(ctx, t, p, files, at, task, waiting)
		n += k
		// A "cache prune" of Python takes partial files away without asking.
		if !errors.Is(err, fs.ErrNotExist) || try == 3 {
			return n, err
		}
	}
}

// make does one try.
func (c *Client) make(ctx context.Context, t Target, p *Plan, files []File, at place, task progress.Task, waiting func()) (int64, error) {
	src := Source{p.Repo, p.Commit, files[0]}
	part, err := openPartial(ctx, at, src, c.o.Endpoint, c.block, waiting)
	if err != nil {
		return 0, err
	}
	defer part.Close() //nolint:errcheck // synced before it is published
	defer progress.Part(task, files[0].Path)()
	d := download{c: c, part: part, task: task}
	err = d.run(ctx)
	if err == nil {
		err = t.publish(ctx, p, part, files)
	}
	if se, ok := errors.AsType[*StatusError](err); ok && se.Code == "EntryNotFound" {
		err = errors.Join(err, t.absent(p, files[0].Path), part.forget())
	}
	if errors.Is(err, ErrDigest) {
		err = errors.Join(err, part.forget())
	}
	if errors.Is(err, fs.ErrNotExist) {
		d.add(-d.counted.Load())
	}
	return d.fetched.Load(), c.aboutFile(p, files[0], err)
}

// aboutFile names the file that an error is about.
func (c *Client) aboutFile(p *Plan, f File, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%s: %w", f.Path, c.about(p.Repo, p.Revision, err))
}

// smallFile is the size up to which files go first: configuration and
// tokenizer are useful, and wrong, before the weights are there.
const smallFile = 1 << 20

// byContent groups files of the same content, small ones first, then the
// largest ones.
func byContent(files []File) [][]File {
	index := map[string]int{}
	var groups [][]File
	for _, f := range files {
		key := fmt.Sprint(f.ETag(), f.Size)
		i, ok := index[key]
		if !ok {
			i = len(groups)
			index[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], f)
	}
	slices.SortStableFunc(groups, func(a, b []File) int {
		x, y := a[0].Size, b[0].Size
		switch {
		case x <= smallFile && y <= smallFile:
			return cmp.Compare(x, y)
		case x > smallFile && y > smallFile:
			return cmp.Compare(y, x)
		case x <= smallFile:
			return -1
		}
		return 1
	})
	return groups
}

// checkSpace refuses to begin what cannot end.
func checkSpace(t Target, p *Plan, missing []File) error {
	var need int64
	for _, f := range missing {
		if t.unnamed(p, f) {
			continue
		}
		need += f.Size
		at := t.place(p, f)
		if info, err := at.root.Stat(at.partial); err == nil {
			need -= min(allocated(info), f.Size)
		}
	}
	if free, ok := atomicfile.FreeSpace(t.space()); ok && need > free {
		return fmt.Errorf("%s: %d bytes are needed and %d are free: %w", t.space(), need, free, syscall.ENOSPC)
	}
	return nil
}
