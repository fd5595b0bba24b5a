package verify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/akadata/bitnet-tool/internal/progress"
)

// Progress receives how far a verification is.
type Progress = progress.Sink

// Options say what to verify. The zero value runs all levels up to [Header]
// alone; use [DefaultLevel] for a level that fits the rest.
type Options struct {
	Level    Level         // the last level to run
	Against  string        // folder of the checkpoint; needed by and for Lineage
	Baseline *Baseline     // needed by and for Golden
	MaxTime  time.Duration // for Smoke and Golden together; 0: no limit
	Threads  int           // 0: as many as can run at once
	Progress Progress      // may be nil
}

// DefaultLevel is the last level worth running with or without a baseline.
func DefaultLevel(baseline bool) Level {
	if baseline {
		return Golden
	}
	return Smoke
}

// check refuses options that would be ignored.
func (o *Options) check() error {
	switch {
	case o.Level > Golden:
		return fmt.Errorf("%w: level %d does not exist", ErrOption, o.Level)
	case o.Level == Lineage && o.Against == "":
		return fmt.Errorf("%w: level lineage needs the checkpoint to compare with", ErrOption)
	case o.Level == Golden && o.Baseline == nil:
		return fmt.Errorf("%w: level golden needs a baseline", ErrOption)
	case o.Level < Lineage && o.Against != "":
		return fmt.Errorf("%w: level %s does not compare with a checkpoint", ErrOption, o.Level)
	case o.Level < Golden && o.Baseline != nil:
		return fmt.Errorf("%w: level %s does not compare with a baseline", ErrOption, o.Level)
	case o.Level < Smoke && o.MaxTime > 0:
		return fmt.Errorf("%w: level %s has no time limit", ErrOption, o.Level)
	case o.Threads < 0 || o.MaxTime < 0:
		return fmt.Errorf("%w: negative threads or time", ErrOption)
	}
	return nil
}

// runs reports whether a level is to be run.
func (o *Options) runs(l Level) bool {
	switch {
	case l > o.Level:
		return false
	case l == Lineage:
		return o.Against != ""
	}
	return true
}

// Run verifies the file at path. The error, if any, is why something could not
// be checked ([ErrUnchecked]), or that the file, the checkpoint or an option
// could not be used at all; there is a report in the first case only. That the
// file is bad is no error: it is in the report.
func Run(ctx context.Context, path string, o Options) (*Report, error) {
	if o.Progress == nil {
		o.Progress = progress.Discard
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	s, err := open(path, o)
	if err != nil {
		return nil, err
	}
	defer s.close()

	r := &Report{Target: path, Levels: []LevelReport{}}
	var unchecked []error
	for l := Header; l <= o.Level; l++ {
		if !o.runs(l) {
			continue
		}
		report, err := s.run(ctx, l)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		r.Levels = append(r.Levels, report)
		if err != nil {
			unchecked = append(unchecked, fmt.Errorf("%w: %s: %s: %w", ErrUnchecked, path, l, err))
		}
		if s.file == nil {
			break
		}
	}
	r.Verdict = verdict(r)
	return r, errors.Join(unchecked...)
}

// run runs the checks of one level.
func (s *Subject) run(ctx context.Context, l Level) (LevelReport, error) {
	r := LevelReport{Level: l, Findings: []Finding{}}
	if l >= Smoke && s.broken {
		r.Unchecked = "not run: the header has errors"
		return r, nil
	}
	start := time.Now()
	s.covered, s.err = 0, nil
	r.OK = true
	for _, c := range Checks() {
		if c.Cost != l {
			continue
		}
		for _, f := range c.Run(ctx, s) {
			f.Rule = c.Name
			r.Findings = append(r.Findings, f)
			r.OK = r.OK && f.Severity != Error
		}
		if s.err != nil {
			break
		}
	}
	r.Seconds = time.Since(start).Seconds()
	r.Coverage = s.coverage()
	s.broken = s.broken || l == Header && !r.OK
	if s.err != nil {
		r.OK, r.Unchecked = false, s.err.Error()
	}
	return r, s.err
}

// verdict decides where the fault is.
func verdict(r *Report) Verdict {
	ran := map[Level]bool{} // to the end, without an error
	bad := map[Verdict]bool{}
	whole := true
	for _, l := range r.Levels {
		ran[l.Level] = l.OK
		whole = whole && l.Unchecked == ""
		for _, f := range l.Findings {
			if f.Severity == Error || f.Severity == Warning && culprit(f.Rule) == Template {
				bad[culprit(f.Rule)] = true
			}
		}
	}
	switch {
	case bad[File]:
		return File
	case bad[Unknown] && ran[Lineage]:
		// The file is the checkpoint's, and still it does not work.
		return Unknown
	case bad[Tokenizer]:
		return Tokenizer
	case bad[Unknown]:
		return File
	case bad[Template]:
		return Template
	case whole && (ran[Lineage] || ran[Smoke] || ran[Golden]):
		return Good
	}
	return Unknown
}

// culprit names what is at fault when a rule is broken. A model that does not
// work is the file's fault unless its weights are known to be right.
func culprit(rule string) Verdict {
	switch rule {
	case "header.tokenizer", "lineage.tokenizer", "golden.tokens":
		return Tokenizer
	case "header.template", "lineage.template":
		return Template
	case "smoke.load", "smoke.finite", "smoke.constant", "smoke.prompt", "smoke.loop", "smoke.sense",
		"golden.logits", "golden.greedy", "golden.perplexity":
		return Unknown
	}
	return File
}
