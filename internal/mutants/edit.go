package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/testmodel"
	"github.com/akadata/bitnet-tool/quant"
)

// bench is what the test support of this module wants for a testing.TB. It
// turns failures into panics, and its folders go with the program.
type bench struct {
	testing.TB
	dir string
	ctx context.Context
}

func (b *bench) Helper() {}
func (b *bench) TempDir() string {
	dir, err := os.MkdirTemp(b.dir, "")
	if err != nil {
		b.Fatal(err)
	}
	return dir
}
func (b *bench) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }
func (b *bench) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// mutant is a file being changed.
type mutant struct {
	*testmodel.File
	tb     *bench
	rand   *rand.Rand
	params *arch.Params
	note   string              // what was done, in words
	bytes  func([]byte) []byte // changes the finished file; nil: not at all
}

func (b *bench) open(data []byte) *gguf.File {
	f, err := gguf.NewFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		b.Fatal(err)
	}
	return f
}

// newMutant makes a copy of a file that may be changed.
func newMutant(tb *bench, data []byte, r *rand.Rand) *mutant {
	f := tb.open(data)
	p, err := arch.FromMeta(&f.Meta)
	if err != nil {
		tb.Fatal(err)
	}
	_, untied := f.Tensor(arch.OutputHead)
	p.Tied = !untied
	return &mutant{File: testmodel.Copy(tb, f), tb: tb, rand: r, params: p}
}

func (m *mutant) say(format string, args ...any) { m.note = fmt.Sprintf(format, args...) }

// file gives the bytes of the mutant.
func (m *mutant) file() []byte {
	data := m.Bytes(m.tb)
	if m.bytes != nil {
		data = m.bytes(data)
	}
	return data
}

func (m *mutant) tensor(name string) *testmodel.Tensor { return m.Tensor(m.tb, name) }

// kinds are the projections of a layer.
var kinds = []string{arch.AttnQ, arch.AttnK, arch.AttnV, arch.AttnOutput, arch.FFNGate, arch.FFNUp, arch.FFNDown}

func (m *mutant) layer() int { return m.rand.IntN(m.params.Blocks) }

func pick[T any](m *mutant, of ...T) T { return of[m.rand.IntN(len(of))] }

// some gives one projection of a random layer, or one kind of all layers.
func (m *mutant) some(kind string) []string {
	if m.rand.IntN(2) == 0 {
		return []string{arch.Block(m.layer(), kind)}
	}
	return m.all(kind)
}

// all gives the tensors of some kinds in all layers.
func (m *mutant) all(kinds ...string) []string {
	var names []string
	for l := range m.params.Blocks {
		for _, k := range kinds {
			names = append(names, arch.Block(l, k))
		}
	}
	return names
}

func codec(t *testmodel.Tensor) quant.Codec {
	c, _ := quant.Lookup(t.Type)
	return c
}

// weights gives the weights of a tensor; of I2_S its trits.
func (m *mutant) weights(name string) []float32 {
	t := m.tensor(name)
	c := codec(t)
	w := make([]float32, t.Elements())
	if err := c.Decode(w, t.Data[:len(t.Data)-c.Trailer], 1); err != nil {
		m.tb.Fatal(err)
	}
	return w
}

// set writes them back.
func (m *mutant) set(name string, w []float32) {
	t := m.tensor(name)
	c := codec(t)
	if err := c.Encode(t.Data[:len(t.Data)-c.Trailer], w, 1); err != nil {
		m.tb.Fatal(name, err)
	}
}

// change edits the weights of some tensors.
func (m *mutant) change(names []string, do func(w []float32, rows, cols int)) {
	for _, n := range names {
		w, t := m.weights(n), m.tensor(n)
		do(w, int(t.Rows()), int(t.Cols()))
		m.set(n, w)
	}
}

// rescale multiplies tensors by a factor.
func (m *mutant) rescale(names []string, factor func(scale float32) float32) {
	for _, n := range names {
		t := m.tensor(n)
		c := codec(t)
		if c.Trailer > 0 {
			tail := t.Data[len(t.Data)-c.Trailer:]
			s, err := c.GetTrailer(tail)
			if err == nil {
				err = c.PutTrailer(tail, s*quant.Scale(factor(float32(s))))
			}
			if err != nil {
				m.tb.Fatal(err)
			}
			continue
		}
		w := m.weights(n)
		f := factor(magnitude(w))
		for i := range w {
			w[i] *= f
		}
		m.set(n, w)
	}
}

// magnitude gives the mean magnitude of the weights that are not zero.
func magnitude(w []float32) float32 {
	var sum float64
	n := 0
	for _, v := range w {
		if v != 0 {
			sum += max(float64(v), -float64(v))
			n++
		}
	}
	return float32(sum / float64(max(n, 1)))
}

// swap exchanges the bytes of two tensors of one shape and type.
func (m *mutant) swap(a, b string) {
	x, y := m.tensor(a), m.tensor(b)
	if len(x.Data) != len(y.Data) || x.Type != y.Type {
		m.tb.Fatalf("%s and %s cannot be swapped", a, b)
	}
	x.Data, y.Data = y.Data, x.Data
}

// rows puts row from(r) in the place of row r.
func rows(w []float32, n, cols int, from func(r int) int) {
	old := append([]float32(nil), w...)
	for r := range n {
		copy(w[r*cols:(r+1)*cols], old[from(r)*cols:])
	}
}

func short(name string) string { return strings.TrimSuffix(name, ".weight") }
