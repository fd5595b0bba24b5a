package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/akadata/bitnet-tool/internal/atomicfile"
	"github.com/akadata/bitnet-tool/internal/bench"
	"github.com/akadata/bitnet-tool/internal/par"
	"github.com/akadata/bitnet-tool/runtime"
	"github.com/urfave/cli/v2"
)

func benchCommand() command {
	return command{
		name: "bench", args: "FILE | NAME[@VERSION]", min: 1, max: 1,
		about: "measure how fast a model runs here",
		long: "The tests are those of llama-bench: pp512 evaluates a prompt of 512 tokens, tg128\n" +
			"generates 128 tokens, each with its best logit. Figures are tokens a second, mean\n" +
			"and standard deviation of the repetitions, after one to warm up.",
		flags: storeFlags(
			&cli.IntFlag{Name: "p", Base: 10, Value: 512, Usage: "evaluate a prompt of `N` tokens; 0: no such test"},
			&cli.IntFlag{Name: "n", Base: 10, Value: 128, Usage: "generate `N` tokens; 0: no such test"},
			&cli.StringFlag{Name: "d", Value: "0", Usage: "begin with `N,…` tokens in the context"},
			&cli.StringFlag{Name: "t", Usage: "use `N,…` threads", DefaultText: "all processors"},
			&cli.IntFlag{Name: "b", Base: 10, Usage: "evaluate `N` tokens of a prompt at once", DefaultText: "as run does"},
			kvFlag(),
			&cli.IntFlag{Name: "r", Base: 10, Value: 5, Usage: "repeat each test `N` times"},
			boolFlag("energy", "measure joules as well, where the machine counts them"),
			&cli.StringFlag{Name: "format", Value: "table", Usage: "print as `FORM`: table, json, influx or md"},
			&cli.StringFlag{Name: "plot", Usage: "draw tokens a second over threads into `F.svg`"},
		),
		run: runBench,
	}
}

func runBench(ctx context.Context, c *call) (result, error) {
	o, err := benchOptions(c)
	if err != nil {
		return nil, err
	}
	path, err := c.modelFile(ctx, c.args[0])
	if err != nil {
		return nil, err
	}
	res, err := newBenchResult(ctx, path, o)
	if err != nil {
		return nil, err
	}
	plot, err := plotFile(c)
	if err != nil {
		return nil, err
	}
	if plot != nil {
		defer plot.Abort()
	}
	res.format = c.flags.String("format")
	if res.format == "json" {
		c.json = true
	}
	if c.flags.Bool("energy") {
		if o.Meter, err = bench.NewMeter(os.DirFS("/sys/class/powercap")); err != nil {
			res.Energy = benchEnergy{Status: "unavailable", Reason: err.Error()}
		} else {
			res.Energy = benchEnergy{Status: "measured"}
		}
	}
	rows, err := bench.Run(ctx, func(threads int) (*runtime.Model, error) {
		return openRuntime(path, runtime.Options{Threads: threads})
	}, *o, c.progress)
	res.fill(rows)
	if err == nil && plot != nil {
		err = bench.Plot(plot, res.Model.Name+" "+res.Model.Type, rows)
		if err == nil {
			err = plot.Commit()
		}
	}
	return res, err
}

// plotFile begins the file of --plot, so that what is wrong with it is known
// before the time is spent; nil without the flag.
func plotFile(c *call) (*atomicfile.File, error) {
	path := c.flags.String("plot")
	if path == "" {
		return nil, nil
	}
	return atomicfile.Create(path, true)
}

// benchOptions reads the flags.
func benchOptions(c *call) (*bench.Options, error) {
	f := c.flags
	o := &bench.Options{
		Prompt: f.Int("p"), Generate: f.Int("n"), Repetitions: f.Int("r"),
		Session: runtime.SessionOptions{Batch: f.Int("b")},
	}
	var err error
	if o.Session.HalfKV, err = halfKV(c); err != nil {
		return nil, err
	}
	if o.Depths, err = numbers("d", f.String("d"), 0); err != nil {
		return nil, err
	}
	o.Threads = []int{par.CPUs()}
	if f.IsSet("t") {
		if o.Threads, err = numbers("t", f.String("t"), 1); err != nil {
			return nil, err
		}
	}
	switch {
	case o.Prompt < 0 || o.Generate < 0 || o.Prompt+o.Generate == 0:
		return nil, usagef("-p %d -n %d: at least one must be 1 or more, none below 0", o.Prompt, o.Generate)
	case o.Repetitions < 1:
		return nil, usagef("-r %d: must be 1 or more", o.Repetitions)
	case f.IsSet("b") && o.Session.Batch < 1:
		return nil, usagef("-b %d: must be 1 or more", o.Session.Batch)
	}
	switch format := f.String("format"); format {
	case "table", "json", "influx", "md":
	default:
		return nil, usagef("--format cannot be %q: use table, json, influx or md", format)
	}
	return o, nil
}

// numbers reads a list such as 1,2,4.
func numbers(flag, list string, least int) ([]int, error) {
	var out []int
	for s := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < least {
			return nil, usagef("-%s %s: must be numbers from %d on, with commas between them", flag, list, least)
		}
		out = append(out, n)
	}
	return out, nil
}

// newBenchResult describes the model and times how long it takes until one
// token has been evaluated.
func newBenchResult(ctx context.Context, path string, o *bench.Options) (*benchResult, error) {
	start := time.Now()
	m, err := openRuntime(path, runtime.Options{Threads: o.Threads[0]})
	if err != nil {
		return nil, err
	}
	defer m.Close()
	load := time.Since(start).Seconds()
	need := max(o.Prompt, o.Generate)
	for _, d := range o.Depths {
		if d > m.Params().Context-need {
			return nil, usagef("a depth of %d and a test of %d tokens do not fit into the %d of the model's context", d, need, m.Params().Context)
		}
	}
	s, err := m.NewSession(runtime.SessionOptions{})
	if err != nil {
		return nil, err
	}
	if _, err := s.Eval(ctx, []int32{0}); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	res := &benchResult{Load: load, FirstToken: time.Since(start).Seconds(), Energy: benchEnergy{Status: "off"}}
	res.Model, res.Kernel = benchModelOf(path, m.File()), m.Kernels()
	return res, nil
}
