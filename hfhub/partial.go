package hfhub

import (
	"context"
	"os"
	"sync"
)

// place is where a file is made: its lock, its partial content, and the
// journal of the ranges of it that are there. They lie on one file system.
type place struct {
	root                   *os.Root
	lock, partial, journal string
}

// scratch is where the journal is written before it replaces the last one.
func (p place) scratch() string { return p.journal + ".tmp" }

// forget removes what is left of attempts to make the file.
func (p place) forget() error {
	for _, name := range []string{p.partial, p.journal, p.scratch()} {
		if err := remove(p.root, name); err != nil {
			return err
		}
	}
	return nil
}

// syncEvery is how many bytes may be lost to a crash of the machine. A crash
// of the process loses none that are in the journal.
const syncEvery = 256 << 20

// partial is a file that is being fetched in blocks, in any order. It is ours
// alone while it is open.
type partial struct {
	place
	f      *os.File
	source Source
	from   string // endpoint
	block  int64

	mu      sync.Mutex
	done    []bool // by block
	front   int    // first block that is not done
	unsaved int64  // bytes since the last sync

	grown chan struct{} // has a value when front went on
}

// openPartial opens or makes the partial file of a source and reads its
// journal. The lock on the file itself is for systems where the lock file
// cannot be locked.
func openPartial(ctx context.Context, p place, src Source, endpoint string, block int64, waiting func()) (*partial, error) {
	for _, name := range []string{p.partial, p.journal} {
		if err := mkdirAll(p.root, name); err != nil {
			return nil, err
		}
	}
	l, err := acquire(ctx, p.root, p.partial, 0o666, waiting)
	if err != nil {
		return nil, err
	}
	if l.f == nil {
		return nil, &os.PathError{Op: "open", Path: p.partial, Err: os.ErrPermission}
	}
	part := &partial{place: p, f: l.f, source: src, from: endpoint, block: block, grown: make(chan struct{}, 1)}
	if err := part.restore(); err != nil {
		part.Close() //nolint:errcheck // the first error counts
		return nil, err
	}
	return part, nil
}

// restore takes up what an earlier process left, if it is of this source.
func (p *partial) restore() error {
	size := p.source.File.Size
	p.done = make([]bool, (size+p.block-1)/p.block)
	info, err := p.f.Stat()
	if err != nil {
		return err
	}
	spans, ok := p.readJournal()
	if !ok || info.Size() != size || !info.Mode().IsRegular() {
		return p.reset()
	}
	for i := range p.done {
		from, to := p.span(i)
		for _, s := range spans {
			p.done[i] = p.done[i] || s[0] <= from && to <= s[1]
		}
	}
	p.advance()
	return nil
}

// reset forgets all content.
func (p *partial) reset() error {
	clear(p.done)
	p.front = 0
	for _, name := range []string{p.journal, p.scratch()} {
		if err := remove(p.root, name); err != nil {
			return err
		}
	}
	if err := p.f.Truncate(0); err != nil {
		return err
	}
	return p.f.Truncate(p.source.File.Size)
}

// span is the bytes of a block.
func (p *partial) span(i int) (from, to int64) {
	from = int64(i) * p.block
	return from, min(from+p.block, p.source.File.Size)
}

// missing lists the blocks that are not there.
func (p *partial) missing() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []int
	for i, done := range p.done {
		if !done {
			out = append(out, i)
		}
	}
	return out
}

// have is how many bytes are there.
func (p *partial) have() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	var n int64
	for i, done := range p.done {
		if from, to := p.span(i); done {
			n += to - from
		}
	}
	return n
}

// prefix is how many bytes are there without a gap.
func (p *partial) prefix() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return min(int64(p.front)*p.block, p.source.File.Size)
}

// finish records a block whose bytes are written. It is false if that was
// known.
func (p *partial) finish(i int) (bool, error) {
	p.mu.Lock()
	if p.done[i] {
		p.mu.Unlock()
		return false, nil
	}
	p.done[i] = true
	p.advance()
	p.unsaved += p.block
	save := p.unsaved >= syncEvery
	if save {
		p.unsaved = 0
	}
	var err error
	if len(p.done) > 1 { // a file of one block has nothing to resume
		err = p.writeJournal()
	}
	p.mu.Unlock()
	if save && err == nil {
		err = p.f.Sync()
	}
	return true, err
}

// advance moves the front over blocks that are done.
func (p *partial) advance() {
	for p.front < len(p.done) && p.done[p.front] {
		p.front++
	}
	select {
	case p.grown <- struct{}{}:
	default:
	}
}

// Close lets go of the file; what it holds remains for another time.
func (p *partial) Close() error { return p.f.Close() }
