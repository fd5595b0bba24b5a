package main

import (
	"time"

	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/schollz/progressbar/v3"
)

// barSink shows the first unfinished task as a bar on the last line. The bar
// goes when the task is done: what remains on the screen is the result.
type barSink struct{ c *console }

func (s barSink) Start(name string, total int64) progress.Task {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if s.c.task != nil {
		return progress.Discard.Start(name, total)
	}
	if total == 0 {
		total = -1 // unknown, to the bar
	}
	t := &barTask{c: s.c, bar: progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(s.c.w),
		progressbar.OptionSetDescription(printable(name)),
		progressbar.OptionSetWidth(30),
		progressbar.OptionSetTheme(progressbar.Theme{
			Saucer: "=", SaucerHead: ">", SaucerPadding: " ", BarStart: "[", BarEnd: "]",
		}),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetPredictTime(total > 0),
	)}
	s.c.task = t
	t.show()
	return t
}

// barTask is the task that the bar shows. Its methods must not hold up the
// work, so errors of the terminal are ignored.
type barTask struct {
	c   *console
	bar *progressbar.ProgressBar
}

func (t *barTask) Add(n int64) {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	if t.c.task == t {
		_ = t.bar.Add64(n)
	}
}

func (t *barTask) Done(error) {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	if t.c.task == t {
		t.hide()
		t.c.task = nil
	}
}

func (t *barTask) hide() { _ = t.bar.Clear() }
func (t *barTask) show() { _ = t.bar.RenderBlank() }
