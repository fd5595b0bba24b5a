package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/token"
	"github.com/akadata/bitnet-tool/runtime"
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
	Kernels  string        // the loops to evaluate with, as in [runtime.Options]; "": the fastest
	Progress Progress      // may be nil

	// Known tells what the bytes of a file should be, of a split model of each
	// part; nil, or giving nil: nobody says.
	Known func(path string) *Known

	// Render renders chat templates that are not known to be harmless; nil:
	// they are not run.
	Render token.Renderer

	// Other continues a prompt by n tokens, always the best one, and gives the
	// text of another program; nil: there is none. Needs Smoke.
	Other func(ctx context.Context, path, prompt string, n int) (string, error)
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
	case o.Level < Smoke && o.Other != nil:
		return fmt.Errorf("%w: level %s does not compare with another program", ErrOption, o.Level)
	case o.Threads < 0 || o.MaxTime < 0:
		return fmt.Errorf("%w: negative threads or time", ErrOption)
	}
	return nil
}

// runtime gives what the model is to be evaluated with.
func (o *Options) runtime() runtime.Options {
	return runtime.Options{Threads: o.Threads, Kernels: o.Kernels}
}

// runs reports whether a level is to be run.
func (o *Options) runs(l Level) bool {
	switch {
	case l == Engine:
		return o.Other != nil
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
	for l := Header; l <= Engine; l++ {
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
	if l == Engine && s.atFault {
		r.Unchecked = "not run: the file has errors of its own"
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
	s.broken = s.broken || l == Header && slices.ContainsFunc(r.Findings, blocking)
	s.atFault = s.atFault || !r.OK
	if s.err != nil {
		r.OK, r.Unchecked = false, s.err.Error()
	}
	return r, s.err
}

// blocking reports whether a finding of the header makes it pointless to evaluate
// the model.
func blocking(f Finding) bool {
	switch f.Rule {
	case "header.structure", "header.architecture", "header.tensors", "header.tokenizer":
		return f.Severity == Error
	}
	return false
}

// verdict decides where the fault is. What is plainly wrong goes before what an
// evaluation concludes, and that before mere symptoms.
func verdict(r *Report) Verdict {
	ran := map[Level]bool{} // to the end, without an error
	plain, concluded, suspected := map[Verdict]bool{}, map[Verdict]bool{}, map[Verdict]bool{}
	symptoms, whole := false, true
	for _, l := range r.Levels {
		ran[l.Level] = l.OK
		whole = whole && l.Unchecked == ""
		for _, f := range l.Findings {
			who := f.culprit()
			switch {
			case f.Severity == Warning && (who == Tokenizer || who == Template):
				suspected[who] = true
			case f.Severity != Error:
			case who == Unknown || f.symptom:
				symptoms = true
			case l.Level == Smoke:
				concluded[who] = true
			default:
				plain[who] = true
			}
		}
	}
	switch {
	case plain[File]:
		return File
	case plain[Tokenizer]:
		return Tokenizer
	case symptoms && ran[Lineage]:
		// The file is the checkpoint's, and still it does not work.
		return Unknown
	case concluded[Tokenizer]:
		return Tokenizer
	case concluded[File]:
		return File
	case symptoms && suspected[Tokenizer]:
		return Tokenizer
	case symptoms:
		return File
	case plain[Template]:
		return Template
	case plain[Faulty]:
		return Faulty
	case suspected[Tokenizer]:
		return Tokenizer
	case suspected[Template]:
		return Template
	case whole && (ran[Lineage] || ran[Smoke] || ran[Golden]):
		return Good
	}
	return Unknown
}

// culprit names what is at fault when a rule is broken; Unknown if the finding
// is a symptom only.
func (f *Finding) culprit() Verdict {
	if f.fault != "" {
		return f.fault
	}
	switch f.Rule {
	case "header.tokenizer", "header.pre", "header.merges", "header.special", "header.bos", "header.roundtrip", "lineage.tokenizer", "golden.tokens":
		return Tokenizer
	case "header.template", "header.script", "lineage.template":
		return Template
	case "engine.text":
		return Faulty
	}
	switch level, _, _ := strings.Cut(f.Rule, "."); level {
	case Smoke.String():
		return Unknown
	case Golden.String():
		if f.Rule != "golden.model" {
			return Unknown
		}
	}
	return File
}
