package convert

import (
	"fmt"
	"math"
	"sync"

	"github.com/akadata/bitnet-tool/internal/kernels"
	"github.com/akadata/bitnet-tool/quant"
)

// chunkWeights is how many weights are summed, and usually read, at a time.
// Partial sums over chunks of this size make the mean independent of threads.
const chunkWeights = 1 << 16

// fast gives the kernels of this machine.
var fast = sync.OnceValue(kernels.Default)

// stats is what a first pass over a weight matrix finds.
type stats struct {
	n           int64
	sum         float64 // of |w|: chunk sums added in order
	least, most uint32  // bits of the smallest |w| above 0 and of the largest
	mixed       bool    // there are different |w| above 0
}

// add takes the next chunk. NaN and Inf are errors, which name the index.
func (s *stats) add(w []float32) error {
	sum, least, most := fast().Magnitudes(w)
	if most >= 0x7f800000 {
		for i, x := range w {
			if !(math.Abs(float64(x)) <= math.MaxFloat32) {
				return fmt.Errorf("weight %d: %w: %v", s.n+int64(i), quant.ErrNotFinite, x)
			}
		}
	}
	s.n += int64(len(w))
	s.sum += sum
	if least != 0 && (s.least == 0 || least < s.least) {
		s.least = least
	}
	s.most = max(s.most, most)
	s.mixed = s.least != s.most
	return nil
}

// ternarizer maps master weights to codes with one scale for the matrix.
type ternarizer struct {
	scale quant.Scale // the effective multiplier m
	inv   float32     // weights are multiplied by it before rounding
}

// newTernarizer applies the absmean rule of BitNet b1.58 (transformers,
// integrations/bitnet.py WeightQuant): a = max(mean|w|, 1e-5), s = 1/a,
// code = clamp(round(w·s)), value = code/s. Weights that are already -m, 0 and
// m keep m, so that converting twice changes nothing.
//
// 1/(1/a) is a or its neighbour. With scaleIsMean the value is code·a, as in
// microsoft/BitNet's utils/convert-bitnet-embedding-to-gguf.py (16da220a).
func newTernarizer(s *stats, scaleIsMean bool) *ternarizer {
	if s.most != 0 && !s.mixed {
		m := math.Float32frombits(s.most)
		return &ternarizer{scale: quant.Scale(m), inv: 1 / m}
	}
	a := max(float32(s.sum/float64(s.n)), 1e-5)
	inv := 1 / a
	if scaleIsMean {
		return &ternarizer{scale: quant.Scale(a), inv: inv}
	}
	return &ternarizer{scale: quant.Scale(1 / inv), inv: inv}
}

// codes writes the ternary codes of w, halves rounded to even.
func (t *ternarizer) codes(dst []byte, w []float32) counts {
	zeros, near := fast().Ternarize(dst, w, t.inv)
	return counts{int64(zeros), int64(near)}
}

// trits writes the values of codes: -m, 0, m.
func trits(dst []float32, codes []byte, m quant.Scale) {
	fast().Trits(dst, codes, float32(m))
}
