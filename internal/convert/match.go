package convert

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/safetensors"
)

// match pairs the tensors of the checkpoint with those of the architecture.
// What is left over is an error: leaving a tensor out would be another model.
func (s *Source) match() error {
	left := map[string]safetensors.Tensor{}
	for _, t := range s.set.Tensors() {
		if !strings.HasSuffix(t.Name, ".rotary_emb.inv_freq") { // computed from rope_theta
			left[t.Name] = t
		}
	}
	if _, ok := left["lm_head.weight"]; ok && s.Params.Tied {
		s.Warnings = append(s.Warnings, "lm_head.weight is left out: config.json ties it to the embedding")
		delete(left, "lm_head.weight")
	}
	for _, spec := range s.Params.Tensors() {
		name, ok := nameIn(left, spec)
		if !ok {
			return fmt.Errorf("%w: tensor %q is missing", ErrTensors, spec.HF)
		}
		m := matrix{spec: spec, weight: left[name], scaleIsMean: s.Params.InNorms}
		delete(left, name)
		if scale, ok := left[name+"_scale"]; ok && spec.Role == arch.Projection {
			m.scale = scale
			delete(left, scale.Name)
		}
		if err := m.check(); err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		s.matrices = append(s.matrices, m)
	}
	if len(left) > 0 {
		name := slices.Min(slices.Collect(maps.Keys(left)))
		return fmt.Errorf("%w: tensor %q has no place in a %s model", ErrTensors, name, s.Params.Name)
	}
	return s.checkPacking()
}

// nameIn finds the name that a tensor has among those of a checkpoint: of
// several in use, with or without the prefix "model.".
func nameIn(tensors map[string]safetensors.Tensor, spec arch.Tensor) (string, bool) {
	for _, name := range []string{spec.HF, strings.TrimPrefix(spec.HF, "model."), spec.OldHF} {
		if _, ok := tensors[name]; ok && name != "" {
			return name, true
		}
	}
	return "", false
}

// checkKept refuses masters of which some are to be used as they are: by the
// configuration alone a projection cannot be told from the others then
// (transformers, integrations/bitnet.py, replace_with_bitnet_linear).
func (s *Source) checkKept() error {
	if s.Config.Quantization == nil {
		return nil
	}
	for _, m := range s.matrices {
		if m.spec.Role != arch.Projection || m.packed() {
			continue
		}
		for _, part := range s.Config.Quantization.Kept {
			if part != "" && strings.Contains(m.spec.HF, part) {
				return fmt.Errorf("%w: config.json: modules_to_not_convert has %q, so tensor %q is not ternary, as all projections have to be", ErrUnsupported, part, m.weight.Name)
			}
		}
	}
	return nil
}

// checkPacking demands that projections are packed all or not at all.
func (s *Source) checkPacking() error {
	var packed, dense string
	for _, m := range s.matrices {
		switch {
		case m.spec.Role != arch.Projection:
		case m.packed():
			packed = m.weight.Name
		default:
			dense = m.weight.Name
		}
	}
	if packed != "" && dense != "" {
		return fmt.Errorf("%w: %q is packed and %q is not", ErrTensors, packed, dense)
	}
	return nil
}
