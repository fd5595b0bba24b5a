package kernels

import "math"

// fixedMost is the largest integer of a [Fixed]: its upper half still fits an
// int8 when the lower one is negative.
const fixedMost = 127 << 8

// Fixed is a token of activations in fixed point, x[i] ≈ Step·Wide[i], with all
// that the kernels of [Screen] want to know of it. [NewFixed] makes one,
// [Fixed.Set] fills it.
type Fixed struct {
	Step float64
	Wide []int16 // at most 127·256 in magnitude

	Norm  float64 // √Σ x², or a little more
	Error float64 // √Σ (x - Step·Wide)², or a little more

	// Wide = 256·high + low; first all high, then all low. VPDPBUSD and
	// VPMADDUBSW multiply int8 with unsigned bytes only, so kernels add a number
	// to each weight, and these take it off again.
	planes []int8
	sum    int64   // of Wide, times -128
	quads  []int32 // of four in a row of Wide, times -128
	pairs  []int16 // of two in a row of planes, times -32
}

// NewFixed makes room for n activations, a multiple of 4.
func NewFixed(n int) Fixed {
	return Fixed{
		Wide: make([]int16, n), planes: make([]int8, 2*n), quads: make([]int32, n/4), pairs: make([]int16, n),
	}
}

// Set takes over x. It reports whether it could: all x are finite and not all
// of them are 0.
func (f *Fixed) Set(x []float32) bool {
	most := math.Float32frombits(absMax(x))
	if !(most > 0 && most <= math.MaxFloat32) {
		return false
	}
	f.Step = float64(most) / fixedMost
	var squares, errors float64
	n := len(x)
	high, low := f.planes[:n], f.planes[n:2*n]
	for i, v := range x {
		wide := math.RoundToEven(float64(v) / f.Step)
		lost := float64(v) - f.Step*wide
		squares += float64(float64(v) * float64(v))
		errors += float64(lost * lost)
		w := int(wide)
		h := (w + 128) >> 8
		f.Wide[i], high[i], low[i] = int16(w), int8(h), int8(w-256*h)
	}
	// Float64 is off by far less.
	const more = 1 + 0x1p-20
	f.Norm = math.Sqrt(squares) * more
	f.Error = math.Sqrt(errors)*more + f.Norm*0x1p-40
	f.sum = 0
	for i := range f.quads {
		w := f.Wide[4*i:][:4]
		f.quads[i] = -128 * (int32(w[0]) + int32(w[1]) + int32(w[2]) + int32(w[3]))
		f.sum += int64(f.quads[i])
	}
	for i := range f.pairs {
		p := f.planes[2*i:][:2]
		f.pairs[i] = -32 * (int16(p[0]) + int16(p[1]))
	}
	return true
}
