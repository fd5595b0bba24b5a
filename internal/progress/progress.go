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

// Discard ignores everything.
var Discard Sink = discard{}

type discard struct{}

func (discard) Start(string, int64) Task { return discard{} }
func (discard) Add(int64)                {}
func (discard) Done(error)               {}
