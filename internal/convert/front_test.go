package convert

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFront finishes pieces in random order; what is followed is in order, each
// byte once, and never beyond what is finished.
func TestFront(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		var ends []int64
		at := int64(10)
		for range r.IntN(30) {
			at += int64(1 + r.IntN(5))
			ends = append(ends, at)
		}
		f := newFront(10, ends)
		var wg sync.WaitGroup
		for _, least := range []int64{1, 7, 1000} {
			wg.Go(func() {
				var seen int64
				err := f.follow(least, func(off, n int64) error {
					f.mu.Lock()
					defer f.mu.Unlock()
					if off != seen || off+n > f.at || n < least && off+n != at {
						t.Errorf("from %d %d bytes of at least %d, seen %d, front %d", off, n, least, seen, f.at)
					}
					seen = off + n
					return nil
				})
				if err != nil || seen != at {
					t.Errorf("ends at %d, %v, want %d", seen, err, at)
				}
			})
		}
		for _, i := range r.Perm(len(ends)) {
			f.finish(i)
		}
		wg.Wait()
	}
}

// TestFrontStops: stop wakes who waits, and errors come back.
func TestFrontStops(t *testing.T) {
	f := newFront(0, []int64{5, 9})
	done := make(chan []int64)
	go func() {
		var got []int64
		_ = f.follow(1, func(off, n int64) error {
			got = append(got, off, n)
			return nil
		})
		done <- got
	}()
	f.finish(0)
	f.stop()
	if diff := cmp.Diff([]int64{0, 5}, <-done); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	bad := errors.New("bad")
	if err := newFront(3, nil).follow(1, func(int64, int64) error { return bad }); !errors.Is(err, bad) {
		t.Errorf("error %v", err)
	}
}
