package verify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/internal/par"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/token"
)

// Subject is the file under test and what checks have found out about it. The
// dear parts (reading all weights, comparing, evaluating) are done when a check
// first asks for them and shared by those that follow.
type Subject struct {
	path   string
	opts   Options
	disk   *os.File
	source *convert.Source // nil without a checkpoint

	// Of the header; nil where it is broken or unknown.
	file    *gguf.File
	params  *arch.Params
	roles   map[string]arch.Tensor // by name
	vocab   *token.Vocab
	words   *token.Tokenizer // of vocab
	broken  bool             // it has errors with which nothing can be evaluated
	atFault bool             // something has errors

	digests []*digests // of the files
	surveys []survey
	readErr error // why the file could not be read whole
	plan    *convert.Plan
	diffs   []tensorDiff

	explained []tensorFault
	probe     *probe
	golden    *golden

	deadline time.Time // of evaluations; set when the first begins
	covered  int64     // tensor bytes that the level under way has looked at
	err      error     // why the level under way cannot be finished
}

// open opens the file, and the checkpoint if there is one, so that a mistyped
// path fails before the work begins.
func open(path string, o Options) (*Subject, error) {
	disk, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	s := &Subject{path: path, opts: o, disk: disk}
	if err := s.openSource(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *Subject) openSource() error {
	st, err := s.disk.Stat()
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() {
		return fmt.Errorf("%w: %s is not a file", ErrUnchecked, s.path)
	}
	if s.opts.Against != "" {
		if s.source, err = convert.Open(s.opts.Against); err != nil {
			return fmt.Errorf("%w: %w", ErrUnchecked, err)
		}
	}
	return nil
}

func (s *Subject) close() {
	s.disk.Close()
	if s.file != nil {
		s.file.Close()
	}
	if s.source != nil {
		s.source.Close()
	}
}

// unable notes why a check could not do its work. The level ends with it.
func (s *Subject) unable(err error) {
	if err != nil && s.err == nil {
		s.err = err
	}
}

func (s *Subject) threads() int {
	if s.opts.Threads > 0 {
		return s.opts.Threads
	}
	return par.CPUs()
}

// coverage gives the share of tensor bytes that the level has looked at.
func (s *Subject) coverage() float64 {
	total := s.tensorBytes()
	if total == 0 {
		return 0
	}
	return float64(s.covered) / float64(total)
}

func (s *Subject) tensorBytes() int64 {
	var n int64
	if s.file != nil {
		for _, t := range s.file.Tensors {
			n += t.Size
		}
	}
	return n
}

// offset gives the place of a byte of a tensor.
func (s *Subject) offset(t gguf.Tensor, at int64) spot {
	part, start := s.file.Place(t)
	return s.spot(s.diskOf(part), start+at)
}

// spot gives the place at an offset of one of the files.
func (s *Subject) spot(disk *os.File, offset int64) spot {
	if len(s.file.Files()) == 1 {
		return spot{"", offset}
	}
	return spot{filepath.Base(disk.Name()), offset}
}

// diskOf gives the file that a part of the model is in.
func (s *Subject) diskOf(part *gguf.File) *os.File {
	if len(s.file.Files()) == 1 {
		return s.disk
	}
	return part.Disk()
}

// limited gives a context that ends when the time for evaluations is up.
func (s *Subject) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.opts.MaxTime <= 0 {
		return ctx, func() {}
	}
	if s.deadline.IsZero() {
		s.deadline = time.Now().Add(s.opts.MaxTime)
	}
	return context.WithDeadlineCause(ctx, s.deadline, errTime)
}

// errTime ends evaluations whose time is up.
var errTime = errors.New("time is up")

// task starts reporting progress of total bytes.
func (s *Subject) task(l Level, total int64) progress.Task {
	return s.opts.Progress.Start("verify "+l.String(), total)
}
