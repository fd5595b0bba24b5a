package par

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
)

func TestForCoversEveryIndexOnce(t *testing.T) {
	for _, workers := range []int{-1, 0, 1, 2, 3, 8, 100} {
		for _, n := range []int{0, 1, 2, 7, 64, 1000} {
			for _, grain := range []int{-1, 0, 1, 3, 64, 5000} {
				t.Run(fmt.Sprintf("%d workers, %d by %d", workers, n, grain), func(t *testing.T) {
					seen := make([]atomic.Int32, n)
					err := For(workers, n, grain, func(worker, lo, hi int) error {
						if worker < 0 || worker >= max(workers, 1) {
							t.Errorf("worker %d of %d", worker, workers)
						}
						if hi <= lo || hi-lo > max(grain, 1) {
							t.Errorf("range %d to %d", lo, hi)
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
						if c := seen[i].Load(); c != 1 {
							t.Errorf("index %d was visited %d times", i, c)
						}
					}
				})
			}
		}
	}
}

// TestForWorkersHaveTheirOwn makes sure that no two goroutines run with one
// worker number at the same time.
func TestForWorkersHaveTheirOwn(t *testing.T) {
	var busy [4]atomic.Bool
	err := For(len(busy), 10_000, 1, func(worker, _, _ int) error {
		if !busy[worker].CompareAndSwap(false, true) {
			t.Errorf("worker %d runs twice", worker)
		}
		busy[worker].Store(false)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestForStopsAtAnError(t *testing.T) {
	want := errors.New("enough")
	for _, workers := range []int{1, 4} {
		var calls atomic.Int64
		err := For(workers, 1_000_000, 1, func(_, lo, _ int) error {
			calls.Add(1)
			if lo >= 10 {
				return want
			}
			return nil
		})
		if !errors.Is(err, want) {
			t.Errorf("%d workers: error %v", workers, err)
		}
		// Every worker may finish the range it is in.
		if n := calls.Load(); n > 11+int64(workers) {
			t.Errorf("%d workers: %d calls after the error at 10", workers, n)
		}
	}
}

func TestForOneWorkerDoesNotAllocate(t *testing.T) {
	sum := 0
	f := func(_, lo, hi int) error {
		sum += hi - lo
		return nil
	}
	if n := testing.AllocsPerRun(100, func() { _ = For(1, 1000, 10, f) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCPUs(t *testing.T) {
	if CPUs() < 1 {
		t.Errorf("%d CPUs", CPUs())
	}
}
