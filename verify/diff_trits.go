package verify

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/quant"
)

// ternaryTensors names the tensors that are ternary in one of the files: by
// their type, or as projections of a ternary model.
func ternaryTensors(files ...*gguf.File) map[string]bool {
	names := map[string]bool{}
	for _, f := range files {
		for _, t := range f.Tensors {
			if c, _ := quant.Lookup(t.Type); c.Ternary() {
				names[t.Name] = true
			}
		}
		p, err := arch.FromMeta(&f.Meta)
		if err != nil || !p.Ternary {
			continue
		}
		for _, t := range p.Tensors() {
			if t.Role == arch.Projection {
				names[t.Name] = true
			}
		}
	}
	return names
}

// trits compares the signs of the weights of a ternary tensor.
func (d *differ) trits(_ context.Context, x, y gguf.Tensor) (string, DiffKind, error) {
	if !d.ternary[x.Name] {
		return "", DiffTrits, nil
	}
	d.compared++
	cx, _ := quant.Lookup(x.Type)
	cy, _ := quant.Lookup(y.Type)
	switch {
	case !slices.Equal(trimDims(x), trimDims(y)):
		return fmt.Sprintf("dimensions %v, then %v", x.Dims, y.Dims), DiffTrits, nil
	case cx.Decode == nil:
		return "", DiffTrits, fmt.Errorf("%w: type %s", arch.ErrUnsupported, x.TypeName())
	case cy.Decode == nil:
		return "", DiffTrits, fmt.Errorf("%w: type %s", arch.ErrUnsupported, y.TypeName())
	}
	detail, err := diffSigns(d.a.Section(x), d.b.Section(y), cx, cy, x)
	return detail, DiffTrits, err
}

func diffSigns(a, b *io.SectionReader, ca, cb quant.Codec, t gguf.Tensor) (string, error) {
	x, y := make([]float32, chunkWeights), make([]float32, chunkWeights)
	var buf []byte
	var differ int64
	detail := ""
	for first := int64(0); first < t.Elements(); first += chunkWeights {
		n := min(chunkWeights, t.Elements()-first)
		if err := readWeights(x[:n], a, ca, first, 1, &buf); err != nil {
			return "", fmt.Errorf("first file: %w", err)
		}
		if err := readWeights(y[:n], b, cb, first, 1, &buf); err != nil {
			return "", fmt.Errorf("second file: %w", err)
		}
		settle(x[:n], &ca)
		settle(y[:n], &cb)
		for i := range n {
			if p, q := sign(x[i]), sign(y[i]); p != q {
				if differ++; differ == 1 {
					detail = fmt.Sprintf("the first at %s: %d, then %d", rowCol(first+i, t.Cols()), p, q)
				}
			}
		}
	}
	if differ == 0 {
		return "", nil
	}
	return fmt.Sprintf("%d of %d trits differ, %s", differ, t.Elements(), detail), nil
}

// readWeights reads the weights of a tensor from number first on. The scale s is
// that of a tensor that has one for all. buf is memory that is grown as needed.
func readWeights(dst []float32, r *io.SectionReader, c quant.Codec, first int64, s quant.Scale, buf *[]byte) error {
	n := len(dst) / c.BlockLen * c.BlockBytes
	if cap(*buf) < n {
		*buf = make([]byte, n)
	}
	b := (*buf)[:n]
	if _, err := r.ReadAt(b, first/int64(c.BlockLen)*int64(c.BlockBytes)); err != nil && err != io.EOF {
		return err
	}
	return c.Decode(dst, b, s)
}

// settle makes zero again what a blurred type makes of zeros: weights far below
// the largest of their block.
func settle(x []float32, c *quant.Codec) {
	if !blurred(c) {
		return
	}
	for ; len(x) > 0; x = x[c.BlockLen:] {
		block := x[:c.BlockLen]
		var most float32
		for _, w := range block {
			most = max(most, w, -w)
		}
		for i, w := range block {
			if max(w, -w) < most/2 {
				block[i] = 0
			}
		}
	}
}

func sign(x float32) int {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}
