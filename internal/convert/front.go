package convert

import "sync"

// front tells how far a file is written without a gap, while its pieces are
// written in any order.
type front struct {
	mu      sync.Mutex
	moved   *sync.Cond
	ends    []int64 // where each piece ends, in file order
	done    []bool
	next    int // the first piece that is not done
	at      int64
	stopped bool
}

// newFront begins at an offset up to which all is written.
func newFront(at int64, ends []int64) *front {
	f := &front{ends: ends, done: make([]bool, len(ends)), at: at}
	f.moved = sync.NewCond(&f.mu)
	return f
}

// finish says that piece i is written.
func (f *front) finish(i int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done[i] = true
	for f.next < len(f.done) && f.done[f.next] {
		f.at = f.ends[f.next]
		f.next++
	}
	f.moved.Broadcast()
}

// stop wakes all that wait; there will be no more pieces.
func (f *front) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = true
	f.moved.Broadcast()
}

// beyond waits until the front is beyond an offset and gives where it is. After
// stop it is the offset, at the latest when all that is written is.
func (f *front) beyond(off int64) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.at <= off && !f.stopped && f.next < len(f.ends) {
		f.moved.Wait()
	}
	return max(f.at, off)
}

// follow calls use for all that is written, from offset 0 on, once and in order,
// in parts of no fewer than least bytes but for the last. It ends when the last
// piece is, on an error, or after stop.
func (f *front) follow(least int64, use func(off, n int64) error) error {
	var off, seen int64
	for {
		at := f.beyond(seen)
		end := at == seen
		if n := at - off; n >= least || end && n > 0 {
			if err := use(off, n); err != nil {
				return err
			}
			off = at
		}
		if end {
			return nil
		}
		seen = at
	}
}
