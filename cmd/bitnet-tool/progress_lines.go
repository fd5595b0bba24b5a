package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/akadata/bitnet-tool/internal/progress"
)

// Between two lines of a task lie a tenth of it or half a minute, but never
// less than a second: short tasks should not fill a log.
const (
	lineEvery = 30 * time.Second
	lineGap   = time.Second
)

// lineSink writes a plain line now and then, for logs.
type lineSink struct {
	c   *console
	now func() time.Time
}

func (s lineSink) Start(name string, total int64) progress.Task {
	t := s.now()
	return &lineTask{s: s, name: printable(name), total: total, start: t, last: t}
}

type lineTask struct {
	s     lineSink
	name  string
	total int64
	start time.Time

	mu     sync.Mutex
	done   int64
	tenths int64
	last   time.Time // of the latest line
	told   int64     // done by then
	parts  parts
	files  bool // there were parts
}

func (t *lineTask) Begin(part string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.parts.begin(part)
	t.files = true
}

func (t *lineTask) End(part string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.parts.end(part)
}

func (t *lineTask) Add(n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done += n
	now := t.s.now()
	since := now.Sub(t.last)
	tenths := t.tenths
	if t.total > 0 {
		tenths = min(t.done, t.total) / max(t.total/10, 1)
	}
	if since < lineGap || tenths == t.tenths && since < lineEvery {
		return
	}
	end := ""
	if t.files {
		end = fmt.Sprintf(", %s/s", humanBytes(int64(float64(t.done-t.told)/since.Seconds())))
	}
	if len(t.parts) > 0 {
		end += ", " + t.parts.String()
	}
	t.tenths, t.last, t.told = tenths, now, t.done
	t.line(end)
}

// Done writes the last line of the task.
func (t *lineTask) Done(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.line(", stopped")
		return
	}
	fmt.Fprintf(t.s.c, "%s: done in %.1f s\n", t.name, t.s.now().Sub(t.start).Seconds())
}

func (t *lineTask) line(end string) {
	if t.total == 0 {
		fmt.Fprintf(t.s.c, "%s: %s%s\n", t.name, thousands(t.done), end)
		return
	}
	fmt.Fprintf(t.s.c, "%s: %d %%%s\n", t.name, 100*min(t.done, t.total)/t.total, end)
}
