package runtime

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/kernels"
	"github.com/akadata/bitnet-tool/quant"
)

// ropeFactors is the optional tensor of divisors of the rotation angles, one a
// pair (llama.cpp c392e509, src/llama-arch.cpp LLM_TENSOR_ROPE_FREQS).
const ropeFactors = "rope_freqs.weight"

// loader turns the tensors of a file into a model, each only after its shape
// and type have been checked.
type loader struct {
	file   *gguf.File
	params *Params
	data   func(gguf.Tensor) ([]byte, error)
	specs  map[string]arch.Tensor
}

// newLoader reads the metadata and refuses tensors that the architecture does
// not have: biases and the like would silently be left out.
func newLoader(f *gguf.File, data func(gguf.Tensor) ([]byte, error)) (*loader, error) {
	if f.ByteOrder != binary.LittleEndian {
		return nil, fmt.Errorf("%w: big-endian file", ErrUnsupported)
	}
	p, err := arch.FromMeta(&f.Meta)
	if err != nil {
		return nil, err
	}
	if p.InNorms {
		return nil, fmt.Errorf("%w: architecture %s with a norm for each projection; embedding models are converted, not evaluated", ErrUnsupported, p.Name)
	}
	_, untied := f.Tensor(arch.OutputHead)
	p.Tied = !untied
	if n := len(f.Tensors); p.Blocks > n {
		return nil, fmt.Errorf("%w: %d layers in a file of %d tensors", ErrModel, p.Blocks, n)
	}

	l := &loader{file: f, params: p, data: data, specs: map[string]arch.Tensor{}}
	for _, t := range p.Tensors() {
		l.specs[t.Name] = t
	}
	for _, t := range f.Tensors {
		if _, ok := l.specs[t.Name]; !ok && t.Name != ropeFactors {
			return nil, fmt.Errorf("%w: tensor %q does not belong to architecture %s with %d layers; results would be wrong without it",
				ErrUnsupported, t.Name, p.Name, p.Blocks)
		}
	}
	return l, nil
}

// fill loads every tensor into m.
func (l *loader) fill(m *Model) error {
	p := l.params
	var err error
	// The first error sticks; later calls do nothing.
	get := func(name string) *matrix {
		var w *matrix
		if err == nil {
			w, err = l.matrix(name)
		}
		return w
	}
	norm := func(name string) []float32 {
		var x []float32
		if err == nil {
			x, err = l.norm(name)
		}
		return x
	}

	m.embedding = get(arch.TokenEmbd)
	for n := range p.Blocks {
		block := func(name string) string { return arch.Block(n, name) }
		w := layer{
			attnNorm: norm(block(arch.AttnNorm)),
			q:        get(block(arch.AttnQ)),
			k:        get(block(arch.AttnK)),
			v:        get(block(arch.AttnV)),
			o:        get(block(arch.AttnOutput)),
			ffnNorm:  norm(block(arch.FFNNorm)),
			gate:     get(block(arch.FFNGate)),
			up:       get(block(arch.FFNUp)),
			down:     get(block(arch.FFNDown)),
		}
		if p.SubNorms {
			w.attnSubNorm = norm(block(arch.AttnSubNorm))
			w.ffnSubNorm = norm(block(arch.FFNSubNorm))
		}
		m.layers = append(m.layers, w)
	}
	m.outputNorm = norm(arch.OutputNorm)
	if m.head = m.embedding; !p.Tied {
		m.head = get(arch.OutputHead)
	}
	if err != nil {
		return err
	}
	m.chain()
	m.ropeStep = kernels.RopeStep(p.RopeBase, p.HeadDim)
	m.ropeDivisors, err = l.ropeDivisors()
	return err
}

// tensor finds a tensor of the architecture and checks its shape. Trailing
// dimensions of 1 do not count.
func (l *loader) tensor(name string) (gguf.Tensor, error) {
	t, ok := l.file.Tensor(name)
	if !ok {
		return t, fmt.Errorf("%w: no tensor %q", ErrModel, name)
	}
	return t, checkDims(t, l.specs[name].Dims())
}

func checkDims(t gguf.Tensor, want []int64) error {
	dims := t.Dims
	for len(dims) > len(want) && dims[len(dims)-1] == 1 {
		dims = dims[:len(dims)-1]
	}
	if !slices.Equal(dims, want) {
		return fmt.Errorf("%w: tensor %q has dimensions %v, the metadata mean %v", ErrModel, t.Name, t.Dims, want)
	}
	return nil
}

// matrix loads a matrix and chooses how it is multiplied: that depends on the
// type of the weights, on what they are for, and on the model.
func (l *loader) matrix(name string) (*matrix, error) {
	t, err := l.tensor(name)
	if err != nil {
		return nil, err
	}
	spec := l.specs[name]
	w := &matrix{rows: spec.Rows, cols: spec.Cols}
	for _, f := range formats {
		if f.weight == t.Type {
			w.format = f
		}
	}
	c, _ := quant.Lookup(t.Type)
	w.int8 = spec.Role == arch.Projection && (l.params.Int8Activations || c.Ternary())
	switch {
	case w.int8 && w.format.int8 != nil:
		w.multiply = w.format.int8
	case !w.int8 && w.format.float != nil:
		w.multiply = w.format.float
	default:
		return nil, fmt.Errorf("%w: tensor %q is %s, which is not evaluated here; convert the model to another type", ErrUnsupported, name, t.TypeName())
	}

	if w.data, err = l.data(t); err != nil {
		return nil, fmt.Errorf("tensor %q: %w", name, err)
	}
	if c.Trailer > 0 {
		end := len(w.data) - c.Trailer
		s, err := c.GetTrailer(w.data[end:])
		if err != nil {
			return nil, fmt.Errorf("%w: tensor %q: %w", ErrModel, name, err)
		}
		w.data, w.scale = w.data[:end], float32(s)
	}
	w.rowBytes = len(w.data) / w.rows
	return w, nil
}

// norm loads the gains of an RMSNorm.
func (l *loader) norm(name string) ([]float32, error) {
	t, err := l.tensor(name)
	if err != nil {
		return nil, err
	}
	return l.vector(t)
}

// vector loads a one-dimensional F32 tensor and refuses NaN and Inf.
func (l *loader) vector(t gguf.Tensor) ([]float32, error) {
	if t.Type != quant.F32 {
		return nil, fmt.Errorf("%w: tensor %q is %s, must be F32", ErrUnsupported, t.Name, t.TypeName())
	}
	b, err := l.data(t)
	if err != nil {
		return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	x := make([]float32, len(b)/4)
	kernels.DecodeF32(x, b)
	for i, v := range x {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("%w: tensor %q: element %d is %v", ErrModel, t.Name, i, v)
		}
	}
	return x, nil
}

// ropeDivisors loads the optional divisors of the rotation angles.
func (l *loader) ropeDivisors() ([]float32, error) {
	t, ok := l.file.Tensor(ropeFactors)
	if !ok {
		return nil, nil
	}
	if err := checkDims(t, []int64{int64(l.params.HeadDim / 2)}); err != nil {
		return nil, err
	}
	x, err := l.vector(t)
	for i, v := range x {
		if !(v > 0) {
			return nil, fmt.Errorf("%w: tensor %q: element %d is %v, must be positive", ErrModel, t.Name, i, v)
		}
	}
	return x, err
}
