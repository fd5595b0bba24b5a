package verify

import (
	"context"
	"errors"
	"io"
	"math"

	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/internal/safetensors"
	"github.com/akadata/bitnet-tool/quant"
)

// What computing in BF16 does to ternarization. The mean, its inverse and every
// product are rounded to 8 bits, so weights near half the mean may fall to the
// other side: up to 0.41 % of them in simulations with three distributions. Some
// producers work so (microsoft/BitNet 16da220a, gpu/convert_checkpoint.py;
// tiiuae/onebitllms 66f212b3), and their weights are as right as others.
const (
	roundedShare = 0.005
	roundedNear  = 0.01  // of 0.5, in units of the mean
	roundedScale = 0.005 // of the scale
)

// roundedProducer reports whether all trits that differ are those of weights so
// near half the mean that a producer that computes in BF16 may have rounded them
// to the other side.
func (s *Subject) roundedProducer(ctx context.Context, d *tensorDiff) (bool, error) {
	c, _ := quant.Lookup(d.tensor.Type)
	spec, ok := s.roles[d.tensor.Name]
	stamped, _ := s.plan.Meta.Value(scaleModeKey)
	if !ok || !c.Ternary() || c.Interleave > 0 || d.code3 || stamped != string(convert.Masters) || d.scale == 0 ||
		float64(d.differ) > roundedShare*float64(d.tensor.Elements()) {
		return false, nil
	}
	if d.trailed() && math.Abs(float64(d.haveScale)/float64(d.wantScale)-1) > roundedScale {
		return false, nil
	}
	set, err := safetensors.OpenSet(s.opts.Against)
	if err != nil {
		return false, err
	}
	defer set.Close() //nolint:errcheck // a folder that was read
	master, ok := set.Tensor(spec.HF)
	if !ok || master.DType != safetensors.BF16 {
		return false, nil
	}
	cols := int64(spec.Cols)
	raw, weights, trits := make([]byte, 2*cols), make([]float32, cols), make([]byte, cols)
	size := cols / int64(c.BlockLen) * int64(c.BlockBytes)
	have := make([]byte, size)
	bf16, _ := quant.Lookup(quant.BF16)
	explained := int64(0)
	for r := range spec.Rows {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if _, err := master.Section().ReadAt(raw, int64(spec.PermuteRow(r))*2*cols); err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		if _, err := s.file.Section(d.tensor).ReadAt(have, int64(r)*size); err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		if err := errors.Join(bf16.Decode(weights, raw, 0), c.UnpackTrits(trits, have)); err != nil {
			return false, err
		}
		for i, w := range weights {
			q, trit := float64(w)/float64(d.scale), int(trits[i])-1
			if !likely(q, trit) {
				return false, nil
			}
			if (math.Abs(q) > 0.5) != (trit != 0) {
				explained++
			}
		}
	}
	// What else differs are scales of blocks.
	return 2*explained >= d.differ, nil
}

// likely reports whether a weight, in units of the mean, may become a trit.
func likely(w float64, trit int) bool {
	size := math.Abs(w)
	switch {
	case trit == 0:
		return size <= 0.5+roundedNear
	case (w > 0) != (trit > 0):
		return false
	}
	return size >= 0.5-roundedNear
}
