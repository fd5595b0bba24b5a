package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/akadata/bitnet-tool/verify"
	"github.com/urfave/cli/v2"
)

func verifyCommand() command {
	return command{
		name: "verify", args: "FILE | NAME[@VERSION] | REPO[@REV]", min: 1, max: 1, report: true,
		about: "check whether a GGUF file is good, and name what is not",
		long: "Levels, each dearer than the one before: header, hash, content, lineage (with --against),\n" +
			"smoke, golden (with --baseline). All up to --level are run.\n" +
			"A repository in the Hugging Face cache is verified at level hash, without the network;\n" +
			"so is a version in the store that has no GGUF file.",
		flags: storeFlags(
			&cli.StringFlag{Name: "level", Usage: "stop after the level `L`", DefaultText: "smoke, with --baseline golden"},
			&cli.StringFlag{Name: "against", Usage: "compare with the Hugging Face model folder `SRC`, weight by weight"},
			&cli.StringFlag{Name: "baseline", Usage: "compare with the answers in `FILE`, which baseline wrote"},
			&cli.StringFlag{Name: "cache-dir", Usage: "look for REPO in the cache in `D`", DefaultText: "as HF_HUB_CACHE and HF_HOME say"},
			&cli.StringFlag{Name: "repo-type", Usage: "REPO is a `T`: model, dataset or space", DefaultText: "model"},
			boolFlag("strict", "take warnings for errors"),
			&cli.IntFlag{Name: "max-seconds", Base: 10, Usage: "evaluate for at most `N` seconds", DefaultText: "no limit"},
			&cli.StringFlag{Name: "engine", Usage: "let the program `CMD` answer the same prompts, called as llama.cpp's llama-cli, and compare"},
			&cli.StringFlag{Name: "format", Usage: "print the report as `FORM`: text, json or junit", DefaultText: "text"},
		),
		run: runVerify,
	}
}

type verifyResult struct{ *verify.Report }

func runVerify(ctx context.Context, c *call) (result, error) {
	if err := c.setFormat(); err != nil {
		return nil, err
	}
	res, err := verifyTarget(ctx, c)
	if c.flags.String("format") == "junit" {
		res = newJUnit(res, c.flags.Bool("strict"))
	}
	return res, err
}

func verifyTarget(ctx context.Context, c *call) (result, error) {
	path := c.args[0]
	if isRepo(path) {
		return verifyRepo(ctx, c)
	}
	a, err := c.stored(ctx, path)
	if err != nil {
		return nil, err
	}
	var known func(string) *verify.Known
	if a != nil {
		defer a.Close() //nolint:errcheck // a folder that was read
		if path, err = fileIn(a, "*.gguf"); codeOf(err) == exitNotFound {
			return verifyVersion(ctx, c, a)
		}
		if err != nil {
			return nil, err
		}
		known = func(path string) *verify.Known { return knownBytes(a, path) }
	}
	for _, name := range []string{"cache-dir", "repo-type"} {
		if c.flags.IsSet(name) {
			return nil, usagef("--%s is for repositories, and %s is a path", name, path)
		}
	}
	if info, err := os.Stat(path); err == nil && (info.IsDir() || filepath.Ext(path) == ".safetensors") {
		if f := mistaken(path); f != nil {
			f.code = exitUnsupported
			return nil, f
		}
	}
	o, err := verifyOptions(c)
	if err != nil {
		return nil, err
	}
	o.Known = known
	report, err := verify.Run(ctx, path, o)
	if report == nil {
		return nil, notThere(path, unchecked(err))
	}
	res := verifyResult{report}
	if bad := res.failure(path, c.flags.Bool("strict")); bad != nil {
		// That something could not be checked besides is in the report.
		return res, hinted(bad, "%s", nextStep(report, o))
	}
	return res, unchecked(err)
}

// unchecked gives an error of a verification its exit code: what went wrong
// with a checkpoint or an engine says nothing about the file.
func unchecked(err error) error {
	if errors.Is(err, verify.ErrUnchecked) && codeOf(err) == exitBadArtifact {
		return &failure{err: err, code: exitUnsupported}
	}
	return err
}

// setFormat honours --format.
func (c *call) setFormat() error {
	switch f := c.flags.String("format"); {
	case f == "json":
		c.json, c.stdout = true, nil
	case f == "text" && c.json:
		return usagef("--json and --format text contradict each other")
	case f == "junit" && (c.json || c.quiet):
		return usagef("--format junit and --json or -q contradict each other")
	case f != "" && f != "text" && f != "junit":
		return usagef("--format cannot be %q", f).suggest("choose from text, json, junit")
	}
	return nil
}

func verifyOptions(c *call) (verify.Options, error) {
	o := verify.Options{
		Level:    verify.DefaultLevel(c.flags.IsSet("baseline")),
		Against:  c.flags.String("against"),
		MaxTime:  time.Duration(c.flags.Int("max-seconds")) * time.Second,
		Progress: c.progress,
		Render:   render,
	}
	var err error
	if o.Kernels, err = chosenKernels(); err != nil {
		return o, err
	}
	if c.flags.IsSet("engine") {
		if o.Other, err = otherEngine(c.flags.String("engine")); err != nil {
			return o, err
		}
	}
	if c.flags.IsSet("max-seconds") && c.flags.Int("max-seconds") < 1 {
		return o, usagef("--max-seconds %d: must be 1 or more", c.flags.Int("max-seconds"))
	}
	if c.flags.IsSet("level") {
		if o.Level, err = verify.ParseLevel(c.flags.String("level")); err != nil {
			return o, err
		}
	}
	for level, flag := range map[verify.Level]string{verify.Lineage: "against", verify.Golden: "baseline"} {
		if o.Level == level && !c.flags.IsSet(flag) {
			return o, usagef("--level %s needs --%s", level, flag)
		}
	}
	if !c.flags.IsSet("baseline") {
		return o, nil
	}
	f, err := os.Open(c.flags.String("baseline"))
	if err != nil {
		return o, err
	}
	defer f.Close()
	if o.Baseline, err = verify.ReadBaseline(f); err != nil {
		err = fmt.Errorf("%s: %w", f.Name(), err)
	}
	return o, err
}

// failure gives the error that a report amounts to, nil for a good file.
func (r verifyResult) failure(path string, strict bool) error {
	worst := r.Worst()
	if worst == nil || worst.Severity != verify.Error && !strict {
		return nil
	}
	n := r.Count(verify.Error)
	if strict {
		n += r.Count(verify.Warning)
	}
	more := ""
	if n > 1 {
		more = fmt.Sprintf(" (and %d more)", n-1)
	}
	f := &failure{code: exitBadArtifact, rule: worst.Rule, object: worst.Object()}
	if f.object == "" {
		f.object = path
	}
	f.err = fmt.Errorf("%s: %s%s", path, described(*worst), more)
	return f
}

// described puts a finding into words.
func described(f verify.Finding) string {
	switch {
	case f.Tensor != "":
		return fmt.Sprintf("tensor %q: %s", f.Tensor, f.Detail)
	case f.Key != "":
		return fmt.Sprintf("key %q: %s", f.Key, f.Detail)
	case f.File != "":
		return fmt.Sprintf("%q: %s", f.File, f.Detail)
	}
	return f.Detail
}

// nextStep says what to do about a bad file, "" if the finding does.
func nextStep(r *verify.Report, o verify.Options) string {
	switch {
	case r.Worst().Rule == "hash.digest" && o.Known != nil:
		return program + " fsck --repair mends it"
	case r.Verdict == verify.Faulty:
		return "update or rebuild that program; the file is not at fault"
	case !r.Levels[0].OK:
		return program + " explain " + r.Worst().Rule + " tells more"
	case r.Verdict == verify.Unknown && o.Against != "":
		return "the file is its checkpoint's: look at the checkpoint, then at this program"
	case o.Against != "":
		return "to make it again: " + program + " quantize " + word(o.Against) + " -o NEW.gguf --type T"
	}
	return "--against FOLDER compares with the model it was made from"
}

func (r verifyResult) text(w io.Writer) {
	fmt.Fprintf(w, "%s\n", printable(r.Target))
	for _, l := range r.Levels {
		state := "ok"
		switch {
		case l.Unchecked != "":
			state = "not checked"
		case !l.OK:
			state = "BAD"
		}
		seen := ""
		if l.Level > verify.Header {
			seen = fmt.Sprintf(", %.0f %% of the tensor data", 100*l.Coverage)
		}
		fmt.Fprintf(w, "  %-7s  %-11s  %.1f s%s\n", l.Level, state, l.Seconds, seen)
		if l.Unchecked != "" {
			fmt.Fprintf(w, "    %s\n", oneLine(l.Unchecked))
		}
		for _, f := range l.Findings {
			fmt.Fprintf(w, "    %-7s %s: %s%s\n", f.Severity, f.Rule, oneLine(described(f)), place(f))
		}
	}
	fmt.Fprintf(w, "verdict: %s, %s\n", r.Verdict, meaning(r.Verdict))
}

// place says where in the file a finding is.
func place(f verify.Finding) string {
	s := ""
	if f.Element != nil {
		s = fmt.Sprintf("element %d, ", *f.Element)
	}
	if f.Offset == nil {
		return ""
	}
	if f.Tensor != "" && f.File != "" {
		s += printable(f.File) + " "
	} else {
		s += "file "
	}
	return fmt.Sprintf(" (%soffset %d)", s, *f.Offset)
}

func meaning(v verify.Verdict) string {
	switch v {
	case verify.Good:
		return "no fault was found"
	case verify.File:
		return "the file's weights, structure or parameters are wrong"
	case verify.Tokenizer:
		return "the file's vocabulary is wrong"
	case verify.Template:
		return "the file's chat template is wrong"
	case verify.Faulty:
		return "the file is good, and the other program answers otherwise"
	}
	return "what was checked does not decide it"
}
