package hfhub

import (
	"context"
	"errors"
	"os"
	"sync"
)

// place is where a file is made: its lock, its partial content, and the
// journal of the ranges of it that are there. They lie on one file system.
type place struct {
	root                   *os.Root
	lock, partial, journal string
}

// forget removes what is left of attempts to make the file.
func (p place) forget() error {
	return errors.Join(remove(p.root, p.partial), remove(p.root, p.journal))
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
	log     *journal

	grown chan struct{} // has a value when front went on
}

// openPartial opens or makes the partial file of a source and reads its
// journal. The lock on the file itself is for systems where the lock file
// cannot be locked.
func openPartial(ctx context.Context, p place, src Source, endpoint string, block int64, waiting func()) (*partial, error) {
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
	if !p.resumable() {
		return p.f.Truncate(0)
	}
	info, err := p.f.Stat()
	if err != nil {
		return err
	}
	spans, ok := p.readJournal()
	if !ok || info.Size() != size {
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

// resumable reports whether it can be there in part: a file of one block has
// no journal.
func (p *partial) resumable() bool { return len(p.done) > 1 }

// reset forgets all content.
func (p *partial) reset() error {
	clear(p.done)
	p.front = 0
	if !p.resumable() {
		return p.f.Truncate(0)
	}
	if err := errors.Join(p.log.Close(), remove(p.root, p.journal)); err != nil {
		return err
	}
	p.log = nil
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

// WriteAt writes what belongs to blocks that are not done. One that is done may
// have been hashed, so its bytes stay what they were, whatever comes again.
func (p *partial) WriteAt(b []byte, at int64) (n int, err error) {
	for n < len(b) && err == nil {
		i := int((at + int64(n)) / p.block)
		_, to := p.span(i)
		k := int(min(int64(len(b)-n), to-at-int64(n)))
		p.mu.Lock()
		done := p.done[i]
		p.mu.Unlock()
		if !done {
			_, err = p.f.WriteAt(b[n:n+k], at+int64(n))
		}
		n += k
	}
	return n, err
}

// finish records a block whose bytes are written. It is false if that was
// known.
func (p *partial) finish(i int) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done[i] {
		return false, nil
	}
	p.done[i] = true
	p.advance()
	if !p.resumable() {
		return true, nil
	}
	from, to := p.span(i)
	err := p.note(record{Done: &extent{from, to}})
	if p.unsaved += to - from; err != nil || p.unsaved < syncEvery {
		return true, err
	}
	p.unsaved = 0
	return true, p.save()
}

// note adds to the journal, which is made when there is something to say. The
// caller holds the lock.
func (p *partial) note(r record) (err error) {
	if p.log == nil {
		if p.log, err = p.openJournal(); err != nil {
			return err
		}
	}
	return p.log.add(r)
}

// save brings what is there to the disk, and says so. The caller holds the
// lock, which others may take meanwhile.
func (p *partial) save() error {
	safe := p.extents()
	p.mu.Unlock()
	err := p.f.Sync()
	p.mu.Lock()
	if err != nil {
		return err
	}
	return p.note(record{Safe: safe})
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

// publish gives the file its name, over what has it.
func (p *partial) publish(name string) error {
	if err := p.root.Rename(p.partial, name); err != nil || !p.resumable() {
		return err
	}
	return remove(p.root, p.journal)
}

// Close lets go of the file; what it holds remains for another time.
func (p *partial) Close() error { return errors.Join(p.log.Close(), p.f.Close()) }
