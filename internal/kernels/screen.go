package kernels

import (
	"encoding/binary"
	"math"
)

// Screen is the part of a [Backend] that estimates the products of rows with
// one token of float32 activations, for callers that want only the largest of
// many: the estimates come from integers, take less time or fewer bytes than
// the products, and are off by no more than can be told.
//
// In all of them dst[r] is near Σ w(r, i)·x.Wide[i] and has to be multiplied by
// x.Step.
type Screen struct {
	// Narrow rounds the weights of a row to bytes: w[i] is near
	// Scale·(dst[i] - 128).
	Narrow func(dst []byte, w []float32) Narrowed

	// EstimateNarrow multiplies rows of bytes, as many as a whole number times
	// 64 and at most MaxNarrow. w(r, i) is rows[r][i] - 128: Scale is left out.
	// The exact sum is rounded once.
	EstimateNarrow func(dst []float32, rows []byte, x *Fixed)

	// EstimateQ8_0 and EstimateQ6_K multiply rows as they are in a file. A
	// partial sum of four products (EstimateQ6_K: sixteen, with their scales) is
	// an exact integer, which is rounded to float32, times the block's scale,
	// rounded, and added to one of sixteen sums, which are folded like those of
	// [DotF32].
	EstimateQ8_0, EstimateQ6_K func(dst []float32, rows []byte, x *Fixed)
}

// MaxNarrow is the longest row that EstimateNarrow of [Screen] takes: sums of
// products of a byte and an int8 fit an int32.
const MaxNarrow = 1 << 16

// narrowLeast is the least magnitude of a row's largest weight for which the
// scale and all that is derived from it are ordinary numbers.
const narrowLeast = 0x1p-100

func screen() Screen {
	return Screen{
		Narrow:         narrow(absMax, narrowBytes),
		EstimateNarrow: estimateNarrow,
		EstimateQ8_0:   estimateQ8_0,
		EstimateQ6_K:   estimateQ6_K,
	}
}

// Narrowed says how close the row of an estimate is to the weights it stands
// for. All three, or Norm alone, are Inf if a weight is not finite.
type Narrowed struct {
	Scale float32
	Norm  float32 // √Σ w², or a little more
	Error float32 // √Σ (w - Scale·w(r))², or a little more
}

// BoundQ8_0 bounds the norm of a row by its scales alone: no value of a block is
// beyond 128.
func BoundQ8_0(row []byte) Narrowed {
	var sum float64
	for ; len(row) >= 34; row = row[34:] {
		d := float64(f16(binary.LittleEndian.Uint16(row)))
		sum += float64(d * d)
	}
	return bound(sum * 32 * 128 * 128)
}

// BoundQ6_K bounds the norm of a row by its scales alone: no value is beyond 32.
func BoundQ6_K(row []byte) Narrowed {
	var sum float64
	for ; len(row) >= 210; row = row[210:] {
		var squares int32
		for _, s := range row[192:208] {
			squares += int32(int8(s)) * int32(int8(s))
		}
		d := float64(f16(binary.LittleEndian.Uint16(row[208:])))
		sum += float64(d * d * float64(squares))
	}
	return bound(sum * 16 * 32 * 32)
}

// bound is what to know of a row that is as it was, whose squares add up to no
// more than squares.
func bound(squares float64) Narrowed {
	norm := upward(math.Sqrt(squares))
	if norm != norm { // a scale is
		norm = float32(math.Inf(1))
	}
	return Narrowed{Scale: 1, Norm: norm}
}

// narrow makes the kernel of that name of its two loops: the largest magnitude
// by its bits, and the rounding.
//
// Sums of squares are float32, of up to 2^12 terms each for rows of MaxNarrow:
// 2^-10 of their root is more than they can be off. w·inv is off by less than
// 2^-21 of itself, and so is the difference from the byte.
func narrow(absMax func(x []float32) uint32, round func(dst []byte, w []float32, inv float32) (errors, squares float32)) func(dst []byte, w []float32) Narrowed {
	return func(dst []byte, w []float32) Narrowed {
		most := math.Float32frombits(absMax(w))
		switch {
		case !(most <= math.MaxFloat32):
			blank(dst)
			inf := float32(math.Inf(1))
			return Narrowed{inf, inf, inf}
		case most < narrowLeast:
			blank(dst)
			norm := upward(float64(most) * math.Sqrt(float64(len(w))))
			return Narrowed{0, norm, norm}
		}
		scale := most / 127
		e, s := round(dst, w, 1/scale)
		const more = 1 + 0x1p-10
		norm := math.Sqrt(float64(s))
		return Narrowed{
			Scale: scale,
			Norm:  upward(float64(scale) * norm * more),
			Error: upward(float64(scale) * (math.Sqrt(float64(e))*more + norm*0x1p-20)),
		}
	}
}

// blank sets a row of bytes to 0.
func blank(dst []byte) {
	for i := range dst {
		dst[i] = 128
	}
}

// upward rounds to a float32 that is not below v.
func upward(v float64) float32 {
	return math.Nextafter32(float32(v), float32(math.Inf(1)))
}

// narrowBytes sets dst[i] to w[i]·inv, below 128 in magnitude, rounded to the
// nearest integer, halves to even, plus 128. It sums the squares of what was
// lost and of w·inv in the order of [DotF32].
func narrowBytes(dst []byte, w []float32, inv float32) (errors, squares float32) {
	var e, s sums[float32]
	for i, x := range w {
		v := float32(x * inv)
		near := float32(math.RoundToEven(float64(v)))
		lost := v - near
		e[i%16] += float32(lost * lost)
		s[i%16] += float32(v * v)
		dst[i] = byte(int(near) + 128)
	}
	return e.fold(), s.fold()
}

func estimateNarrow(dst []float32, rows []byte, x *Fixed) {
	cols := len(x.Wide)
	for r := range dst {
		var sum int64
		for i, b := range rows[r*cols:][:cols] {
			sum += int64(int(b)-128) * int64(x.Wide[i])
		}
		dst[r] = float32(sum)
	}
}

func estimateQ8_0(dst []float32, rows []byte, x *Fixed) {
	blocks := len(x.Wide) / 32
	for r := range dst {
		var s sums[float32]
		for b := range blocks {
			block, wide := rows[34*(r*blocks+b):][:34], (*[32]int16)(x.Wide[32*b:])
			d := f16(binary.LittleEndian.Uint16(block))
			lane := s[b%2*8:][:8]
			for k := range lane {
				var sum int32
				for i := 4 * k; i < 4*k+4; i++ {
					sum += int32(int8(block[2+i])) * int32(wide[i])
				}
				lane[k] += float32(d * float32(sum))
			}
		}
		dst[r] = s.fold()
	}
}

func estimateQ6_K(dst []float32, rows []byte, x *Fixed) {
	blocks := len(x.Wide) / 256
	for r := range dst {
		var s sums[float32]
		for b := range blocks {
			block, wide := rows[210*(r*blocks+b):][:210], (*[256]int16)(x.Wide[256*b:])
			d := f16(binary.LittleEndian.Uint16(block[208:]))
			var sum [16]int32
			for i, v := range wide {
				h, k, at := i/128, i/32%4, i%32
				q := block[64*h+k%2*32+at]>>(k/2*4)&15 | block[128+32*h+at]>>(2*k)<<4&0x30
				sum[i/4%16] += int32(int8(block[192+i/16])) * (int32(q) - 32) * int32(v)
			}
			for k, v := range sum {
				s[k] += float32(d * float32(v))
			}
		}
		dst[r] = s.fold()
	}
}
