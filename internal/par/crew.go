package par

import "sync/atomic"

// Crew runs many short loops one after the other: its goroutines wait for the
// next loop at a gate instead of being started for each, which would cost more
// than some loops last.
//
//	c := par.NewCrew(workers) // once
//	c.Start()                 // for a burst of loops
//	c.For(n, grain, f)        // as often as needed
//	c.Stop()
//
// Between Start and Stop the crew first spins for its next loop and sleeps
// only after a while, so a burst should be short or busy. Between Stop and the
// next Start there are no goroutines, so a stopped Crew needs no closing. Its
// methods are called by one goroutine at a time, the leader, which is worker 0
// of every loop. Nothing is allocated after NewCrew.
type Crew struct {
	// Idle, if set before Start, is called again and again by every worker that
	// waits for the others and does not sleep yet. It must be quick, since they
	// wait for it in turn.
	Idle func()

	workers int
	serving []func() // of workers 1 to workers-1, made once for the go statement

	// The loop at hand. The leader sets it before it hands out tickets, and a
	// worker reads it only after it has drawn one: then the loop cannot end.
	n, grain int
	ranges   int64
	f        func(worker, lo, hi int) error

	tickets counter // ranges that nobody has taken
	begun   gate    // counts loops, and the end of a burst; workers wait for the next
	done    gate    // counts ranges of the loop at hand; the leader waits for all
	left    gate    // counts workers that have left the burst; the leader waits for all
	err     atomic.Pointer[error]
	over    atomic.Bool // no more loops in this burst
	started bool
}

// NewCrew makes a crew of workers goroutines, the leader's among them.
func NewCrew(workers int) *Crew {
	c := &Crew{workers: max(workers, 1)}
	c.begun.waiters = newWaiters(c.workers - 1)
	c.done.waiters = newWaiters(1)
	c.left.waiters = newWaiters(1)
	for worker := 1; worker < c.workers; worker++ {
		c.serving = append(c.serving, func() { c.serve(worker) })
	}
	return c
}

// Workers gives the number of goroutines that can take part in a loop.
func (c *Crew) Workers() int { return c.workers }

// Start brings the crew to the gate.
func (c *Crew) Start() {
	c.started = true
	c.over.Store(false)
	c.left.count.Store(0)
	for _, serve := range c.serving {
		go serve()
	}
}

// Stop lets the crew go and returns when no goroutine is left.
func (c *Crew) Stop() {
	if !c.started {
		return
	}
	c.started = false
	c.over.Store(true)
	c.begun.add(1)
	c.left.await(0, int64(c.workers-1), nil)
}

// For is [For] with the crew as workers. It does not wait for workers that
// come too late to find anything left to do.
func (c *Crew) For(n, grain int, f func(worker, lo, hi int) error) error {
	grain = max(grain, 1)
	if !c.started || c.workers == 1 || n <= grain {
		return For(1, n, grain, f)
	}
	c.n, c.grain, c.f = n, grain, f
	c.ranges = int64((n-1)/grain + 1)
	c.err.Store(nil)
	c.done.count.Store(0)
	c.tickets.Store(c.ranges)
	c.begun.add(1)
	c.work(0)
	c.done.await(0, c.ranges, c.Idle)
	if err := c.err.Load(); err != nil {
		return *err
	}
	return nil
}

// serve takes part in loops until the burst is over.
func (c *Crew) serve(worker int) {
	for {
		seen := c.begun.count.Load()
		if c.over.Load() {
			c.left.add(1)
			return
		}
		c.work(worker)
		c.begun.await(worker-1, seen+1, c.Idle)
	}
}

// work takes ranges until none is left.
func (c *Crew) work(worker int) {
	for {
		left := c.tickets.Load()
		if left == 0 {
			return
		}
		if !c.tickets.CompareAndSwap(left, left-1) {
			continue
		}
		lo := int(c.ranges-left) * c.grain
		if err := c.f(worker, lo, min(c.n, lo+c.grain)); err != nil {
			first := err // a copy, so that only an error allocates
			c.err.CompareAndSwap(nil, &first)
			c.done.add(c.tickets.Swap(0))
		}
		c.done.add(1)
	}
}
