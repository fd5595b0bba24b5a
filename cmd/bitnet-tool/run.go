package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/akadata/bitnet-tool/internal/token"
	"github.com/akadata/bitnet-tool/runtime"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

func runCommand() command {
	d := runtime.DefaultSampling()
	return command{
		name: "run", args: "FILE | NAME[@VERSION] [-p TEXT]", max: 1,
		about: "generate text",
		long: "Without -p the prompt is read from standard input, less one line break at its end;\n" +
			"with -cnv every line of it is a message, and without a terminal all of it is read.",
		flags: storeFlags(
			&cli.StringFlag{Name: "m", Usage: "the model, `FILE`, instead of the argument"},
			&cli.StringFlag{Name: "p", Usage: "continue `TEXT`; with -cnv, answer it"},
			boolFlag("cnv", "chat: put messages through the model's chat template"),
			&cli.StringFlag{Name: "sys", Usage: "with -cnv, begin with the system message `TEXT`"},
			&cli.IntFlag{Name: "n", Base: 10, Value: 128, Usage: "generate at most `N` tokens"},
			&cli.IntFlag{Name: "c", Base: 10, Usage: "hold at most `N` tokens of context", DefaultText: "the model's"},
			&cli.IntFlag{Name: "b", Base: 10, Usage: "evaluate `N` tokens of a prompt at once", DefaultText: "512"},
			&cli.IntFlag{Name: "t", Base: 10, Usage: "use `N` threads", DefaultText: "all processors"},
			&cli.Float64Flag{Name: "temp", Value: d.Temperature, Usage: "temperature `T`; 0 always takes the best token"},
			&cli.IntFlag{Name: "top-k", Base: 10, Value: d.TopK, Usage: "choose from the `K` best tokens; 0: from all"},
			&cli.Float64Flag{Name: "top-p", Value: d.TopP, Usage: "choose from the best tokens of probability `P` in all"},
			&cli.Float64Flag{Name: "min-p", Value: d.MinP, Usage: "choose from tokens at least `P` times as probable as the best"},
			&cli.Uint64Flag{Name: "seed", Base: 10, Usage: "seed of the random numbers, `S`", DefaultText: "another one each time"},
			kvFlag(),
			boolFlag("ignore-eos", "go on after the end of the text"),
		),
		run: runRun,
	}
}

// kvFlag is for commands whose speed counts more than the last digit.
func kvFlag() cli.Flag {
	return &cli.StringFlag{Name: "kv", Value: "f16", Usage: "keep keys and values as `T`: f16 or f32"}
}

func halfKV(c *call) (bool, error) {
	switch kv := c.flags.String("kv"); kv {
	case "f16":
		return true, nil
	case "f32":
		return false, nil
	default:
		return false, usagef("--kv cannot be %q: use f16 or f32", kv)
	}
}

// runResult is what one prompt led to; of a chat, the last one.
type runResult struct {
	generation
	Seed    uint64       `json:"seed"`
	Timings timings      `json:"timings"`
	Turns   []generation `json:"turns,omitempty"` // of a chat

	streamed bool // the text is on stdout already
}

// timings are in seconds and tokens a second; 0 where nothing was measured.
type timings struct {
	Load      float64 `json:"load_s"`
	PromptTPS float64 `json:"prompt_tps"`
	DecodeTPS float64 `json:"decode_tps"`
	TTFT      float64 `json:"ttft_s"` // from the prompt to the first token
}

func runRun(ctx context.Context, c *call) (result, error) {
	path, err := modelPath(c)
	if err == nil {
		path, err = c.modelFile(ctx, path)
	}
	if err != nil {
		return nil, err
	}
	g, err := newGenerator(c)
	if err != nil {
		return nil, err
	}
	half, err := halfKV(c)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	m, t, err := loadModel(c, path, runtime.Options{Threads: c.flags.Int("t")}, "")
	if err != nil {
		return nil, err
	}
	defer m.Close()
	if g.session, err = m.NewSession(runtime.SessionOptions{Context: c.flags.Int("c"), Batch: c.flags.Int("b"), HalfKV: half}); err != nil {
		return nil, err
	}
	g.tokenizer, g.load = t, time.Since(start)

	switch {
	case !c.flags.Bool("cnv"):
		return g.complete(ctx, c)
	case c.flags.IsSet("p"):
		return g.answer(ctx, c, c.flags.String("p"))
	}
	return g.converse(ctx, c)
}

// modelPath gives the model, which may be an argument or -m.
func modelPath(c *call) (string, error) {
	m := c.flags.String("m")
	switch {
	case len(c.args) == 0 && m == "":
		return "", usagef("run needs a model").suggest("bitnet-tool run FILE -p TEXT")
	case len(c.args) == 0:
		return m, nil
	case m != "" && m != c.args[0]:
		return "", usagef("the model is given twice, as %q and with -m as %q", c.args[0], m)
	}
	return c.args[0], nil
}

// newGenerator reads the flags that do not need the model.
func newGenerator(c *call) (*generator, error) {
	f := c.flags
	switch {
	case f.Int("n") < 1:
		return nil, usagef("-n %d: must be 1 or more", f.Int("n"))
	case f.Int("t") < 0 || f.IsSet("t") && f.Int("t") == 0:
		return nil, usagef("-t %d: must be 1 or more", f.Int("t"))
	case f.IsSet("c") && f.Int("c") < 1:
		return nil, usagef("-c %d: must be 1 or more", f.Int("c"))
	case f.IsSet("b") && f.Int("b") < 1:
		return nil, usagef("-b %d: must be 1 or more", f.Int("b"))
	case f.IsSet("sys") && !f.Bool("cnv"):
		return nil, usagef("-sys needs -cnv: only a chat has a system message")
	}
	seed := f.Uint64("seed")
	if !f.IsSet("seed") {
		seed = uint64(rand.Uint32()) // every JSON reader can hold it
	}
	s, err := runtime.NewSampler(runtime.Sampling{
		Temperature: f.Float64("temp"), TopK: f.Int("top-k"), TopP: f.Float64("top-p"), MinP: f.Float64("min-p"), Seed: seed,
	})
	if err != nil {
		return nil, err
	}
	return &generator{sampler: s, seed: seed, max: f.Int("n"), ignoreEOS: f.Bool("ignore-eos"), out: c.stdout, terminal: isTerminal(c.streams.out)}, nil
}

// typed reports whether standard input is a person at a terminal.
func (c *call) typed() bool {
	f, ok := c.stdin.(*os.File)
	return ok && isTerminal(f)
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// complete continues a raw prompt.
func (g *generator) complete(ctx context.Context, c *call) (result, error) {
	prompt := c.flags.String("p")
	if !c.flags.IsSet("p") {
		text, err := readText(ctx, c, "-")
		if err != nil {
			return nil, err
		}
		prompt = strings.TrimSuffix(text, "\n")
	}
	ids := g.tokenizer.Encode(prompt, token.EncodeOptions{AddSpecial: true, ParseSpecial: true})
	if len(ids) == 0 {
		return nil, usagef("the prompt is empty").suggest("-p TEXT gives one")
	}
	gen, err := g.generate(ctx, ids)
	return g.result(c, gen, nil), err
}

// result puts together what run returns, and tells the speed.
func (g *generator) result(c *call, gen generation, turns []generation) *runResult {
	r := &runResult{generation: gen, Seed: g.seed, Turns: turns, Timings: gen.timings, streamed: g.out != nil}
	r.Timings.Load = g.load.Seconds()
	if len(gen.Tokens) == 0 || gen.StopReason == "" {
		return r
	}
	t := r.Timings
	c.note("load %.2f s; prompt %d tokens at %.1f/s; text %d tokens at %.1f/s, the first after %.2f s; seed %d; stopped: %s",
		t.Load, len(gen.PromptTokens), t.PromptTPS, len(gen.Tokens), t.DecodeTPS, t.TTFT, g.seed, gen.StopReason)
	return r
}

// text writes what was not streamed.
func (r *runResult) text(w io.Writer) {
	if !r.streamed {
		fmt.Fprintln(w, r.Text)
	}
}
