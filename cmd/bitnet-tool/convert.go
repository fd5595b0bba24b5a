package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/quant"
	"github.com/urfave/cli/v2"
)

// toSafetensors is the value of --to that is no tensor type.
const toSafetensors = "safetensors"

func convertCommand() command {
	return command{
		name: "convert", args: "SRC -o OUT", min: 1, max: 1, report: true,
		about: "change encoding, layout or dialect of a GGUF file, code by code",
		long: "SRC is a file or NAME[@VERSION] of a store. Ternary codes go from one encoding to\n" +
			"the other as codes; all other tensors are copied. To encode weights anew use\n" +
			"quantize. OUT must not exist.\n" +
			"--layout says how the I2_S codes of SRC are arranged if SRC does not state it:\n" +
			"128x32 (x86 builds, the published files), 64x16 (llama-quantize for ARM since\n" +
			"November 2025) or 4rows (x86 builds without ACT_PARALLEL). OUT has 128x32.",
		flags: storeFlags(
			&cli.StringFlag{Name: "o", Usage: "write to `OUT`, a file, or a folder with --to safetensors"},
			&cli.StringFlag{Name: "to", Usage: "encode ternary tensors as `T`: I2_S, TQ1_0 or TQ2_0; or safetensors"},
			&cli.StringFlag{Name: "layout", Usage: "read the I2_S codes of SRC as layout `L`: 128x32, 64x16 or 4rows"},
			&cli.StringFlag{Name: "target", Usage: "write for the program `E`: " + targetNames()},
		),
		run: runConvert,
	}
}

// convertResult describes what was written.
type convertResult struct {
	Source    string         `json:"source"`
	Path      string         `json:"path"`
	Format    string         `json:"format"` // gguf, safetensors
	Size      int64          `json:"size"`   // bytes, of all files
	SHA256    string         `json:"sha256,omitempty"`
	Tensors   map[string]int `json:"tensors,omitempty"` // number by type
	Files     []string       `json:"files,omitempty"`   // of a folder
	Lossless  bool           `json:"lossless"`
	RoundedBy float64        `json:"rounded_by"` // largest share by which a value was rounded
}

func runConvert(ctx context.Context, c *call) (result, error) {
	out, to := c.flags.String("o"), c.flags.String("to")
	if out == "" {
		return nil, usagef("convert needs -o").suggest("%s convert SRC -o OUT", program)
	}
	o := convert.RepackOptions{Tool: version}
	var err error
	if strings.EqualFold(to, toSafetensors) {
		for _, name := range []string{"layout", "target"} {
			if c.flags.IsSet(name) {
				return nil, usagef("--%s has no meaning with --to safetensors", name).suggest("convert to a GGUF file first")
			}
		}
	} else if c.flags.IsSet("to") {
		if o.Type, err = ternaryType(to); err != nil {
			return nil, err
		}
	}
	if c.flags.IsSet("layout") {
		if o.Layout, err = gguf.ParseI2SLayout(c.flags.String("layout")); err != nil {
			return nil, usagef("%w", err)
		}
	}
	if c.flags.IsSet("target") {
		if o.Target, err = targetOf(c); err != nil {
			return nil, err
		}
	}
	src, err := c.modelFile(ctx, c.args[0])
	if err != nil {
		return nil, err
	}
	f, err := openModel(src)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if strings.EqualFold(to, toSafetensors) {
		return exportTo(ctx, c, f, src, out)
	}
	r, err := convert.NewRepack(f, o)
	if err != nil {
		return nil, layoutHint(src, fmt.Errorf("%s: %w", src, err))
	}
	for _, w := range r.Warnings {
		c.warn("%s", w)
	}
	res, err := r.WriteFile(ctx, out, c.progress)
	if err != nil {
		return nil, err
	}
	if !res.Lossless {
		c.warn("not lossless: scales are rounded to F16, by up to %.2g of themselves; the codes are the same", res.RoundedBy)
	}
	return &convertResult{
		Source: src, Path: res.Path, Format: "gguf", Size: res.Size, SHA256: "sha256:" + res.SHA256,
		Tensors: res.Types, Lossless: res.Lossless, RoundedBy: res.RoundedBy,
	}, nil
}

// ternaryType reads the value of --to.
func ternaryType(name string) (quant.Type, error) {
	for _, t := range []quant.Type{quant.I2_S, quant.TQ1_0, quant.TQ2_0} {
		if strings.EqualFold(name, t.String()) {
			return t, nil
		}
	}
	return quant.Invalid, usagef("--to cannot be %q", name).suggest("choose from I2_S, TQ1_0, TQ2_0, safetensors; for other types use quantize")
}

func exportTo(ctx context.Context, c *call, f *gguf.File, src, out string) (result, error) {
	e, err := convert.NewExport(f)
	if err != nil {
		return nil, layoutHint(src, fmt.Errorf("%s: %w", src, err))
	}
	for _, w := range e.Warnings {
		c.warn("%s", w)
	}
	res, err := e.WriteFolder(ctx, out, c.progress)
	if err != nil {
		return nil, err
	}
	if !res.Lossless {
		c.warn("not lossless: values are rounded to BF16, by up to %.2g of themselves; ternary codes are the same", res.RoundedBy)
	}
	return &convertResult{
		Source: src, Path: res.Path, Format: toSafetensors, Size: res.Size, Files: res.Files,
		Lossless: res.Lossless, RoundedBy: res.RoundedBy,
	}, nil
}

// layoutHint adds to an error about an I2_S layout what to type.
func layoutHint(src string, err error) error {
	if !errors.Is(err, convert.ErrLayout) {
		return err
	}
	return hinted(err, "if you know that it is 128x32: %s convert %s -o OUT --layout 128x32 writes a file that states it", program, word(src))
}

func (r *convertResult) text(w io.Writer) {
	fmt.Fprintf(w, "%s: %s\n", printable(r.Path), humanBytes(r.Size))
	for _, name := range r.Files {
		fmt.Fprintf(w, "  %s\n", printable(name))
	}
	var rows [][]string
	for _, t := range slices.Sorted(maps.Keys(r.Tensors)) {
		rows = append(rows, []string{"  " + t, thousands(int64(r.Tensors[t])), "tensors"})
	}
	table(w, rows, 1)
	if r.SHA256 != "" {
		fmt.Fprintln(w, "  "+strings.Replace(r.SHA256, ":", " ", 1))
	}
	if r.Lossless {
		fmt.Fprintln(w, "  lossless")
	}
}
