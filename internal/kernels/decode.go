package kernels

import (
	"encoding/binary"
	"math"
)

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
