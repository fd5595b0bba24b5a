package kernels

import "encoding/binary"

// DecodeQ4_0 reads len(dst) weights, a multiple of 32, from blocks of an F16
// scale d and 16 bytes with values q of 4 bits, those of the first 16 weights in
// the low bits: a weight is d·(q-8).
func DecodeQ4_0(dst []float32, src []byte) {
	for len(dst) >= 32 {
		x, q := (*[32]float32)(dst), (*[16]byte)(src[2:])
		d := f16(binary.LittleEndian.Uint16(src))
		for i, v := range q {
			x[i] = d * float32(int8(v&15)-8)
			x[i+16] = d * float32(int8(v>>4)-8)
		}
		dst, src = dst[32:], src[18:]
	}
}

// DecodeQ4_K reads len(dst) weights, a multiple of 256, from blocks of 144
// bytes: F16 numbers d and dmin, eight pairs (s, m) of 6 bits in 12 bytes, and
// 4-bit values q. A weight of group j, 32 weights, is d·s[j]·q - dmin·m[j].
// Groups 2g and 2g+1 share 32 bytes, the first in the low bits (ggml
// src/ggml-quants.c dequantize_row_q4_K, d99724f2).
func DecodeQ4_K(dst []float32, src []byte) {
	for len(dst) >= 256 {
		d, dmin := f16(binary.LittleEndian.Uint16(src)), f16(binary.LittleEndian.Uint16(src[2:]))
		for j := range 8 {
			s, m := scaleQ4_K((*[12]byte)(src[4:]), j)
			scale, floor := d*float32(s), dmin*float32(m)
			x, q := (*[32]float32)(dst[32*j:]), (*[32]byte)(src[16+j/2*32:])
			shift := j % 2 * 4
			for i, v := range q {
				x[i] = float32(scale*float32(v>>shift&15)) - floor
			}
		}
		dst, src = dst[256:], src[144:]
	}
}

// scaleQ4_K unpacks a pair of 6 bits. The first four are the low bits of bytes
// j and j+4; of the others the low four bits are in byte j+4 and the upper two
// are what those left over.
func scaleQ4_K(packed *[12]byte, j int) (s, m byte) {
	if j < 4 {
		return packed[j] & 63, packed[j+4] & 63
	}
	return packed[j+4]&15 | packed[j-4]>>6<<4, packed[j+4]>>4 | packed[j]>>6<<4
}

// DecodeQ6_K reads len(dst) weights, a multiple of 256, from blocks of 210
// bytes: values q of 6 bits, an int8 scale s for each 16, an F16 number d last;
// a weight is d·s·(q-32). Weight 32·k+i of a half, 128 weights, has its low 4
// bits in byte 32·(k mod 2)+i of the half's 64 bytes, the low ones for k < 2, and
// its upper 2 bits in bits 2k and 2k+1 of byte i of the half's 32 bytes (ggml
// src/ggml-quants.c dequantize_row_q6_K, d99724f2).
func DecodeQ6_K(dst []float32, src []byte) {
	for len(dst) >= 256 {
		d := f16(binary.LittleEndian.Uint16(src[208:]))
		for j := range 16 {
			h, k, at := j/8, j%8/2, j%2*16
			scale := d * float32(int8(src[192+j]))
			x := (*[16]float32)(dst[16*j:])
			low, high := (*[16]byte)(src[64*h+k%2*32+at:]), (*[16]byte)(src[128+32*h+at:])
			for i := range x {
				q := low[i]>>(k/2*4)&15 | high[i]>>(2*k)<<4&0x30
				x[i] = scale * float32(int8(q)-32)
			}
		}
		dst, src = dst[256:], src[210:]
	}
}
