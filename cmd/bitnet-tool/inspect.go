package main

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/quant"
	"github.com/urfave/cli/v2"
)

func inspectCommand() command {
	return command{
		name: "inspect", args: "FILE | NAME[@VERSION]", min: 1, max: 1,
		about: "show what a GGUF file holds and which programs can load it",
		flags: storeFlags(
			boolFlag("tensors", "list the tensors"),
			boolFlag("ternarity", "read all ternary tensors: shares of -1, 0 and +1, and the scale"),
			&cli.StringFlag{Name: "kv", Usage: "print the value of one metadata `KEY`, whole"},
		),
		run: runInspect,
	}
}

// inspectResult is what a file's header says, with the tensors in file order.
type inspectResult struct {
	Path         string         `json:"path"`
	Size         int64          `json:"size"`
	Parts        int            `json:"parts,omitempty"` // of a split file, shown as if merged
	Format       string         `json:"format"`
	Version      uint32         `json:"version"`
	ByteOrder    string         `json:"byte_order"`
	Dialect      gguf.Dialect   `json:"dialect"`
	Architecture string         `json:"architecture"`
	FileType     *uint64        `json:"file_type"`
	Alignment    int64          `json:"alignment"`
	Metadata     map[string]any `json:"metadata"`
	Tensors      []tensorJSON   `json:"tensors"`
	BPW          float64        `json:"bpw"` // bits of tensor data a weight
	I2SLayout    *string        `json:"i2s_layout"`
	LoadableBy   []string       `json:"loadable_by"`
	Programs     []programJSON  `json:"programs"`
	KV           *kvJSON        `json:"kv,omitempty"`

	keys        [][]string // metadata as rows of a table
	weights     int64
	listTensors bool
}

type tensorJSON struct {
	Name      string     `json:"name"`
	Type      string     `json:"type"`
	Shape     []int64    `json:"shape"`  // contiguous dimension first
	Offset    int64      `json:"offset"` // in the data section
	Bytes     int64      `json:"bytes"`
	Ternarity *ternarity `json:"ternarity,omitempty"`
}

func runInspect(ctx context.Context, c *call) (result, error) {
	path, err := c.modelFile(ctx, c.args[0])
	if err != nil {
		return nil, err
	}
	f, err := openModel(path)
	if errors.Is(err, gguf.ErrParts) || errors.Is(err, gguf.ErrNotFirst) {
		c.warn("%v; this is one part by itself", err)
		f, err = openFile(path)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	res := &inspectResult{
		Path: path, Size: f.FileSize, Format: "gguf", Version: f.Version, ByteOrder: "little",
		Dialect: f.Dialect(), Architecture: f.Architecture(), Alignment: f.Alignment,
		I2SLayout:   i2sLayout(f),
		listTensors: c.flags.Bool("tensors") || c.flags.Bool("ternarity"),
	}
	if n := len(f.Files()); n > 1 {
		res.Parts = n
	}
	res.Programs, res.LoadableBy = programs(f)
	if f.ByteOrder == binary.BigEndian {
		res.ByteOrder = "big"
	}
	if n, ok := f.Meta.Uint("general.file_type"); ok {
		res.FileType = &n
	}
	if res.Metadata, err = metadataJSON(&f.Meta); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	res.keys = metadataRows(&f.Meta)
	res.addTensors(c, f)
	if key := c.flags.String("kv"); c.flags.IsSet("kv") {
		if res.KV, err = findKV(&f.Meta, key); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if c.flags.Bool("ternarity") {
		if err := res.addTernarity(ctx, c, f); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return res, nil
}

// addTensors lists the tensors and warns of types whose layout is not known.
func (r *inspectResult) addTensors(c *call, f *gguf.File) {
	r.Tensors = []tensorJSON{}
	var bytes int64
	var unknown []string
	for _, t := range f.Tensors {
		dims := t.Dims
		if dims == nil {
			dims = []int64{}
		}
		r.Tensors = append(r.Tensors, tensorJSON{Name: t.Name, Type: t.TypeName(), Shape: dims, Offset: t.Offset, Bytes: t.Size})
		bytes, r.weights = bytes+t.Size, r.weights+t.Elements()
		if t.Type == quant.Invalid {
			unknown = append(unknown, fmt.Sprintf("%s is %s", t.Name, t.TypeName()))
		}
	}
	if r.weights > 0 {
		r.BPW = 8 * float64(bytes) / float64(r.weights)
	}
	const show = 3
	switch n := len(unknown); {
	case n > show:
		c.warn("the layout of %d tensors is not known: %s and %d more", n, strings.Join(unknown[:show], ", "), n-show)
	case n > 0:
		c.warn("the layout is not known of: %s", strings.Join(unknown, ", "))
	}
}

// i2sLayout gives the layout of the I2_S tensors, nil if there are none.
func i2sLayout(f *gguf.File) *string {
	if !f.HasI2S() {
		return nil
	}
	layout := cmp.Or(string(f.I2SLayout()), "unknown")
	return &layout
}

func (r *inspectResult) text(w io.Writer) {
	if r.KV != nil {
		r.KV.text(w)
		return
	}
	fmt.Fprintf(w, "%s: GGUF version %d, %s\n\n", printable(r.Path), r.Version, humanBytes(r.Size))
	rows := [][]string{
		{"  architecture", orNone(printable(r.Architecture))},
		{"  dialect", string(r.Dialect)},
		{"  tensors", fmt.Sprintf("%d: %s", len(r.Tensors), r.typeCounts())},
		{"  weights", fmt.Sprintf("%s, %.2f bits each", thousands(r.weights), r.BPW)},
	}
	if r.FileType != nil {
		rows = append(rows, []string{"  file type", fmt.Sprint(*r.FileType)})
	}
	if r.ByteOrder != "little" {
		rows = append(rows, []string{"  byte order", r.ByteOrder})
	}
	if r.Parts > 0 {
		rows = append(rows, []string{"  parts", fmt.Sprint(r.Parts)})
	}
	if r.I2SLayout != nil {
		rows = append(rows, []string{"  i2_s layout", printable(*r.I2SLayout)})
	}
	table(w, append(rows, []string{"  loadable by", orNone(strings.Join(r.LoadableBy, ", "))}))
	fmt.Fprintln(w, "\nprograms")
	programTable(w, r.Programs)
	fmt.Fprintln(w, "\nmetadata")
	table(w, r.keys)
	if r.listTensors {
		fmt.Fprintln(w, "\ntensors")
		r.tensorTable(w)
	}
}

func orNone(s string) string {
	if s == "" {
		return "none known"
	}
	return s
}

// typeCounts gives the number of tensors by type, the most frequent first.
func (r *inspectResult) typeCounts() string {
	count := map[string]int{}
	for _, t := range r.Tensors {
		count[t.Type]++
	}
	names := slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		if d := count[b] - count[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	for i, n := range names {
		names[i] = fmt.Sprintf("%d %s", count[n], n)
	}
	return strings.Join(names, ", ")
}

func (r *inspectResult) tensorTable(w io.Writer) {
	rows := [][]string{{"  name", "type", "shape", "bytes"}}
	for _, t := range r.Tensors {
		shape := strings.Trim(strings.ReplaceAll(fmt.Sprint(t.Shape), " ", " x "), "[]")
		row := []string{"  " + printable(t.Name), t.Type, shape, thousands(t.Bytes)}
		if t.Ternarity != nil {
			row = append(row, t.Ternarity.cells()...)
		}
		rows = append(rows, row)
	}
	if slices.ContainsFunc(r.Tensors, func(t tensorJSON) bool { return t.Ternarity != nil }) {
		rows[0] = append(rows[0], "-1", "0", "+1", "scale")
	}
	table(w, rows, 2, 3, 4, 5, 6)
}

func (r *inspectResult) hint() string {
	if r.KV != nil || r.listTensors {
		return ""
	}
	return "--tensors lists the tensors, --kv KEY prints a value whole"
}
