package hfhub

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// maxBackoff bounds the wait between two tries.
const maxBackoff = 30 * time.Second

// retrier decides about trying again: as long as there is progress, and a
// bounded number of times without.
type retrier struct {
	c     *Client
	fails int
}

// progress says that the last try brought something.
func (r *retrier) progress() { r.fails = 0 }

// after returns nil, when it is time for the next try, or why there is none.
func (r *retrier) after(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !isTransient(err) {
		return err
	}
	r.fails++
	if r.fails > r.c.o.Retries {
		return fmt.Errorf("gave up after %d tries: %w", r.fails, err)
	}
	if r.fails == 2 {
		r.c.o.Notify(fmt.Sprintf("%v; trying again", err))
	}
	return sleep(ctx, backoff(r.c.o.Backoff, r.fails))
}

// backoff is the wait before the n-th repetition, n ≥ 1: at random up to a
// bound that doubles, so that clients do not come back all at once.
func backoff(base time.Duration, n int) time.Duration {
	bound := min(base<<min(n-1, 16), maxBackoff)
	return time.Duration(rand.Int64N(int64(bound) + 1))
}
