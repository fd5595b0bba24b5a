package kernels

import (
	"math"
	"unsafe"
)

// The functions here give every kernel the whole groups that it takes, and the
// rest to plain Go.

func converterNEON() Converter {
	return Converter{
		DecodeBF16: decodeAll(decodeBF16NEON, DecodeBF16),
		DecodeF16:  decodeAll(decodeF16NEON, DecodeF16),
		EncodeF16:  encodeAll(encodeF16NEON, encodeF16),
		EncodeBF16: encodeAll(encodeBF16NEON, encodeBF16),
		Magnitudes: magnitudesByNEON,
		Ternarize:  ternarizeByNEON,
		Plane: func(codes, packed []byte, shift int) (largest byte, ones int) {
			n := len(packed) / 32
			if n > 0 {
				_ = codes[32*n-1]
				ones = planeNEON(&codes[0], &packed[0], n, shift, &largest)
			}
			last, more := plane(codes[32*n:], packed[32*n:], shift)
			return max(largest, last), ones + more
		},
		Trits: func(dst []float32, codes []byte, m float32) {
			n := len(dst) / 16
			if n > 0 {
				_ = codes[16*n-1]
				tritsNEON(&dst[0], &codes[0], n, m)
			}
			tritValues(dst[16*n:], codes[16*n:], m)
		},
		PackI2S: func(dst, codes []byte) byte {
			n := len(codes) / 128
			if n == 0 {
				return 0
			}
			_ = dst[32*n-1]
			return packI2SNEON(&dst[0], &codes[0], n)
		},
		PackTQ2: packBy(packTQ2NEON, 66),
		PackTQ1: packBy(packTQ1NEON, 54),
		EncodeQ8: func(dst []byte, x []float32) {
			if n := len(x) / 32; n > 0 {
				_ = dst[34*n-1]
				encodeQ8NEON(&dst[0], &x[0], n)
			}
		},
	}
}

// decodeAll takes a kernel for groups of 16 numbers of 2 bytes.
func decodeAll(kernel func(dst *float32, src *byte, blocks int), plain func(dst []float32, src []byte)) func(dst []float32, src []byte) {
	whole := decodeBy(kernel, 16, 32)
	return func(dst []float32, src []byte) {
		n := sixteens(len(dst))
		whole(dst[:n], src)
		plain(dst[n:], src[2*n:])
	}
}

func encodeAll(kernel func(dst *byte, x *float32, groups int), plain func(dst []byte, x []float32)) func(dst []byte, x []float32) {
	return func(dst []byte, x []float32) {
		n := sixteens(len(x))
		if n > 0 {
			_ = dst[2*n-1]
			kernel(&dst[0], &x[0], n/16)
		}
		plain(dst[2*n:], x[n:])
	}
}

// packBy takes a kernel for blocks of 256 codes.
func packBy(kernel func(dst, codes *byte, blocks int, d uint16) byte, bytes int) func(dst, codes []byte, d uint16) byte {
	return func(dst, codes []byte, d uint16) byte {
		n := len(codes) / 256
		if n == 0 {
			return 0
		}
		_ = dst[bytes*n-1]
		return kernel(&dst[0], &codes[0], n, d)
	}
}

func magnitudesByNEON(x []float32) (sum float64, least, most uint32) {
	var lanes [8]float64
	bounds := [2]uint32{math.MaxUint32, 0}
	n := len(x) / 8
	if n > 0 {
		addMagnitudesNEON(&lanes, &bounds, unsafe.SliceData(x), n)
	}
	least, most = addMagnitudes(&lanes, x[8*n:], bounds[0], bounds[1])
	return reduce(&lanes), least + 1, most
}

func ternarizeByNEON(codes []byte, x []float32, inv float32) (zeros, near int) {
	n := sixteens(len(x))
	var counts [2]int
	if n > 0 {
		_ = codes[n-1]
		ternarizeNEON(&codes[0], &x[0], n/16, inv, &counts)
	}
	zeros, near = ternarize(codes[n:len(x)], x[n:], inv)
	return zeros + n - counts[0], near + counts[1]
}
