package par

import (
	"errors"
	"fmt"
	goruntime "runtime"
	"sync/atomic"
	"testing"
	"time"
)

func TestCrewCoversEveryIndexOnce(t *testing.T) {
	for _, workers := range []int{-1, 1, 2, 3, 8, 40} {
		t.Run(fmt.Sprintf("%d workers", workers), func(t *testing.T) {
			c := NewCrew(workers)
			for burst := range 20 {
				c.Start()
				for loop := range 30 {
					n, grain := (burst*7+loop*13)%200, loop%9
					seen := make([]atomic.Int32, n)
					err := c.For(n, grain, func(worker, lo, hi int) error {
						if worker < 0 || worker >= c.Workers() {
							t.Errorf("worker %d of %d", worker, c.Workers())
						}
						for i := lo; i < hi; i++ {
							seen[i].Add(1)
						}
						return nil
					})
					if err != nil {
						t.Fatal(err)
					}
					for i := range seen {
						if k := seen[i].Load(); k != 1 {
							t.Fatalf("%d by %d: index %d was visited %d times", n, grain, i, k)
						}
					}
				}
				c.Stop()
			}
		})
	}
}

func TestCrewWorkersHaveTheirOwn(t *testing.T) {
	c := NewCrew(4)
	c.Start()
	defer c.Stop()
	var busy [4]atomic.Bool
	for range 100 {
		_ = c.For(500, 1, func(worker, _, _ int) error {
			if !busy[worker].CompareAndSwap(false, true) {
				t.Errorf("worker %d runs twice", worker)
			}
			busy[worker].Store(false)
			return nil
		})
	}
}

// A crew that is late or early at the barrier must find its way: pauses make
// workers sleep, and the leader too.
func TestCrewSleepsAndWakes(t *testing.T) {
	c := NewCrew(3)
	c.Start()
	defer c.Stop()
	for i := range 20 {
		var ran atomic.Int32
		if i%3 == 0 {
			time.Sleep(2 * time.Millisecond)
		}
		_ = c.For(3, 1, func(_, lo, _ int) error {
			if lo == i%3 {
				time.Sleep(2 * time.Millisecond)
			}
			ran.Add(1)
			return nil
		})
		if ran.Load() != 3 {
			t.Fatalf("loop %d: %d ranges", i, ran.Load())
		}
	}
}

// Who waits is idle; who works is not.
func TestCrewIdles(t *testing.T) {
	const workers = 3
	c := NewCrew(workers)
	var idle, working atomic.Int64
	c.Idle = func() {
		idle.Add(1)
		if working.Load() == workers {
			t.Error("all work, and one is idle")
		}
	}
	c.Start()
	defer c.Stop()
	for range 200 {
		var at atomic.Int64
		_ = c.For(workers, 1, func(_, lo, _ int) error {
			working.Add(1)
			defer working.Add(-1)
			for end := time.Now().Add(time.Duration(lo) * 20 * time.Microsecond); time.Now().Before(end); {
			}
			at.Add(1)
			return nil
		})
		if at.Load() != workers {
			t.Fatalf("%d of %d ranges", at.Load(), workers)
		}
	}
	if idle.Load() == 0 {
		t.Error("nobody was ever idle")
	}
}

func TestCrewStopsAtAnError(t *testing.T) {
	want := errors.New("enough")
	c := NewCrew(3)
	c.Start()
	defer c.Stop()
	for range 50 {
		var calls atomic.Int64
		err := c.For(1_000_000, 1, func(_, lo, _ int) error {
			calls.Add(1)
			if lo >= 10 {
				return want
			}
			return nil
		})
		if !errors.Is(err, want) {
			t.Fatalf("error %v", err)
		}
		if n := calls.Load(); n > 11+3 {
			t.Errorf("%d calls after the error at 10", n)
		}
		if err := c.For(10, 1, func(_, _, _ int) error { return nil }); err != nil {
			t.Fatalf("the loop after it: %v", err)
		}
	}
}

func TestCrewWithoutStart(t *testing.T) {
	c, n := NewCrew(4), 0
	_ = c.For(10, 3, func(worker, lo, hi int) error {
		n += hi - lo + worker
		return nil
	})
	c.Stop()
	if n != 10 {
		t.Errorf("covered %d of 10", n)
	}
}

func TestCrewLeavesNoGoroutine(t *testing.T) {
	before := goruntime.NumGoroutine()
	c := NewCrew(8)
	for range 10 {
		c.Start()
		_ = c.For(100, 1, func(_, _, _ int) error { return nil })
		c.Stop()
	}
	for range 10_000 {
		if goruntime.NumGoroutine() <= before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", goruntime.NumGoroutine(), before)
}

func TestCrewDoesNotAllocate(t *testing.T) {
	c := NewCrew(3)
	f := func(_, _, _ int) error { return nil }
	n := testing.AllocsPerRun(200, func() {
		c.Start()
		for range 10 {
			_ = c.For(100, 1, f)
		}
		c.Stop()
	})
	if n >= 1 {
		t.Errorf("%v allocations a burst", n)
	}
}

// BenchmarkCrew is the cost of a loop that does nothing: one barrier to begin
// and one to end.
func BenchmarkCrew(b *testing.B) {
	f := func(_, _, _ int) error { return nil }
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprintf("loop/%d", workers), func(b *testing.B) {
			c := NewCrew(workers)
			c.Start()
			defer c.Stop()
			b.ReportAllocs()
			for b.Loop() {
				_ = c.For(workers, 1, f)
			}
		})
		b.Run(fmt.Sprintf("burst/%d", workers), func(b *testing.B) {
			c := NewCrew(workers)
			b.ReportAllocs()
			for b.Loop() {
				c.Start()
				_ = c.For(workers, 1, f)
				c.Stop()
			}
		})
		b.Run(fmt.Sprintf("goroutines/%d", workers), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = For(workers, workers, 1, f)
			}
		})
	}
}
