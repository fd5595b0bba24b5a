package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/akadata/bitnet-tool/internal/progress"
)

// captured gives a console that writes to a file, and what was written.
func captured(t *testing.T, form string) (*console, func() string) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return newConsole(f, form), func() string {
		b, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
}

func TestLines(t *testing.T) {
	type step struct {
		after time.Duration
		add   int64
	}
	many := make([]step, 1000) // a step a tenth of a second
	for i := range many {
		many[i] = step{100 * time.Millisecond, 1}
	}
	tests := []struct {
		name  string
		total int64
		steps []step
		err   error
		want  []string
	}{
		{"at once", 100, []step{{0, 100}}, nil, []string{"x: done in 0.0 s"}},
		{"nothing to do", 0, nil, nil, []string{"x: done in 0.0 s"}},
		{"a line a tenth", 1000, many, nil, []string{
			"x: 10 %", "x: 20 %", "x: 30 %", "x: 40 %", "x: 50 %", "x: 60 %", "x: 70 %", "x: 80 %", "x: 90 %", "x: 100 %", "x: done in 100.0 s",
		}},
		{"a line each half minute", 1000, []step{{29 * time.Second, 1}, {time.Second, 1}, {29 * time.Second, 1}, {time.Second, 1}}, nil, []string{
			"x: 0 %", "x: 0 %", "x: done in 60.0 s",
		}},
		{"no more than one a second", 10, []step{{500 * time.Millisecond, 3}, {400 * time.Millisecond, 3}, {100 * time.Millisecond, 3}}, nil, []string{
			"x: 90 %", "x: done in 1.0 s",
		}},
		{"total unknown", 0, []step{{31 * time.Second, 1234}, {time.Second, 1}}, nil, []string{"x: 1,234", "x: done in 32.0 s"}},
		{"more than the total", 10, []step{{2 * time.Second, 20}}, nil, []string{"x: 100 %", "x: done in 2.0 s"}},
		{"less than ten", 3, []step{{2 * time.Second, 1}, {2 * time.Second, 1}}, nil, []string{"x: 33 %", "x: 66 %", "x: done in 4.0 s"}},
		{"failed", 10, []step{{2 * time.Second, 5}}, errors.New("e"), []string{"x: 50 %", "x: 50 %, stopped"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, written := captured(t, formPlain)
			now := time.Unix(0, 0)
			task := lineSink{c, func() time.Time { return now }}.Start("x", tt.total)
			for _, s := range tt.steps {
				now = now.Add(s.after)
				task.Add(s.add)
			}
			task.Done(tt.err)
			got := strings.Split(strings.TrimSuffix(written(), "\n"), "\n")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

// TestBar makes sure that messages do not end up in the middle of the bar, that
// the bar goes, and that a second task leaves it alone.
func TestBar(t *testing.T) {
	c, written := captured(t, formBar)
	sink := c.sink()
	first, second := sink.Start("first\x1b", 100), sink.Start("second", 0)
	first.Add(50)
	second.Add(1)
	c.say("warning", "watch out\nfor this")
	second.Done(nil)
	first.Done(nil)
	third := sink.Start("third", 0)
	third.Add(1)
	third.Done(errors.New("e"))
	c.end()
	text := written()
	if !strings.Contains(text, `first\x1b`) || strings.Contains(text, "\x1b") || strings.Contains(text, "second") || !strings.Contains(text, "third") {
		t.Errorf("wrote %q", text)
	}
	if !strings.Contains(text, "\rwarning: watch out\n         for this\n") {
		t.Errorf("the warning does not stand on its own lines: %q", text)
	}
	if last := text[strings.LastIndex(strings.TrimSuffix(text, "\r"), "\r"):]; strings.TrimSpace(last) != "" {
		t.Errorf("%q is left on the line", last)
	}
}

// TestParts: every form says which files a task is at, and at what rate.
func TestParts(t *testing.T) {
	long := "a/" + strings.Repeat("x", 50) + "\x1b.bin"
	work := func(s progress.Sink, tick func()) {
		task := s.Start("pull", 1e9)
		endLong := progress.Part(task, long)
		endShort := progress.Part(task, "b")
		tick()
		task.Add(100e6)
		endLong()
		tick()
		task.Add(200e6)
		endShort()
		task.Done(nil)
	}
	name := "…" + strings.Repeat("x", 11) + `\x1b.bin`
	t.Run("lines", func(t *testing.T) {
		c, written := captured(t, formPlain)
		now := time.Unix(0, 0)
		work(lineSink{c, func() time.Time { return now }}, func() { now = now.Add(10 * time.Second) })
		want := "pull: 10 %, 10.0 MB/s, " + name + " +1\npull: 30 %, 20.0 MB/s, b\npull: done in 20.0 s\n"
		if diff := cmp.Diff(want, written()); diff != "" {
			t.Errorf("lines (-want +got):\n%s", diff)
		}
	})
	t.Run("bar", func(t *testing.T) {
		c, written := captured(t, formBar)
		work(c.sink(), func() { time.Sleep(120 * time.Millisecond) })
		if text := written(); !strings.Contains(text, name+" +1") || !strings.Contains(text, "\rb ") || !strings.Contains(text, "MB/s") {
			t.Errorf("wrote %q", text)
		}
	})
	t.Run("events", func(t *testing.T) {
		c, written := captured(t, formJSON)
		work(c.sink(), func() { time.Sleep(eventGap) })
		text := written()
		if !strings.Contains(text, `"event":"progress","task":"pull","done":100000000,`) || !strings.Contains(text, `.bin","b"]}`) || !strings.Contains(text, `"files":["b"]}`) {
			t.Errorf("wrote %s", text)
		}
	})
}

func TestProgressForm(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for asked, want := range map[string]string{"auto": formPlain, "bar": formBar, "json": formJSON, "none": formNone} {
		got, err := progressForm(flagValues{"progress": {asked, "--progress"}}, f)
		if err != nil || got != want {
			t.Errorf("%s gives %s, %v, want %s", asked, got, err, want)
		}
	}
	if c, _ := captured(t, formNone); c.sink() != progress.Discard {
		t.Error("none gives a sink that writes")
	}
}
