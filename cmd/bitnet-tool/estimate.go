package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/token"
	"github.com/akadata/bitnet-tool/quant"
	"github.com/akadata/bitnet-tool/runtime"
	"github.com/urfave/cli/v2"
)

func estimateCommand() command {
	return command{
		name: "estimate", args: "FILE | NAME[@VERSION]", min: 1, max: 1,
		about: "tell how much disk and memory a model takes",
		long: "The memory is that of \"run\" with its default types once the context is full. Weights\n" +
			"are read from the file as they are used; what does not fit is read again.",
		flags: storeFlags(
			&cli.IntFlag{Name: "ctx", Base: 10, Usage: "count with a context of `N` tokens", DefaultText: "the model's"},
			&cli.IntFlag{Name: "batch", Base: 10, Usage: "count with `N` tokens evaluated at once", DefaultText: "as run"},
		),
		run: runEstimate,
	}
}

// estimateResult has all sizes in bytes.
type estimateResult struct {
	Path           string      `json:"path"`
	Size           int64       `json:"size"`         // of the file
	TensorBytes    int64       `json:"tensor_bytes"` // without padding
	Weights        int64       `json:"weights"`
	TernaryWeights int64       `json:"ternary_weights"` // in ternary encodings
	BPW            float64     `json:"bpw"`
	KVF16          *int64      `json:"kv_f16"` // keys and values of a full context
	KVF32          *int64      `json:"kv_f32"`
	Memory         *memoryJSON `json:"memory"` // null for a model that cannot be evaluated here
}

type memoryJSON struct {
	Ctx     int   `json:"ctx"`
	Weights int64 `json:"weights"` // mapped from the file
	Head    int64 `json:"head"`    // made of the head after some tokens, to generate faster
	KV      int64 `json:"kv"`
	Buffers int64 `json:"buffers"`
	Program int64 `json:"program"` // this program with the vocabulary
	Total   int64 `json:"total"`
}

func runEstimate(ctx context.Context, c *call) (result, error) {
	o := runtime.SessionOptions{Context: c.flags.Int("ctx"), Batch: c.flags.Int("batch")}
	for _, name := range []string{"ctx", "batch"} {
		if n := c.flags.Int(name); c.flags.IsSet(name) && n < 1 {
			return nil, usagef("--%s %d: must be 1 or more", name, n)
		}
	}
	path, err := c.modelFile(ctx, c.args[0])
	if err != nil {
		return nil, err
	}
	f, err := openModel(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	res := &estimateResult{Path: path, Size: f.FileSize}
	res.tensors(f)
	if p, err := arch.FromMeta(&f.Meta); err == nil {
		res.cache(p, o.Context)
	}
	err = res.evaluation(c, path, o)
	if errors.Is(err, runtime.ErrUnsupported) || errors.Is(err, arch.ErrUnsupported) || errors.Is(err, token.ErrUnsupported) {
		c.warn("memory is not known: %v", err)
		return res, nil
	}
	if err != nil {
		return nil, err
	}
	return res, nil
}

// tensors adds up what the header says.
func (r *estimateResult) tensors(f *gguf.File) {
	for _, t := range f.Tensors {
		r.TensorBytes, r.Weights = r.TensorBytes+t.Size, r.Weights+t.Elements()
		if codec, _ := quant.Lookup(t.Type); codec.Ternary() {
			r.TernaryWeights += t.Elements()
		}
	}
	if r.Weights > 0 {
		r.BPW = 8 * float64(r.TensorBytes) / float64(r.Weights)
	}
}

// cache gives the size of keys and values in any engine.
func (r *estimateResult) cache(p *arch.Params, ctx int) {
	if ctx == 0 {
		ctx = p.Context
	}
	numbers := 2 * int64(ctx) * int64(p.Blocks) * int64(p.KVHeads*p.HeadDim)
	f16, f32 := 2*numbers, 4*numbers
	r.KVF16, r.KVF32 = &f16, &f32
}

// evaluation loads the model as run does and asks it.
func (r *estimateResult) evaluation(c *call, path string, o runtime.SessionOptions) error {
	m, _, err := loadModel(c, path, runtime.Options{}, "")
	if err != nil {
		return err
	}
	defer m.Close()
	if n := m.Params().Context; o.Context > n {
		return usagef("--ctx %d: the model's context is %d", o.Context, n)
	}
	o.HalfKV = true
	program := peakRSS() // header, vocabulary and all; no weight has been touched
	mem, err := m.Memory(o)
	if err != nil {
		return err
	}
	if o.Context == 0 {
		o.Context = m.Params().Context
	}
	r.Memory = &memoryJSON{o.Context, mem.Weights, mem.Head, mem.KV, mem.Buffers, program, mem.Total() + program}
	return nil
}

func (r *estimateResult) text(w io.Writer) {
	fmt.Fprintf(w, "%s: %s\n\n", printable(r.Path), humanBytes(r.Size))
	rows := [][]string{
		{"  weights", thousands(r.Weights)},
		{"  ternary weights", thousands(r.TernaryWeights)},
		{"  tensor bytes", thousands(r.TensorBytes)},
		{"  bits a weight", fmt.Sprintf("%.2f", r.BPW)},
	}
	if r.KVF16 != nil {
		rows = append(rows, []string{"  keys and values, F16", thousands(*r.KVF16)}, []string{"  keys and values, F32", thousands(*r.KVF32)})
	}
	table(w, rows, 1)
	if m := r.Memory; m != nil {
		fmt.Fprintf(w, "\nmemory to run it with a context of %s tokens\n", thousands(int64(m.Ctx)))
		table(w, [][]string{
			{"  weights", thousands(m.Weights)},
			{"  copy of the head", thousands(m.Head)},
			{"  keys and values", thousands(m.KV)},
			{"  buffers", thousands(m.Buffers)},
			{"  program and vocabulary", thousands(m.Program)},
			{"  total", thousands(m.Total)},
		}, 1)
	}
}
