package convert

import (
	"fmt"
	"math"

	"github.com/akadata/bitnet-tool/quant"
)

// chunkWeights is how many weights are summed, and usually read, at a time.
// Partial sums over chunks of this size make the mean independent of threads.
const chunkWeights = 1 << 16

// stats is what a first pass over a weight matrix finds.
type stats struct {
	n     int64
	sum   float64 // of |w|: chunk sums added in order
	value float32 // the first |w| above 0
	mixed bool    // there is another |w| above 0
}

// add takes the next chunk. NaN and Inf are errors, which name the index.
func (s *stats) add(w []float32) error {
	var sum float64
	for i, x := range w {
		a := float32(math.Abs(float64(x)))
		if !(a <= math.MaxFloat32) {
			return fmt.Errorf("weight %d: %w: %v", s.n+int64(i), quant.ErrNotFinite, x)
		}
		sum += float64(a)
		switch {
		case a == s.value || a == 0:
		case s.value == 0:
			s.value = a
		default:
			s.mixed = true
		}
	}
	s.n += int64(len(w))
	s.sum += sum
	return nil
}

// ternarizer maps master weights to codes with one scale for the matrix.
type ternarizer struct {
	scale quant.Scale // the effective multiplier m
	inv   float32     // weights are multiplied by it before rounding

	thresholds int64 // weights within 1e-6 of the rounding threshold 0.5
	zeros      int64
}

// newTernarizer applies the absmean rule of BitNet b1.58 (transformers,
// integrations/bitnet.py WeightQuant): a = max(mean|w|, 1e-5), s = 1/a,
// code = clamp(round(w·s)), value = code/s. Weights that are already -m, 0 and
// m keep m, so that converting twice changes nothing.
func newTernarizer(s *stats) *ternarizer {
	if s.value != 0 && !s.mixed {
		return &ternarizer{scale: quant.Scale(s.value), inv: 1 / s.value}
	}
	a := max(float32(s.sum/float64(s.n)), 1e-5)
	inv := 1 / a
	return &ternarizer{scale: quant.Scale(1 / inv), inv: inv}
}

// codes writes the ternary codes of w, halves rounded to even.
func (t *ternarizer) codes(dst []byte, w []float32) {
	for i, x := range w {
		y := x * t.inv
		a := math.Abs(float64(y))
		if math.Abs(a-0.5) <= 1e-6 {
			t.thresholds++
		}
		switch {
		case !(a > 0.5):
			dst[i] = 1
			t.zeros++
		case y > 0:
			dst[i] = 2
		default:
			dst[i] = 0
		}
	}
}

// trits writes the values of codes: -m, 0, m.
func trits(dst []float32, codes []byte, m quant.Scale) {
	for i, c := range codes {
		dst[i] = float32(m) * float32(int8(c)-1)
	}
}
