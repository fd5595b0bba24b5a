package main

import (
	"os"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/token"
	"github.com/akadata/bitnet-tool/quant"
)

// sparseCmd makes a file with the header of BitNet-b1.58-2B-4T as I2_S, but for
// its vocabulary, and a hole where its tensors are.
func sparseCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: sparse OUT")
	}
	spec, err := arch.Lookup("bitnet-b1.58")
	ts.Check(err)
	p := &arch.Params{
		Spec: spec, Vocab: 128256, Context: 4096, Embedding: 2560, Blocks: 30, FeedForward: 6912,
		Heads: 20, KVHeads: 5, HeadDim: 128, RopeBase: 500000, Eps: 1e-5, Ternary: true, Tied: true,
	}
	v, err := token.FromHF(os.DirFS(ts.Getenv("BF16")))
	ts.Check(err)
	ts.Check(v.Pad(p.Vocab))
	var m gguf.Meta
	m.Set("general.architecture", p.Name)
	p.SetMeta(&m)
	v.SetMeta(&m)
	var list []gguf.TensorInfo
	for _, t := range p.Tensors() {
		typ := quant.F32
		switch t.Role {
		case arch.Projection:
			typ = quant.I2_S
		case arch.Embedding:
			typ = quant.F16
		}
		list = append(list, gguf.TensorInfo{Name: t.Name, Dims: t.Dims(), Type: typ})
	}
	l, err := gguf.NewLayout(&m, list)
	ts.Check(err)
	path := ts.MkAbs(args[0])
	ts.Check(os.WriteFile(path, l.Header, 0o600))
	ts.Check(os.Truncate(path, l.FileSize))
}
