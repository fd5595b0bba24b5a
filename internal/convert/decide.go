package convert

import (
	"context"
	"fmt"
	"math"

	"github.com/akadata/bitnet-tool/internal/arch"
)

// scaleMode applies the rule for packed weights: linear_class "autobitlinear"
// multiplies by the stored scale, anything else divides by it (transformers,
// integrations/bitnet.py AutoBitLinear and BitLinear).
func (s *Source) scaleMode(asked ScaleMode) (ScaleMode, error) {
	if !s.packed() {
		return Masters, nil
	}
	switch asked {
	case Multiply, Divide:
		return asked, nil
	case "":
	default:
		return "", fmt.Errorf("%w: scale-mode %q, possible are %q and %q", ErrOption, asked, Multiply, Divide)
	}
	mode, class := Divide, ""
	if q := s.Config.Quantization; q != nil {
		class = q.LinearClass
	}
	if class == "autobitlinear" {
		mode = Multiply
	}
	return mode, s.plausible(mode, class)
}

// plausible compares the mode with the scales themselves. Scales that multiply
// are mean weights, below 8 in every known model (BitNet-b1.58-2B-4T: 0.5 to
// 3); scales that divide are inverse means, 30 to 150 for Llama-like weights.
func (s *Source) plausible(mode ScaleMode, class string) error {
	const border = 8
	for i := range s.matrices {
		m := &s.matrices[i]
		if !m.packed() {
			continue
		}
		v, err := m.storedScale()
		if err != nil {
			return fmt.Errorf("tensor %q: %w", m.weight.Name, err)
		}
		if (v >= border) != (mode == Divide) {
			return fmt.Errorf("%w: linear_class %q means %s, but %s is %v: say --scale-mode multiply or --scale-mode divide",
				ErrScaleMode, class, mode, m.scale.Name, v)
		}
	}
	return nil
}

// exactlyTernary reports whether every projection holds only -m, 0 and m. It
// stops at the first that does not.
func (s *Source) exactlyTernary(ctx context.Context) (bool, error) {
	for i := range s.matrices {
		m := &s.matrices[i]
		if m.spec.Role != arch.Projection || m.packed() {
			continue
		}
		st := &stats{}
		err := m.each(ctx, func(w []float32) (bool, error) { return !st.mixed, st.add(w) })
		if err != nil {
			return false, err
		}
		if st.mixed {
			return false, nil
		}
	}
	return true, nil
}

// residuals measures what ternarizing would do to each projection.
func (s *Source) residuals(ctx context.Context) ([]Residual, error) {
	var out []Residual
	for i := range s.matrices {
		m := &s.matrices[i]
		if m.spec.Role != arch.Projection {
			continue
		}
		st := &stats{}
		if err := m.each(ctx, func(w []float32) (bool, error) { return true, st.add(w) }); err != nil {
			return nil, err
		}
		t := newTernarizer(st, m.scaleIsMean)
		var diff, norm float64
		codes := make([]byte, chunkWeights+m.spec.Cols)
		values := make([]float32, len(codes))
		err := m.each(ctx, func(w []float32) (bool, error) {
			c, v := codes[:len(w)], values[:len(w)]
			t.codes(c, w)
			trits(v, c, t.scale)
			for i, x := range w {
				d := float64(x) - float64(v[i])
				diff += float64(d * d)
				norm += float64(float64(x) * float64(x))
			}
			return true, nil
		})
		if err != nil {
			return nil, err
		}
		out = append(out, Residual{Tensor: m.spec.Name, Ratio: math.Sqrt(diff / max(norm, math.SmallestNonzeroFloat64))})
	}
	return out, nil
}

// each hands out all rows in chunks until f says stop.
func (m *matrix) each(ctx context.Context, f func(w []float32) (more bool, err error)) error {
	step := min(max(chunkWeights/m.spec.Cols, 1), m.spec.Rows)
	values := make([]float32, step*m.spec.Cols)
	var buf []byte
	for row := 0; row < m.spec.Rows; row += step {
		if err := ctx.Err(); err != nil {
			return err
		}
		w := values[:min(step, m.spec.Rows-row)*m.spec.Cols]
		err := m.rows(w, row, &buf)
		more := false
		if err == nil {
			more, err = f(w)
		}
		if err != nil {
			return fmt.Errorf("tensor %q: from row %d: %w", m.weight.Name, row, err)
		}
		if !more {
			return nil
		}
	}
	return nil
}
