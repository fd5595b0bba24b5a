package kernels

import (
	"encoding/binary"
	"math"
)

// DotF32 gives Σ a[i]·b[i] over the length of a. Element i goes to partial sum
// i mod 8; each is summed in order in float32, and the eight end as
// ((0+4)+(2+6)) + ((1+5)+(3+7)), which is what halving a vector of eight gives.
func DotF32(a, b []float32) float32 {
	var s0, s1, s2, s3, s4, s5, s6, s7 float32
	b = b[:len(a)]
	for len(a) >= 8 && len(b) >= 8 {
		s0 += float32(a[0] * b[0])
		s1 += float32(a[1] * b[1])
		s2 += float32(a[2] * b[2])
		s3 += float32(a[3] * b[3])
		s4 += float32(a[4] * b[4])
		s5 += float32(a[5] * b[5])
		s6 += float32(a[6] * b[6])
		s7 += float32(a[7] * b[7])
		a, b = a[8:], b[8:]
	}
	if len(a) > 0 {
		s := [8]float32{s0, s1, s2, s3, s4, s5, s6, s7}
		for i, v := range a {
			s[i] += float32(v * b[i])
		}
		s0, s1, s2, s3, s4, s5, s6, s7 = s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
	}
	return ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))
}

// AddScaled adds f·x to dst, element by element.
func AddScaled(dst, x []float32, f float32) {
	x = x[:len(dst)]
	for i, v := range x {
		dst[i] += float32(v * f)
	}
}

// Scale multiplies x by f.
func Scale(x []float32, f float32) {
	for i := range x {
		x[i] *= f
	}
}

// Add adds x to dst.
func Add(dst, x []float32) {
	x = x[:len(dst)]
	for i, v := range x {
		dst[i] += v
	}
}

// DecodeF32 reads len(dst) little-endian float32.
func DecodeF32(dst []float32, src []byte) {
	src = src[:4*len(dst)]
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

// DecodeBF16 reads len(dst) bfloat16: the upper half of a float32.
func DecodeBF16(dst []float32, src []byte) {
	src = src[:2*len(dst)]
	for i := range dst {
		dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
	}
}

// DecodeF16 reads len(dst) IEEE 754 half floats.
func DecodeF16(dst []float32, src []byte) {
	src = src[:2*len(dst)]
	for i := range dst {
		dst[i] = f16(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

// DecodeQ8_0 reads len(dst) weights, a multiple of 32, from blocks of an F16
// scale d and 32 int8 values q: a weight is d·q, which float32 holds exactly.
func DecodeQ8_0(dst []float32, src []byte) {
	for len(dst) >= 32 {
		x, block := dst[:32], src[:34]
		d := f16(binary.LittleEndian.Uint16(block))
		for i, b := range block[2:] {
			x[i] = d * float32(int8(b))
		}
		dst, src = dst[32:], src[34:]
	}
}

// f16 widens a half float. Exponent and fraction move to their places in a
// float32, where a multiplication by 2^112 makes up for the different bias, of
// subnormal numbers too; only Inf and NaN need their exponent set.
func f16(h uint16) float32 {
	bits := uint32(h&0x7fff) << 13
	if h&0x7c00 == 0x7c00 {
		bits |= 0x7f800000
	} else {
		bits = math.Float32bits(math.Float32frombits(bits) * 0x1p112)
	}
	return math.Float32frombits(bits | uint32(h&0x8000)<<16)
}
