package convert

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/safetensors"
	"github.com/akadata/bitnet-tool/quant"
)

// ropeFactors is an optional tensor beyond those of the architecture (llama.cpp
// c392e509, src/llama-arch.cpp LLM_TENSOR_ROPE_FREQS).
const ropeFactors = "rope_freqs.weight"

// OpenModel opens what a conversion can start from: the folder of a checkpoint
// ([Open]) or a GGUF file, of a split one the first part ([OpenGGUF]).
func OpenModel(path string) (*Source, error) {
	if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
		return OpenGGUF(path)
	}
	return Open(path)
}

// OpenGGUF opens a GGUF file as the source of another one. Its weights are
// read as the values they decode to, so that the rules for checkpoints apply:
// trits stay what they are, and masters in a float type are ternarized. The
// metadata are carried over.
//
// Only headers are read. I2_S tensors whose layout the file does not state are
// [ErrLayout].
func OpenGGUF(path string) (*Source, error) {
	f, err := gguf.OpenModel(path)
	if err != nil {
		return nil, err
	}
	s, err := fromGGUF(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

func fromGGUF(f *gguf.File) (*Source, error) {
	if f.ByteOrder != binary.LittleEndian {
		return nil, fmt.Errorf("%w: big-endian file", ErrUnsupported)
	}
	if f.HasI2S() && f.I2SLayout() == "" {
		return nil, errLayoutUnknown()
	}
	p, err := arch.FromMeta(&f.Meta)
	if err != nil {
		return nil, err
	}
	_, untied := f.Tensor(arch.OutputHead)
	p.Tied = !untied
	if p.Blocks > len(f.Tensors) {
		return nil, fmt.Errorf("%w: %d layers in a file of %d tensors", ErrTensors, p.Blocks, len(f.Tensors))
	}
	s := &Source{Config: &arch.Config{}, Params: p, Warnings: p.Notices, model: f}
	if p.Ternary {
		s.Config.Quantization = &arch.Quantization{Method: "bitnet"}
	}
	specs := p.Tensors()
	if t, ok := f.Tensor(ropeFactors); ok {
		specs = append(specs, arch.Tensor{Name: t.Name, HF: t.Name, Role: arch.Norm, Rows: 1, Cols: int(t.Elements()), Layer: -1})
	}
	for _, spec := range specs {
		spec.Heads, spec.PlusOne = 0, false // the file has rows and gains in GGUF's way already
		t, ok := f.Tensor(spec.Name)
		if !ok {
			return nil, fmt.Errorf("%w: tensor %q is missing", ErrTensors, spec.Name)
		}
		m, err := decodedMatrix(f, t, spec)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		s.matrices = append(s.matrices, m)
	}
	if len(s.matrices) != len(f.Tensors) {
		for _, t := range f.Tensors {
			if !slices.ContainsFunc(specs, func(x arch.Tensor) bool { return x.Name == t.Name }) {
				return nil, fmt.Errorf("%w: tensor %q has no place in a %s model", ErrTensors, t.Name, p.Name)
			}
		}
	}
	return s, nil
}

// decodedMatrix makes a tensor of a GGUF file one of a checkpoint.
func decodedMatrix(f *gguf.File, t gguf.Tensor, spec arch.Tensor) (matrix, error) {
	dims := t.Dims
	for len(dims) > len(spec.Dims()) && dims[len(dims)-1] == 1 {
		dims = dims[:len(dims)-1]
	}
	if !slices.Equal(dims, spec.Dims()) {
		return matrix{}, fmt.Errorf("%w: dimensions %v, the metadata mean %v", ErrTensors, t.Dims, spec.Dims())
	}
	d, r, err := decodedReader(f, t)
	if err != nil {
		return matrix{}, err
	}
	shape := slices.Clone(dims)
	slices.Reverse(shape)
	w, err := safetensors.Virtual(t.Name, d, shape, r, "GGUF")
	return matrix{spec: spec, weight: w, raw: &rawTensor{f, t}}, err
}

// rawTensor is a matrix in the encoding of the GGUF file it comes from.
type rawTensor struct {
	file   *gguf.File
	tensor gguf.Tensor
}

// lossy reports whether the encoding keeps values that only stand for others.
func (r *rawTensor) lossy() bool {
	return r.tensor.Type != quant.F32 && r.tensor.Type != quant.F16 && r.tensor.Type != quant.BF16
}

// checkRequantized refuses to make trits of weights that are neither: decoded
// blocks that hold neither masters nor -m, 0 and m would give a third model.
func (s *Source) checkRequantized(ctx context.Context, ternary, forced bool) error {
	if s.model == nil || !ternary || forced {
		return nil
	}
	for i := range s.matrices {
		m := &s.matrices[i]
		if m.spec.Role != arch.Projection || !m.raw.lossy() {
			continue
		}
		st := &stats{}
		if err := m.each(ctx, func(w []float32) (bool, error) { return !st.mixed, st.add(w) }); err != nil {
			return err
		}
		if st.mixed {
			return fmt.Errorf("%w: tensor %q: its %s blocks hold neither the masters of this ternary model nor exactly -m, 0 and m; convert from the checkpoint",
				ErrNotTernary, m.spec.Name, m.raw.tensor.TypeName())
		}
	}
	return nil
}

// warnRequantized tells of errors that add up.
func (p *Plan) warnRequantized() []string {
	if p.src.model == nil || p.mode != "" {
		return nil
	}
	for i, m := range p.src.matrices {
		if t := p.Tensors[i]; m.raw.lossy() && m.raw.tensor.Type != t.Type {
			return []string{fmt.Sprintf("tensor %q and perhaps others go from %s to %s: the errors of both encodings add up; convert from the checkpoint if you have it",
				t.Name, m.raw.tensor.TypeName(), t.Type)}
		}
	}
	return nil
}

// requantizedMeta carries the metadata of a GGUF source over.
func (p *Plan) requantizedMeta() *gguf.Meta {
	m := p.src.model.Meta.Clone()
	m.Set("general.file_type", p.fileType())
	if p.quantized() {
		m.Set("general.quantization_version", uint32(2))
	} else {
		m.Delete("general.quantization_version")
	}
	m.Set("bitnet_tool.version", p.opts.Tool)
	m.Delete(gguf.LayoutKey)
	if slices.ContainsFunc(p.Tensors, func(t gguf.TensorInfo) bool { return t.Type == quant.I2_S }) {
		m.Set(gguf.LayoutKey, string(gguf.Layout128x32))
	}
	if p.mode != "" {
		m.Set(arch.ActivationKey, arch.Int8Token)
		if _, ok := m.Value("bitnet_tool.scale_mode"); !ok {
			m.Set("bitnet_tool.scale_mode", string(p.mode))
		}
	}
	m.Set(digestKey, fmt.Sprintf("sha256:%064d", 0))
	old, _ := gguf.Get[string](m, "bitnet_tool.recipe")
	flags := p.opts.flags()
	// A model that somebody made ternary stays one of that kind.
	if strings.Contains(old, "--force-ternary") && !p.opts.ForceTernary {
		flags += " --force-ternary"
	}
	m.Set("bitnet_tool.recipe", flags)
	return m
}
