// Package progress lets libraries report how far they are without knowing who
// is looking. Only commands turn a [Sink] into bars, lines or events.
package progress

// Sink receives tasks. Its methods may be called from several goroutines.
type Sink interface {
	// Start begins a task of total units, bytes unless the name says
	// otherwise; 0 means unknown.
	Start(name string, total int64) Task
}

// Task is one thing under way.
type Task interface {
	Add(n int64)
	Done(err error) // exactly once, last
}

// Parts is a [Task] that wants to know what is being worked on, such as the
// files of a download. What has parts counts bytes. A part may begin while
// others are under way, and ends once.
type Parts interface {
	Begin(part string)
	End(part string)
}

// Part tells a task what is being worked on until end is called.
func Part(t Task, name string) (end func()) {
	p, ok := t.(Parts)
	if !ok {
		return func() {}
	}
	p.Begin(name)
	return func() { p.End(name) }
}

// Discard ignores everything.
var Discard Sink = discard{}

type discard struct{}

func (discard) Start(string, int64) Task { return discard{} }
func (discard) Add(int64)                {}
func (discard) Done(error)               {}
