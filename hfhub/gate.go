package hfhub

import (
	"context"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// gate holds back all requests of a bucket while its rate limit is used up.
// The Hub counts "api" and "resolvers"; a CDN's bucket is its host.
type gate struct {
	workers int // requests that may be under way at once

	mu    sync.Mutex
	until map[string]time.Time
}

func newGate(workers int) *gate { return &gate{workers: workers, until: map[string]time.Time{}} }

// maxPause bounds how long an answer can hold us back; the windows of the Hub
// are 300 s.
const maxPause = 15 * time.Minute

// wait returns when requests of the bucket may go on.
func (g *gate) wait(ctx context.Context, bucket string) error {
	for {
		g.mu.Lock()
		d := time.Until(g.until[bucket])
		g.mu.Unlock()
		if d <= 0 {
			return ctx.Err()
		}
		if err := sleep(ctx, d); err != nil {
			return err
		}
	}
}

// note learns from an answer, and tells how long a pause is that it begins.
func (g *gate) note(bucket string, status int, h http.Header) (begun time.Duration) {
	now := time.Now()
	d := min(pause(status, h, now, g.workers), maxPause)
	if d <= 0 {
		return 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	before := g.until[bucket]
	if t := now.Add(d); t.After(before) {
		g.until[bucket] = t
	}
	if before.After(now) {
		return 0
	}
	return d
}

// rateLimit is the header of the IETF draft "RateLimit header fields for HTTP":
// remaining requests and seconds until the window ends.
var rateLimit = regexp.MustCompile(`;\s*r=(\d{1,9})\s*;\s*t=(\d{1,9})`)

// pause tells how long an answer asks us to wait. With fewer requests left than
// there are workers, what is left is spread over the rest of the window, rather
// than spent at once. A 429 with requests left is about something else than the
// window, and names no time unless it has a Retry-After.
func pause(status int, h http.Header, now time.Time, workers int) time.Duration {
	if m := rateLimit.FindStringSubmatch(h.Get("RateLimit")); m != nil {
		left, _ := strconv.Atoi(m[1])
		t, _ := strconv.Atoi(m[2])
		switch {
		case left == 0:
			return time.Duration(t+1) * time.Second
		case left < workers && status != http.StatusTooManyRequests:
			return time.Duration(t) * time.Second / time.Duration(left+1)
		}
	}
	if status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
		return 0
	}
	after := strings.TrimSpace(h.Get("Retry-After"))
	if s, err := strconv.Atoi(after); err == nil {
		return time.Duration(min(max(s, 0), int(maxPause/time.Second))) * time.Second
	}
	if t, err := http.ParseTime(after); err == nil {
		return t.Sub(now)
	}
	return 0
}

// sleep waits, or returns the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
