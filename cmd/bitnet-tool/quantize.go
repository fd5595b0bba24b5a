package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/internal/store"
	"github.com/urfave/cli/v2"
)

func quantizeCommand() command {
	return command{
		name: "quantize", args: "SRC -o OUT --type T[,T]", min: 1, max: 3, report: true,
		about: "convert a Hugging Face model folder, or a GGUF file, to GGUF",
		long: "From a GGUF file trits stay what they are, and masters are ternarized.\n" +
			"With several types, separated by commas, OUT must contain {type}.\n" +
			"\"bitnet-tool quantize SRC OUT T\" is understood too.",
		flags: storeFlags(
			&cli.StringFlag{Name: "o", Usage: "write to the file `OUT`"},
			&cli.StringFlag{Name: "as", Usage: "write into the store, as `NAME[@VERSION]`, instead of -o"},
			&cli.StringFlag{Name: "type", Usage: "encode the projections as `T`: " + recipeNames()},
			&cli.StringFlag{Name: "token-embedding-type", Usage: "encode the token embedding as `T` (default: by --type)"},
			&cli.StringFlag{Name: "output-type", Usage: "encode an output matrix of its own as `T` (default: by --type)"},
			&cli.StringFlag{Name: "target", Usage: "write for the program `E`: " + targetNames()},
			&cli.StringFlag{Name: "scale-mode", Usage: "what the scales of packed weights do, `M`: multiply or divide"},
			&cli.UintFlag{Name: "file-type", Usage: "write `N` as general.file_type", DefaultText: "by --type"},
			boolFlag("force-ternary", "ternarize a model that was not trained to be ternary"),
			boolFlag("force", "overwrite OUT"),
			&cli.IntFlag{Name: "threads", Base: 10, Usage: "encode with `N` threads", DefaultText: "all processors"},
			boolFlag("dry-run", "show what would be written"),
		),
		run: runQuantize,
	}
}

// quantizing is one call of quantize: a source, and a file for each type.
type quantizing struct {
	src     string
	out     string // may contain {type}
	types   []convert.Recipe
	options convert.Options // without Type and Mix
	force   bool
	dry     bool
}

func runQuantize(ctx context.Context, c *call) (result, error) {
	q, err := quantizingOf(c)
	if err != nil {
		return nil, err
	}
	var src store.Artifact
	if q.src, src, err = c.modelSource(ctx, q.src); err != nil {
		return nil, err
	}
	if src != nil {
		defer src.Close() //nolint:errcheck // a folder that was read
	}
	if c.flags.IsSet("as") {
		return quantizeAs(ctx, c, q, src)
	}
	res, err := q.run(ctx, c)
	if res == nil {
		return nil, err
	}
	return res, err
}

// quantizingOf reads flags and arguments.
func quantizingOf(c *call) (*quantizing, error) {
	q := &quantizing{src: c.args[0], out: c.flags.String("o"), force: c.flags.Bool("force"), dry: c.flags.Bool("dry-run")}
	names := c.flags.String("type")
	switch {
	case len(c.args) == 2:
		return nil, usagef("quantize takes no argument %q", c.args[1]).suggest("-o names the file to write")
	case len(c.args) == 3 && (q.out != "" || names != ""):
		return nil, usagef("output and type are given twice").suggest("either as arguments or with -o and --type")
	case len(c.args) == 3:
		q.out, names = c.args[1], c.args[2]
	}
	if c.flags.IsSet("as") {
		if q.out != "" {
			return nil, usagef("-o and --as exclude each other").suggest("-o writes a file, --as a version in the store")
		}
		q.out = "{type}" // see quantizeAs
	}
	if q.out == "" || names == "" {
		return nil, usagef("quantize needs -o or --as, and --type").suggest("%s", toConvert(q.src))
	}
	var err error
	for name := range strings.SplitSeq(names, ",") {
		t, terr := recipeByName(name)
		if slices.Contains(q.types, t) {
			terr = usagef("type %s is given twice", t.Name)
		}
		q.types, err = append(q.types, t), errors.Join(err, terr)
	}
	if err == nil && len(q.types) > 1 && !strings.Contains(q.out, "{type}") {
		err = usagef("%d types would go into one file, %s", len(q.types), q.out).suggest("put {type} into its name: model-{type}.gguf")
	}
	if err != nil {
		return nil, err
	}
	q.options, err = convertOptions(c, len(q.types))
	return q, err
}

// path gives the file for a type.
func (q *quantizing) path(t convert.Recipe) string {
	return strings.ReplaceAll(q.out, "{type}", t.Name)
}

// run converts to each type in turn. A type that fails does not keep the
// others from being written. Without a source there is no result.
func (q *quantizing) run(ctx context.Context, c *call) (*quantizeResult, error) {
	start := time.Now()
	if err := q.checkOutputs(); err != nil {
		return nil, err
	}
	source, err := convert.OpenModel(q.src)
	if err != nil {
		return nil, layoutHint(q.src, notSource(q.src, err))
	}
	defer source.Close()
	if source.Repo == "" {
		source.Repo, source.Commit = storedOrigin(q.src)
	}
	for _, w := range source.Warnings {
		c.warn("%s", w)
	}
	res := &quantizeResult{Source: q.src, DryRun: q.dry, Outputs: []outputJSON{}, Failures: []failureJSON{}}
	var first error
	for _, t := range q.types {
		err := q.one(ctx, c, source, t, res)
		if err == nil {
			continue
		}
		if first == nil {
			first = err
		}
		res.Failures = append(res.Failures, failureJSON{t.Name, q.path(t), codeOf(err).id(), err.Error()})
		if ctx.Err() != nil {
			break
		}
	}
	res.Seconds, res.PeakRSS = time.Since(start).Seconds(), peakRSS()
	if first != nil && ctx.Err() == nil && len(res.Outputs) > 0 {
		first = &failure{code: exitPartial, err: fmt.Errorf("%d of %d types failed: %w", len(res.Failures), len(q.types), first)}
	}
	return res, first
}

// checkOutputs refuses before any work what would overwrite a file.
func (q *quantizing) checkOutputs() error {
	for _, t := range q.types {
		path := q.path(t)
		if _, err := os.Lstat(path); err == nil && !q.force {
			return hinted(&fs.PathError{Op: "write", Path: path, Err: fs.ErrExist}, "--force overwrites it")
		}
	}
	return nil
}

// one converts to one type and adds what was written to res.
func (q *quantizing) one(ctx context.Context, c *call, source *convert.Source, t convert.Recipe, res *quantizeResult) error {
	o := q.options
	o.Type, o.Mix = t.Type, t.Mix
	plan, err := source.Plan(ctx, o)
	if err != nil {
		if e, ok := errors.AsType[*convert.NotTernaryError](err); ok {
			res.addResiduals(e)
			return hinted(err, "for a model that is not ternary choose F16, BF16 or Q8_0; --force-ternary ternarizes it all the same")
		}
		return err
	}
	for _, w := range plan.Warnings {
		c.warn("%s", w)
	}
	out := plannedOutput(q.path(t), t.Name, plan)
	if !q.dry {
		written, err := plan.WriteFile(ctx, out.Path, q.force, c.progress)
		if err != nil {
			return err
		}
		for _, w := range written.Warnings {
			c.warn("%s: %s", out.Path, w)
		}
		out.done(written)
		res.ThresholdSensitive = max(res.ThresholdSensitive, written.ThresholdSensitive)
	}
	res.Outputs = append(res.Outputs, out)
	return nil
}

// notSource explains why a source could not be opened.
func notSource(path string, err error) error {
	info, serr := os.Stat(path)
	switch {
	case serr != nil:
		return notThere(path, err)
	case info.IsDir():
		return err
	case isSafetensors(path):
		return usagef("%s is a file; quantize takes the folder it is in", path).suggest("the folder must hold config.json and tokenizer.json too")
	}
	return err
}
