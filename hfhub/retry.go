package hfhub

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
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
	if r.fails > r.patience(err) {
		return fmt.Errorf("gave up after %s: %w", tries(r.fails), err)
	}
	if r.fails == 2 {
		r.c.o.Notify(fmt.Sprintf("%v; trying again", err))
	}
	return sleep(ctx, backoff(r.c.o.Backoff, r.fails))
}

func tries(n int) string {
	if n == 1 {
		return "one try"
	}
	return fmt.Sprintf("%d tries", n)
}

// patience is how many tries may fail in a row. As long as nothing ever came,
// an address where nobody answers is more likely wrong than in trouble.
func (r *retrier) patience(err error) int {
	op, ok := errors.AsType[*net.OpError](err)
	switch {
	case !ok || op.Op != "dial" || r.c.answered.Load():
		return r.c.o.Retries
	case op.Timeout():
		return 0
	}
	return min(2, r.c.o.Retries)
}

// backoff is the wait before the n-th repetition, n ≥ 1: at random up to a
// bound that doubles, so that clients do not come back all at once.
func backoff(base time.Duration, n int) time.Duration {
	bound := min(base<<min(n-1, 16), maxBackoff)
	return time.Duration(rand.Int64N(int64(bound) + 1))
}
