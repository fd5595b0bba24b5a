package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/akadata/bitnet-tool/internal/atomicfile"
	"github.com/akadata/bitnet-tool/verify"
	"github.com/urfave/cli/v2"
)

func baselineCommand() command {
	return command{
		name: "baseline", args: "FILE | NAME[@VERSION] -o FILE", min: 1, max: 1, report: true,
		about: "note what a good model answers, for verify --baseline",
		flags: storeFlags(
			&cli.StringFlag{Name: "o", Usage: "write to `FILE`, which must not exist"},
			&cli.StringFlag{Name: "prompts", Usage: `take prompts from FILE, one {"prompt":"…"} or {"tokens":[…]} a line`, DefaultText: "built in"},
			&cli.IntFlag{Name: "greedy", Base: 10, Value: verify.DefaultGreedy, Usage: "note the best `N` tokens after each prompt"},
			&cli.StringFlag{Name: "text", Usage: "measure perplexity on the text in `FILE`", DefaultText: "built in"},
		),
		run: runBaseline,
	}
}

// baselineResult says what was noted.
type baselineResult struct {
	Path       string                    `json:"path"`
	Model      verify.BaselineModel      `json:"model"`
	Prompts    int                       `json:"prompts"`
	Greedy     int                       `json:"greedy"` // tokens after each prompt
	Perplexity verify.BaselinePerplexity `json:"perplexity"`
}

func runBaseline(ctx context.Context, c *call) (result, error) {
	path := c.flags.String("o")
	if path == "" {
		return nil, usagef("baseline needs -o").suggest("%s baseline %s -o FILE", program, word(c.args[0]))
	}
	o, err := baselineOptions(ctx, c)
	if err != nil {
		return nil, err
	}
	model, err := c.modelFile(ctx, c.args[0])
	if err != nil {
		return nil, err
	}
	out, err := atomicfile.Create(path, false)
	if err != nil {
		return nil, err
	}
	defer out.Abort()
	b, err := verify.NewBaseline(ctx, model, o)
	if err != nil {
		return nil, notModel(model, err)
	}
	if err := json.NewEncoder(out).Encode(b); err != nil {
		return nil, err
	}
	res := baselineResult{path, b.Model, len(b.Cases), o.Greedy, *b.Perplexity}
	res.Perplexity.Text = ""
	return res, out.Commit()
}

func baselineOptions(ctx context.Context, c *call) (verify.BaselineOptions, error) {
	o := verify.BaselineOptions{Greedy: c.flags.Int("greedy"), Progress: c.progress}
	var err error
	if o.Kernels, err = chosenKernels(); err != nil {
		return o, err
	}
	if o.Greedy < 0 {
		return o, usagef("--greedy %d: must be 0 or more", o.Greedy)
	}
	if c.flags.IsSet("prompts") {
		text, err := readText(ctx, c, c.flags.String("prompts"))
		if err != nil {
			return o, err
		}
		if o.Prompts, err = verify.ParsePrompts([]byte(text)); err != nil {
			return o, fmt.Errorf("%s: %w", c.flags.String("prompts"), err)
		}
	}
	if c.flags.IsSet("text") {
		text, err := readText(ctx, c, c.flags.String("text"))
		if err != nil {
			return o, err
		}
		if text == "" {
			return o, usagef("%s is empty", c.flags.String("text"))
		}
		o.Text = text
	}
	return o, nil
}

func (r baselineResult) text(w io.Writer) {
	fmt.Fprintf(w, "%s: %d prompts, %d tokens after each, perplexity %.4f in chunks of %d tokens\n",
		printable(r.Path), r.Prompts, r.Greedy, math.Exp(r.Perplexity.NLL), r.Perplexity.Context)
}

func (r baselineResult) hint() string {
	return program + " verify FILE --baseline " + word(r.Path) + " compares a file with it"
}
