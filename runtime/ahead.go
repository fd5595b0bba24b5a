package runtime

import (
	"sync/atomic"

	"github.com/akadata/bitnet-tool/internal/kernels"
)

const (
	// aheadBytes is how much is fetched ahead at most: what a worker takes first,
	// and less than its second cache.
	aheadBytes = 512 << 10
	// aheadStep is how much is fetched at a time. A worker may be late for its next
	// loop by the time that takes.
	aheadStep = 4 << 10
)

// ahead has workers that wait fetch the weights that come next. Memory is what
// bounds a single token, and between two products it would stand still: while one
// worker computes a norm, or the last rows.
type ahead struct {
	rows atomic.Pointer[[]byte] // that come next; nil: none
	done atomic.Int64           // bytes that some worker has fetched
}

func (a *ahead) set(rows *[]byte) {
	a.rows.Store(rows)
	a.done.Store(0)
}

// fetch is what an idle worker does.
func (a *ahead) fetch() { kernels.Prefetch(a.take()) }

// take gives a piece that nobody has taken, or nothing.
func (a *ahead) take() []byte {
	rows := a.rows.Load()
	if rows == nil {
		return nil
	}
	end := int64(min(len(*rows), aheadBytes))
	if a.done.Load() >= end {
		return nil
	}
	to := a.done.Add(aheadStep)
	if to-aheadStep >= end {
		return nil
	}
	return (*rows)[to-aheadStep : min(to, end)]
}

// chain tells the last of the matrices that are multiplied together which ones
// come after them.
func (m *Model) chain() {
	next := m.head
	for i := len(m.layers) - 1; i >= 0; i-- {
		l := &m.layers[i]
		l.v.next, l.o.next, l.up.next, l.down.next = l.o, l.gate, l.down, next
		next = l.q
	}
}

// after gives the rows that a token meets after those of w, the last of its product.
func (m *Model) after(w *matrix) *[]byte {
	if w.next == nil {
		return nil
	}
	if use := m.screening.made.Load(); use != nil && w.next == m.head {
		return &use.rows
	}
	return &w.next.data
}
