package main

import (
	"sync"
	"time"

	"github.com/akadata/bitnet-tool/internal/progress"
)

// eventGap is the least time between two events of one task.
const eventGap = 100 * time.Millisecond

// eventSink writes one JSON object a line, for other programs.
type eventSink struct{ c *console }

// progressEvent is one line. The event is start, progress, done or failed.
type progressEvent struct {
	Event   string   `json:"event"`
	Task    string   `json:"task"`
	Done    int64    `json:"done"`
	Total   int64    `json:"total"` // 0: not known
	Seconds float64  `json:"seconds"`
	Message string   `json:"message,omitempty"`
	Files   []string `json:"files,omitempty"` // being worked on
}

func (s eventSink) Start(name string, total int64) progress.Task {
	now := time.Now()
	t := &eventTask{s: s, name: name, total: total, start: now, last: now}
	t.event("start", "")
	return t
}

type eventTask struct {
	s     eventSink
	name  string
	total int64
	start time.Time

	mu    sync.Mutex
	done  int64
	last  time.Time
	parts parts
}

func (t *eventTask) Begin(part string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.parts.begin(part)
}

func (t *eventTask) End(part string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.parts.end(part)
}

func (t *eventTask) Add(n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done += n
	if now := time.Now(); now.Sub(t.last) >= eventGap {
		t.last = now
		t.event("progress", "")
	}
}

func (t *eventTask) Done(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.event("failed", err.Error())
		return
	}
	t.event("done", "")
}

func (t *eventTask) event(kind, message string) {
	t.s.c.event(progressEvent{kind, t.name, t.done, t.total, time.Since(t.start).Seconds(), message, t.parts})
}
