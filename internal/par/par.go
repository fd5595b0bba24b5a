// Package par runs a loop on several goroutines. Call [For] with [CPUs]
// workers unless the user says otherwise.
package par

import (
	goruntime "runtime"
	"sync"
	"sync/atomic"
)

// CPUs gives the number of goroutines that can run at once. The Go runtime
// takes it from the CPUs of the machine, the process's affinity and, on Linux,
// the CPU limit of its control group.
func CPUs() int { return goruntime.GOMAXPROCS(0) }

// For calls f for disjoint ranges [lo, hi) of at most grain indices that
// together cover [0, n). Up to workers goroutines, the caller's among them,
// take ranges in turn; worker, from 0 to workers-1, tells them apart, so that
// each can have memory of its own. For returns when all are done.
//
// Which worker gets which range differs from run to run: results must not
// depend on it. After an error no new range is begun, and one of the errors is
// returned. With one worker nothing is allocated and ranges come in order.
func For(workers, n, grain int, f func(worker, lo, hi int) error) error {
	grain = max(grain, 1)
	ranges := n / grain
	if n%grain != 0 {
		ranges++
	}
	if workers = min(workers, ranges); workers > 1 {
		return share(workers, n, grain, f)
	}
	for lo := 0; lo < n; lo += grain {
		if err := f(0, lo, min(lo+grain, n)); err != nil {
			return err
		}
	}
	return nil
}

// share is For with two workers or more.
func share(workers, n, grain int, f func(worker, lo, hi int) error) error {
	var (
		next  atomic.Int64
		once  sync.Once
		first error
		wg    sync.WaitGroup
	)
	work := func(worker int) {
		for {
			lo := int(next.Add(int64(grain))) - grain
			if lo >= n {
				return
			}
			if err := f(worker, lo, min(lo+grain, n)); err != nil {
				once.Do(func() { first = err })
				next.Store(int64(n))
				return
			}
		}
	}
	for worker := 1; worker < workers; worker++ {
		wg.Go(func() { work(worker) })
	}
	work(0)
	wg.Wait()
	return first
}
