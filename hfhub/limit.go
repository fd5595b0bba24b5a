package hfhub

import (
	"context"
	"sync"
	"time"
)

// limiter spreads bytes over time. A nil limiter does not.
type limiter struct {
	rate int64 // bytes a second

	mu   sync.Mutex
	next time.Time // when the bytes granted so far are used up
}

func newLimiter(rate int64) *limiter {
	if rate <= 0 {
		return nil
	}
	return &limiter{rate: rate}
}

// take waits for its turn to have used n bytes.
func (l *limiter) take(ctx context.Context, n int) error {
	if l == nil || n == 0 {
		return nil
	}
	l.mu.Lock()
	now := time.Now()
	if l.next.Before(now) {
		l.next = now
	}
	l.next = l.next.Add(time.Duration(float64(n) / float64(l.rate) * float64(time.Second)))
	d := l.next.Sub(now)
	l.mu.Unlock()
	return sleep(ctx, d)
}
