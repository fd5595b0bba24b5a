package hfhub

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/akadata/bitnet-tool/internal/hubtest"
	"github.com/google/go-cmp/cmp"
)

func TestPause(t *testing.T) {
	now := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name   string
		status int
		header map[string]string
		want   time.Duration
	}{
		{"nothing", 200, nil, 0},
		{"plenty left", 200, map[string]string{"RateLimit": `"api";r=489;t=213`}, 0},
		{"as many left as workers", 200, map[string]string{"RateLimit": `"api";r=8;t=213`}, 0},
		{"fewer left than workers", 200, map[string]string{"RateLimit": `"api";r=4;t=200`}, 40 * time.Second},
		{"none left", 200, map[string]string{"RateLimit": `"api";r=0;t=213`}, 214 * time.Second},
		{"429, none left", 429, map[string]string{"RateLimit": `"api"; r=0; t=5`, "Retry-After": "99"}, 6 * time.Second},
		{"429, another limit", 429, map[string]string{"RateLimit": `"api";r=7;t=213`}, 0},
		{"429, seconds", 429, map[string]string{"Retry-After": "17"}, 17 * time.Second},
		{"429, date", 429, map[string]string{"Retry-After": "Sat, 01 Aug 2026 12:01:00 GMT"}, time.Minute},
		{"429, more seconds than a duration has", 429, map[string]string{"Retry-After": "9223372037"}, maxPause},
		{"429, negative", 429, map[string]string{"Retry-After": "-5"}, 0},
		{"503, seconds", 503, map[string]string{"Retry-After": "3"}, 3 * time.Second},
		{"200, seconds", 200, map[string]string{"Retry-After": "3"}, 0},
		{"garbage", 429, map[string]string{"Retry-After": "soon", "RateLimit": "r=x"}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{}
			for k, v := range tt.header {
				h.Set(k, v)
			}
			if got := pause(tt.status, h, now, 8); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// TestGateIsShared: one 429 holds back all workers of its bucket, for the time
// it names, and no others.
func TestGateIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(8)
		start := time.Now()
		g.note("api", 429, http.Header{"Retry-After": {"40"}})
		g.note("api", 429, http.Header{"Retry-After": {"7"}}) // a shorter one changes nothing
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				if err := g.wait(t.Context(), "api"); err != nil || time.Since(start) != 40*time.Second {
					t.Errorf("went on after %v, %v", time.Since(start), err)
				}
			})
		}
		if err := g.wait(t.Context(), "resolvers"); err != nil || time.Since(start) != 0 {
			t.Errorf("another bucket waited %v, %v", time.Since(start), err)
		}
		wg.Wait()
		g.note("api", 429, http.Header{"Retry-After": {"99999999"}})
		ctx, cancel := context.WithTimeout(t.Context(), maxPause-time.Second)
		defer cancel()
		if err := g.wait(ctx, "api"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a cancelled wait gave %v", err)
		}
		if err := g.wait(t.Context(), "api"); err != nil || time.Since(start) != 40*time.Second+maxPause {
			t.Errorf("the pause is not bounded: %v", time.Since(start))
		}
	})
}

// TestGivesUp counts the tries and the time that a dead Hub costs.
func TestGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		c, err := New(Options{Endpoint: "https://hub.test", Transport: scripted(func(*http.Request) *http.Response {
			tries++
			return &http.Response{StatusCode: 503, Header: http.Header{}}
		})})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err = c.Resolve(t.Context(), testRepo, "main")
		if !errors.Is(err, ErrRemote) || tries != 9 {
			t.Errorf("%d tries, %v", tries, err)
		}
		if took := time.Since(start); took <= 0 || took > 94*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// slow gives n bytes every wait.
type slow struct {
	ctx  context.Context
	n    int
	wait time.Duration
}

func (s slow) Read(p []byte) (int, error) {
	if err := sleep(s.ctx, s.wait); err != nil {
		return 0, err
	}
	return min(s.n, len(p)), nil
}
func (slow) Close() error { return nil }

// TestStall tells a stream that stands still, or nearly, from a slow one.
func TestStall(t *testing.T) {
	tests := []struct {
		name    string
		n       int
		wait    time.Duration
		stalled bool
	}{
		{"silent", 1000, 31 * time.Second, true},
		{"a byte now and then", 1, 20 * time.Second, true},
		{"slow but moving", 8000, 5 * time.Second, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, err := New(Options{Endpoint: "https://hub.test", Transport: scripted(func(r *http.Request) *http.Response {
					return &http.Response{StatusCode: 200, Header: http.Header{}, Body: slow{r.Context(), tt.n, tt.wait}}
				})})
				if err != nil {
					t.Fatal(err)
				}
				rep, err := c.send(t.Context(), request{method: "GET", url: "https://hub.test/a", idle: 30 * time.Second})
				if err != nil {
					t.Fatal(err)
				}
				defer rep.Body.Close()
				_, err = io.CopyN(io.Discard, rep.Body, 1_000_000)
				if errors.Is(err, errStalled) != tt.stalled || tt.stalled && !isTransient(err) || !tt.stalled && err != nil {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}

// TestLimit spreads bytes over time, whoever takes them.
func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(1000)
		start := time.Now()
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 5 {
					if err := l.take(t.Context(), 500); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("10000 bytes at 1000 a second took %v", took)
		}
	})
}

func TestBackoff(t *testing.T) {
	for n := range 100 {
		if d := backoff(500*time.Millisecond, n+1); d < 0 || d > maxBackoff || d > 500*time.Millisecond<<min(n, 16) {
			t.Errorf("try %d waits %v", n+1, d)
		}
	}
}

// TestWaitsForLock waits for another holder, says so, and can be cancelled.
func TestWaitsForLock(t *testing.T) {
	w := newWorld(t)
	c := w.cache()
	l, ok, err := tryLock(c.root, "lock", lockMode)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), lockQuiet+300*time.Millisecond)
		defer cancel()
		told := 0
		if _, err := acquire(ctx, c.root, "lock", lockMode, func() { told++ }); !errors.Is(err, context.DeadlineExceeded) || told != 1 {
			t.Errorf("told %d times, %v", told, err)
		}
	})
	if err := c.root.Remove("lock"); err != nil { // some programs do
		t.Fatal(err)
	}
	second, err := acquire(t.Context(), c.root, "lock", lockMode, func() {})
	if err != nil {
		t.Fatal(err)
	}
	second.free()
	l.free()
}

// TestMessageIsTame: what a server says cannot take over a terminal.
func TestMessageIsTame(t *testing.T) {
	if got := line("a\x1b[31m\nb" + strings.Repeat("x", 500)); strings.ContainsAny(got, "\x1b\n") || len(got) > 210 {
		t.Errorf("%q", got)
	}
}

// TestNobodyAnswers: an address where nobody ever answered is given up soon,
// and one that did answer is not.
func TestNobodyAnswers(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	late := &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}
	tests := []struct {
		name     string
		answered bool
		err      error
		tries    int32
		within   time.Duration
	}{
		{"refused", false, refused, 3, 2 * time.Second},
		{"no such host", false, &net.OpError{Op: "dial", Err: &net.DNSError{IsNotFound: true}}, 3, 2 * time.Second},
		{"silent", false, late, 1, time.Millisecond},
		{"broken off", false, io.ErrUnexpectedEOF, 9, time.Hour},
		{"refused later", true, refused, 9, time.Hour},
		{"silent later", true, late, 9, time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n atomic.Int32
				c, err := New(Options{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
					n.Add(1)
					return nil, tt.err
				})})
				if err != nil {
					t.Fatal(err)
				}
				c.answered.Store(tt.answered)
				start := time.Now()
				_, err = c.Resolve(t.Context(), testRepo, "main")
				if !errors.Is(err, ErrRemote) || n.Load() != tt.tries || time.Since(start) > tt.within {
					t.Errorf("%d tries in %v: %v", n.Load(), time.Since(start), err)
				}
			})
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestHubWarns passes on what the Hub warns of, once a topic.
func TestHubWarns(t *testing.T) {
	w := newWorld(t)
	for kind, text := range map[string]string{"revision": "old; move on", "tree": "old; move on", "resolve": "gated; soon", "cached": "just this", "cdn": "cdn; not the Hub"} {
		w.hub.Inject(-1, kind, "", hubtest.Fault{Header: map[string]string{"X-HF-Warning": text}})
	}
	w.mustPull()
	var got []string
	for s := range strings.Lines(w.said.String()) {
		if text, ok := strings.CutPrefix(s, "the Hub says: "); ok {
			got = append(got, strings.TrimSpace(text))
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"just this", "move on", "soon"}, got); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}
