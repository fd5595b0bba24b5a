package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/akadata/bitnet-tool/internal/synth"
	"github.com/urfave/cli/v2"
)

func fixtureCommand() command {
	var families []string
	for _, f := range synth.Families() {
		families = append(families, fmt.Sprintf("  %-10s %s", f.Name, f.About))
	}
	return command{
		name: "fixture", args: "create --shape S --family F -o DIR", min: 1, max: 1, report: true,
		about: "make a checkpoint of random weights in the shape of a real one",
		long: "For tests, benchmarks and bug reports. The same shape, family and seed give the same\n" +
			"bytes on every machine. A shape is a name, sizes, or both: 2b4t, layers=2,vocab=512,\n" +
			"8b,layers=36. Names: " + strings.Join(synth.Shapes(), ", ") + ".\n" +
			"Sizes: " + strings.Join(synth.Keys(), ", ") + ".\nFamilies:\n" + strings.Join(families, "\n"),
		flags: []cli.Flag{
			&cli.StringFlag{Name: "shape", Usage: "make a model of the shape `S`"},
			&cli.StringFlag{Name: "family", Usage: "make a checkpoint of the family `F`"},
			&cli.Uint64Flag{Name: "seed", Usage: "draw the weights with the seed `N`", DefaultText: "0"},
			&cli.StringFlag{Name: "o", Usage: "write into the folder `DIR`, which must be new or empty"},
		},
		run: runFixture,
	}
}

// fixtureResult is a checkpoint that was made.
type fixtureResult struct {
	Path    string       `json:"path"`
	Family  string       `json:"family"`
	Shape   synth.Shape  `json:"shape"`
	Seed    uint64       `json:"seed"`
	Files   []synth.File `json:"files"`
	Bytes   int64        `json:"bytes"`
	Seconds float64      `json:"seconds"`
}

func runFixture(ctx context.Context, c *call) (result, error) {
	start := time.Now()
	if c.args[0] != "create" {
		return nil, usagef("fixture cannot %q", c.args[0]).suggest("%s fixture create --shape tiny --family B -o DIR", program)
	}
	for _, name := range []string{"shape", "family", "o"} {
		if c.flags.String(name) == "" {
			return nil, usagef("fixture create needs --%s", name).suggest("%s fixture create --shape tiny --family B -o DIR", program)
		}
	}
	res := &fixtureResult{Path: c.flags.String("o"), Family: c.flags.String("family"), Seed: c.flags.Uint64("seed")}
	var err error
	if res.Shape, err = synth.ParseShape(c.flags.String("shape")); err != nil {
		return nil, err
	}
	checkpoint, err := synth.New(res.Shape, res.Family, synth.Options{Seed: res.Seed})
	if err != nil {
		return nil, err
	}
	res.Files, res.Bytes = checkpoint.Files(), checkpoint.Bytes()
	if err := checkpoint.Write(ctx, res.Path, c.progress); err != nil {
		return nil, err
	}
	res.Seconds = time.Since(start).Seconds()
	return res, nil
}

func (r *fixtureResult) text(w io.Writer) {
	fmt.Fprintf(w, "%s: %s in %d files\n", printable(r.Path), humanBytes(r.Bytes), len(r.Files))
	rows := make([][]string, len(r.Files))
	for i, f := range r.Files {
		rows[i] = []string{"  " + f.Path, thousands(f.Size)}
	}
	table(w, rows, 1)
}

func (r *fixtureResult) hint() string {
	return fmt.Sprintf("%s quantize %s -o model.gguf --type I2_S", program, word(r.Path))
}
