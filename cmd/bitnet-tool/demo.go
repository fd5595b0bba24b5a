package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/internal/token"
	"github.com/akadata/bitnet-tool/runtime"
	"github.com/akadata/bitnet-tool/verify"
	"github.com/urfave/cli/v2"
)

func demoCommand() command {
	return command{
		name: "demo", report: true,
		about: "pull, store, quantize, verify and run a tiny model that is part of this program",
		long:  "Needs no network and leaves nothing behind, unless --dir says where to keep the files.",
		flags: []cli.Flag{&cli.StringFlag{Name: "dir", Usage: "work in the folder `D` and keep the files there"}},
		run:   runDemo,
	}
}

// demoPrompt begins a sentence that the model ends by itself.
const demoPrompt = "We must"

type demoResult struct {
	Dir     string     `json:"dir"`
	Kept    bool       `json:"kept"`
	Source  string     `json:"source"`
	Models  []demoFile `json:"models"`
	Seconds float64    `json:"seconds"`
	PeakRSS int64      `json:"peak_rss"`
}

// demoFile is one converted model and what became of it.
type demoFile struct {
	outputJSON
	Verdict   verify.Verdict `json:"verdict"`
	Text      string         `json:"text"` // prompt and continuation
	DecodeTPS float64        `json:"decode_tps"`
}

func runDemo(ctx context.Context, c *call) (result, error) {
	start := time.Now()
	res := &demoResult{Dir: c.flags.String("dir"), Kept: c.flags.IsSet("dir"), Models: []demoFile{}}
	if !res.Kept {
		dir, err := os.MkdirTemp("", program+"-demo-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		res.Dir = dir
	}
	if err := checkEmpty(res.Dir); err != nil {
		return nil, err
	}
	cache := filepath.Join(res.Dir, "hub")
	c.note("1. start a model hub in this process, with masters of 3.4 million weights in BF16")
	c.note("2. pull them into the cache %s", cache)
	var err error
	if res.Source, err = demoPull(ctx, c, cache); err != nil {
		return nil, err
	}
	models := filepath.Join(res.Dir, "store")
	c.note("3. copy them into the store %s, and compare the digests", models)
	if res.Source, err = demoStore(ctx, c, res.Source, models); err != nil {
		return nil, err
	}
	c.note("4. quantize them to I2_S (two bits a weight) and to Q8_0 (eight)")
	q := &quantizing{src: res.Source, out: filepath.Join(res.Dir, "tiny-bitnet-{type}.gguf"), options: convert.Options{Tool: version}}
	for _, name := range []string{"I2_S", "Q8_0"} {
		r, _ := convert.RecipeByName(name)
		q.types = append(q.types, r)
	}
	quantized, err := q.run(ctx, c)
	if err != nil {
		return nil, err
	}
	c.note("5. verify both against the masters, weight by weight")
	for _, o := range quantized.Outputs {
		f := demoFile{outputJSON: o}
		if f.Verdict, err = demoVerify(ctx, c, o.Path, res.Source); err != nil {
			return nil, err
		}
		res.Models = append(res.Models, f)
	}
	c.note("6. let both end a sentence that begins with %q", demoPrompt)
	for i := range res.Models {
		if err := res.Models[i].speak(ctx, c); err != nil {
			return nil, err
		}
	}
	res.Seconds, res.PeakRSS = time.Since(start).Seconds(), peakRSS()
	return res, nil
}

// demoVerify runs all levels that need no baseline.
func demoVerify(ctx context.Context, c *call, path, masters string) (verify.Verdict, error) {
	report, err := verify.Run(ctx, path, verify.Options{
		Level: verify.DefaultLevel(false), Against: masters, Progress: c.progress,
	})
	if err != nil {
		return "", err
	}
	if f := report.Worst(); f != nil && f.Severity == verify.Error {
		return "", &failure{
			code: exitBadArtifact, rule: f.Rule, object: f.Object(),
			err: fmt.Errorf("%s: %s: %s", path, f.Object(), f.Detail),
		}
	}
	return report.Verdict, nil
}

// speak continues the prompt, always with the best token.
func (f *demoFile) speak(ctx context.Context, c *call) error {
	m, t, err := loadModel(c, f.Path, runtime.Options{}, "")
	if err != nil {
		return err
	}
	defer m.Close()
	s, err := runtime.NewSampler(runtime.Sampling{TopP: 1})
	if err != nil {
		return err
	}
	session, err := m.NewSession(runtime.SessionOptions{})
	if err != nil {
		return err
	}
	g := &generator{session: session, sampler: s, tokenizer: t, max: 40}
	gen, err := g.generate(ctx, t.Encode(demoPrompt, token.EncodeOptions{AddSpecial: true}))
	f.Text, f.DecodeTPS = demoPrompt+gen.Text, gen.timings.DecodeTPS
	return err
}

func (r *demoResult) text(w io.Writer) {
	rows := [][]string{{"file", "size", "bits a weight", "verdict", "tokens/s"}}
	for _, m := range r.Models {
		rows = append(rows, []string{
			filepath.Base(m.Path), humanBytes(m.Size), fmt.Sprintf("%.2f", m.BPW),
			strings.ToLower(string(m.Verdict)), fmt.Sprintf("%.0f", m.DecodeTPS),
		})
	}
	table(w, rows, 1, 2, 4)
	fmt.Fprintln(w)
	for _, m := range r.Models {
		fmt.Fprintf(w, "%s says: %s\n", m.Type, printable(m.Text))
	}
	fmt.Fprintf(w, "\nall done in %.1f s\n", r.Seconds)
}

func (r *demoResult) hint() string {
	if !r.Kept {
		return "--dir D keeps the files for " + program + " inspect, run and the others"
	}
	return program + " run " + word(r.Models[0].Path) + " -p \"The whale\""
}
