package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/quant"
)

// ropeFactors is a tensor that files of Llama 3.1 and later have beside those
// of the architecture (llama.cpp c392e509, src/llama-arch.cpp
// LLM_TENSOR_ROPE_FREQS).
const ropeFactors = "rope_freqs.weight"

// checkTensors compares the tensor directory with what the architecture asks
// for, and notes the role of each tensor.
func checkTensors(_ context.Context, s *Subject) []Finding {
	if s.file == nil {
		return nil
	}
	if s.params != nil && s.params.Blocks > len(s.file.Tensors) {
		return []Finding{finding(Error, "%d layers in a file of %d tensors", s.params.Blocks, len(s.file.Tensors)).
			about(s.params.Name + ".block_count")}
	}
	var fs []Finding
	if s.params != nil {
		fs = s.matchTensors()
	}
	var unread []string
	for _, t := range s.file.Tensors {
		if c, _ := quant.Lookup(t.Type); c.Decode == nil {
			unread = append(unread, fmt.Sprintf("tensor %q is %s", t.Name, t.TypeName()))
		}
	}
	if len(unread) > 0 {
		s.unable(fmt.Errorf("%w: %s, which is not known here (%d tensors of such types)", arch.ErrUnsupported, unread[0], len(unread)))
	}
	return fs
}

func (s *Subject) matchTensors() []Finding {
	if err := s.params.CheckNames(gguf.Names(s.file.Tensors)); err != nil {
		s.unable(err)
		return nil
	}
	var fs []Finding
	s.roles = map[string]arch.Tensor{}
	for _, want := range s.params.Tensors() {
		s.roles[want.Name] = want
		switch t, ok := s.file.Tensor(want.Name); {
		case !ok:
			fs = append(fs, finding(Error, "is missing; a %s model with %d layers has it", s.params.Name, s.params.Blocks).of(want.Name))
		case !slices.Equal(trimDims(t), want.Dims()):
			fs = append(fs, finding(Error, "has dimensions %v, the metadata mean %v", t.Dims, want.Dims()).of(want.Name))
		}
	}
	for _, t := range s.file.Tensors {
		_, ok := s.roles[t.Name]
		switch {
		case ok || t.Name == ropeFactors:
		case s.optional(t.Name):
			s.unable(fmt.Errorf("%w: tensor %q, which goes with a matrix", arch.ErrUnsupported, t.Name))
		default:
			fs = append(fs, finding(Error, "has no place in a %s model with %d layers", s.params.Name, s.params.Blocks).of(t.Name))
		}
	}
	return fs
}

// optional reports whether a tensor is one that some models of an architecture
// have beside a projection, such as blk.0.attn_q.scale (llama.cpp v0.4.0,
// src/models/bitnet.cpp and llama.cpp).
func (s *Subject) optional(tensor string) bool {
	for _, suffix := range []string{".scale", ".bias"} {
		if of, ok := strings.CutSuffix(tensor, suffix); ok && s.is(of+".weight", arch.Projection) {
			return true
		}
	}
	return false
}

// trimDims gives the dimensions without trailing ones, which mean nothing.
func trimDims(t gguf.Tensor) []int64 {
	d := t.Dims
	for len(d) > 1 && d[len(d)-1] == 1 {
		d = d[:len(d)-1]
	}
	return d
}

// is reports whether a tensor has a role in the model.
func (s *Subject) is(tensor string, r arch.Role) bool {
	t, ok := s.roles[tensor]
	return ok && t.Role == r
}

// ternary reports whether the tensor is one whose weights the model was trained
// to have as -m, 0 and m.
func (s *Subject) ternary(tensor string) bool {
	return s.params != nil && s.params.Ternary && s.is(tensor, arch.Projection)
}
