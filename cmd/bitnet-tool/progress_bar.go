package main

import (
	"cmp"
	"time"

	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
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
	t := &barTask{c: s.c, name: printable(name), bar: progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(s.c.w),
		progressbar.OptionSetDescription(printable(name)),
		progressbar.OptionSetWidth(s.width()),
		progressbar.OptionSetTheme(progressbar.Theme{
			Saucer: "=", SaucerHead: ">", SaucerPadding: " ", BarStart: "[", BarEnd: "]",
		}),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetSpinnerChangeInterval(0), // it would write whenever it likes
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetPredictTime(total > 0),
	)}
	s.c.task = t
	t.show()
	return t
}

// width is what the numbers and names around a bar leave for it.
func (s barSink) width() int {
	const most, least, around = 30, 5, 70
	columns, _, err := term.GetSize(int(s.c.w.Fd()))
	if err != nil {
		return most
	}
	return min(most, max(least, columns-around))
}

// barTask is the task that the bar shows. Its methods must not hold up the
// work, so errors of the terminal are ignored.
type barTask struct {
	c     *console
	name  string
	bar   *progressbar.ProgressBar
	parts parts
}

func (t *barTask) Begin(part string) { t.describe(t.parts.begin, part) }
func (t *barTask) End(part string)   { t.describe(t.parts.end, part) }

// describe shows the parts in place of the task's name, and from now on bytes
// and the rate.
func (t *barTask) describe(change func(part string), part string) {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	change(part)
	if t.c.task == t {
		progressbar.OptionShowBytes(true)(t.bar)
		t.bar.Describe(cmp.Or(t.parts.String(), t.name))
	}
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
