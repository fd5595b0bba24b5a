package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/akadata/bitnet-tool/internal/token"
	"github.com/akadata/bitnet-tool/runtime"
	"github.com/urfave/cli/v2"
)

func perplexityCommand() command {
	return command{
		name: "perplexity", args: "FILE | NAME[@VERSION] --file F", min: 1, max: 1,
		about: "measure how well a model predicts a text",
		long:  "The method is that of llama-perplexity, so that figures compare; those of different -c do not.",
		flags: storeFlags(
			&cli.StringFlag{Name: "file", Usage: "the text, `F`"},
			&cli.IntFlag{Name: "c", Base: 10, Value: 512, Usage: "cut the text into pieces of `N` tokens"},
			preFlag(),
		),
		run: runPerplexity,
	}
}

type perplexityResult struct {
	Tokens     int     `json:"tokens"`      // scored
	TextTokens int     `json:"text_tokens"` // of the whole text, with BOS
	Chunks     int     `json:"chunks"`
	NLL        float64 `json:"nll"` // mean, natural logarithm
	PPL        float64 `json:"ppl"`
	PPLError   float64 `json:"ppl_error"` // one standard deviation
	Ctx        int     `json:"ctx"`
}

func runPerplexity(ctx context.Context, c *call) (result, error) {
	path := c.flags.String("file")
	if path == "" {
		return nil, usagef("perplexity needs --file").suggest("bitnet-tool perplexity %s --file TEXT", word(c.args[0]))
	}
	model, err := c.modelFile(ctx, c.args[0])
	if err != nil {
		return nil, err
	}
	m, t, err := loadModel(c, model, runtime.Options{}, c.flags.String("pre"))
	if err != nil {
		return nil, err
	}
	defer m.Close()
	text, err := readText(ctx, c, path)
	if err != nil {
		return nil, err
	}
	// As llama-perplexity: one line break at the end goes, and special tokens
	// in the text are plain text.
	ids := t.Encode(strings.TrimSuffix(text, "\n"), token.EncodeOptions{AddSpecial: true})
	window := c.flags.Int("c")
	if err := checkWindow(window, len(ids), m.Params().Context); err != nil {
		return nil, err
	}
	bos, added := t.BOS()
	if !added {
		bos = -1
	}
	task := c.progress.Start("perplexity, chunks", int64(len(ids)/window))
	p, err := m.Perplexity(ctx, ids, runtime.PerplexityOptions{
		Context: window, BOS: bos,
		Progress: func(r runtime.Perplexity, _ int) {
			task.Add(1)
			c.log.Debug("so far", "chunks", r.Chunks, "ppl", r.PPL)
		},
	})
	task.Done(err)
	if err != nil {
		return nil, err
	}
	return perplexityResult{p.Tokens, len(ids), p.Chunks, p.NLL, p.PPL, p.Error, window}, nil
}

// checkWindow refuses a window that the text or the model is too short for,
// and says which one fits.
func checkWindow(window, tokens, context int) error {
	const least = 4
	fits := min(tokens/2, context)
	hint := "a text this short cannot be scored"
	if fits >= least {
		hint = fmt.Sprintf("-c %d fits, and anything from %d up to it", fits, least)
	}
	switch {
	case window < least:
		return usagef("-c %d: must be %d or more", window, least)
	case window > context:
		return usagef("-c %d is more than the %d tokens of the model's context", window, context).suggest("%s", hint)
	case tokens < 2*window:
		return usagef("the text has %d tokens, fewer than the %d that -c %d needs", tokens, 2*window, window).suggest("%s", hint)
	}
	return nil
}

func (r perplexityResult) text(w io.Writer) {
	fmt.Fprintf(w, "perplexity %.4f +- %.4f\n", r.PPL, r.PPLError)
	table(w, [][]string{
		{"  mean nll", fmt.Sprintf("%.6f", r.NLL)},
		{"  tokens scored", fmt.Sprintf("%s of %s, in %d chunks of %d", thousands(int64(r.Tokens)), thousands(int64(r.TextTokens)), r.Chunks, r.Ctx)},
	})
}
