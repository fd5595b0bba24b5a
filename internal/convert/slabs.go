package convert

import (
	"fmt"
	"sync"

	"github.com/akadata/bitnet-tool/internal/directio"
)

// The window of a file that is in memory: large enough that workers seldom
// wait for the disk, small enough to stay in a cache of a processor, mostly.
const (
	slabBytes = 1 << 20
	slabCount = 24
)

// slabs is a file on its way through memory: a window of slabs that moves over
// it. Workers fill it, in any order; slabs leave it in file order once they are
// full. Whoever is ahead of the window waits.
//
// Nothing waits for ever if each worker writes its pieces from front to back and
// pieces are given out in file order. For then the lowest slab that is not full
// is always in the window, as all below it are on their way out, so whoever has
// to fill it can.
type slabs struct {
	size  int64 // of the file
	count int64 // of its slabs

	mu    sync.Mutex
	moved *sync.Cond
	ring  []slab // number k has its place at k mod len(ring)
	left  int64  // bytes that nobody has written
	err   error  // set by stop
}

// slab is a place for a part of the file, of slabBytes but for the last.
type slab struct {
	number  int64 // of the part that is there or is to be
	buf     []byte
	missing int // bytes
	users   int // who must let it go before the next part can come
}

func newSlabs(size int64) *slabs {
	s := &slabs{size: size, count: (size + slabBytes - 1) / slabBytes, left: size}
	s.moved = sync.NewCond(&s.mu)
	s.ring = make([]slab, min(s.count, slabCount))
	for i := range s.ring {
		s.ring[i].buf = directio.Buffer(slabBytes)
		s.begin(&s.ring[i], int64(i))
	}
	return s
}

// begin makes a place that of slab k.
func (s *slabs) begin(p *slab, k int64) {
	p.number = k
	p.missing = int(min(slabBytes, s.size-k*slabBytes))
	p.users = 2 // the digest and the disk
}

// WriteAt implements [io.WriterAt]. Every byte of the file must be written
// once.
func (s *slabs) WriteAt(b []byte, off int64) (n int, err error) {
	if off < 0 || int64(len(b)) > s.size-off {
		return 0, fmt.Errorf("%d bytes at offset %d of a file of %d", len(b), off, s.size)
	}
	for n < len(b) {
		k, at := off/slabBytes, off%slabBytes
		p, err := s.wait(k, func(*slab) bool { return true })
		if err != nil {
			return n, err
		}
		c := copy(p.buf[at:], b[n:])
		s.mu.Lock()
		s.left -= int64(c)
		if p.missing -= c; p.missing == 0 {
			s.moved.Broadcast()
		}
		s.mu.Unlock()
		n, off = n+c, off+int64(c)
	}
	return n, nil
}

// full waits until slab k is full and gives its bytes and their place. Release
// must be called twice when they are no longer needed.
func (s *slabs) full(k int64) (b []byte, off int64, err error) {
	p, err := s.wait(k, func(p *slab) bool { return p.missing == 0 })
	if err != nil {
		return nil, 0, err
	}
	off = k * slabBytes
	return p.buf[:min(slabBytes, s.size-off)], off, nil
}

// release gives up a use of slab k.
func (s *slabs) release(k int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &s.ring[k%int64(len(s.ring))]
	if p.users--; p.users == 0 && k+int64(len(s.ring)) < s.count {
		s.begin(p, k+int64(len(s.ring)))
		s.moved.Broadcast()
	}
}

// complete is to be called after the last write. What is missing is an error.
func (s *slabs) complete() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left != 0 {
		return fmt.Errorf("%d bytes of %d were not written", s.left, s.size)
	}
	return nil
}

// stop ends all waiting with an error.
func (s *slabs) stop(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	s.moved.Broadcast()
}

// wait waits until slab k is in the window and ready.
func (s *slabs) wait(k int64, ready func(*slab) bool) (*slab, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &s.ring[k%int64(len(s.ring))]
	for s.err == nil && (p.number != k || !ready(p)) {
		s.moved.Wait()
	}
	return p, s.err
}
