package verify

import (
	"context"
	"fmt"
	"io"
	"math"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/quant"
)

// acrossTypes says how the weights of a tensor compare that the files hold in
// different types, "" if one of the types cannot be decoded.
func (d *differ) acrossTypes(ctx context.Context, x, y gguf.Tensor) (string, error) {
	cx, _ := quant.Lookup(x.Type)
	cy, _ := quant.Lookup(y.Type)
	if cx.Decode == nil || cy.Decode == nil {
		return "", nil
	}
	a, b := d.a.Section(x), d.b.Section(y)
	sx, err := scaleOf(a, cx)
	if err != nil {
		return "", fmt.Errorf("first file: %w", err)
	}
	sy, err := scaleOf(b, cy)
	if err != nil {
		return "", fmt.Errorf("second file: %w", err)
	}
	p, q := make([]float32, chunkWeights), make([]float32, chunkWeights)
	var buf []byte
	var signs, differ int64
	var most float64
	for first := int64(0); first < x.Elements(); first += chunkWeights {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		n := min(chunkWeights, x.Elements()-first)
		if err := readWeights(p[:n], a, cx, first, sx, &buf); err != nil {
			return "", fmt.Errorf("first file: %w", err)
		}
		if err := readWeights(q[:n], b, cy, first, sy, &buf); err != nil {
			return "", fmt.Errorf("second file: %w", err)
		}
		for i := range n {
			if p[i] == q[i] {
				continue
			}
			differ++
			if sign(p[i]) != sign(q[i]) {
				signs++
			}
			most = max(most, math.Abs(float64(p[i])-float64(q[i])))
		}
	}
	if differ == 0 {
		return "the weights are the same", nil
	}
	return fmt.Sprintf("%d of %d weights differ, by up to %.3g, and %d signs", differ, x.Elements(), most, signs), nil
}

// scaleOf reads the scale of a tensor that has one for all its blocks.
func scaleOf(r *io.SectionReader, c quant.Codec) (quant.Scale, error) {
	if c.Trailer == 0 {
		return 0, nil
	}
	tail := make([]byte, c.Trailer)
	if _, err := r.ReadAt(tail, r.Size()-int64(len(tail))); err != nil && err != io.EOF {
		return 0, err
	}
	return c.GetTrailer(tail)
}
