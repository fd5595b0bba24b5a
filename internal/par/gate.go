package par

import (
	goruntime "runtime"
	"sync/atomic"
)

// How long a waiter looks before it sleeps: first at full speed for some
// microseconds, the time between two loops of a token's evaluation; then
// letting other goroutines run, in case there are more workers than CPUs.
const (
	spins  = 1 << 12
	yields = 1 << 8
)

// counter has a cache line of its own.
type counter struct {
	_ [64]byte
	atomic.Int64
	_ [56]byte
}

// gate is a counter that goroutines wait for.
type gate struct {
	count   counter
	waiters []waiter
}

// waiter is the place where one goroutine sleeps.
type waiter struct {
	asleep atomic.Bool
	wake   chan struct{} // holds a token after someone else cleared asleep
	_      [48]byte
}

func newWaiters(n int) []waiter {
	w := make([]waiter, n)
	for i := range w {
		w[i].wake = make(chan struct{}, 1)
	}
	return w
}

// add counts n more and wakes who sleeps.
func (g *gate) add(n int64) {
	g.count.Add(n)
	for i := range g.waiters {
		w := &g.waiters[i]
		if w.asleep.Load() && w.asleep.CompareAndSwap(true, false) {
			w.wake <- struct{}{}
		}
	}
}

// await returns when the count has reached want. Each goroutine has a waiter
// of its own. It calls idle, if there is one, as long as it spins.
func (g *gate) await(waiter int, want int64, idle func()) {
	for range spins {
		if g.count.Load() >= want {
			return
		}
		if idle != nil {
			idle()
		}
	}
	for range yields {
		goruntime.Gosched()
		if g.count.Load() >= want {
			return
		}
	}
	w := &g.waiters[waiter]
	for {
		// In this order nothing is missed: either this goroutine sees the count
		// or the one that counts sees it asleep.
		w.asleep.Store(true)
		if g.count.Load() >= want && w.asleep.CompareAndSwap(true, false) {
			return
		}
		<-w.wake
		if g.count.Load() >= want {
			return
		}
	}
}
