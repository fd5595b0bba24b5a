//go:build amd64

package kernels

import (
	"math"
	"unsafe"
)

// converterAVX2 gives every kernel the whole groups that it takes, and the rest
// to plain Go.
func converterAVX2() Converter {
	return Converter{
		DecodeBF16: func(dst []float32, src []byte) {
			n := whole(len(dst), 16, len(src), 32)
			decodeBF16AVX2(unsafe.SliceData(dst), unsafe.SliceData(src), n)
			DecodeBF16(dst[16*n:], src[32*n:])
		},
		DecodeF16: func(dst []float32, src []byte) {
			n := whole(len(dst), 16, len(src), 32)
			decodeF16AVX2(unsafe.SliceData(dst), unsafe.SliceData(src), n)
			DecodeF16(dst[16*n:], src[32*n:])
		},
		EncodeF16: func(dst []byte, x []float32) {
			n := whole(len(x), 16, len(dst), 32)
			encodeF16AVX2(unsafe.SliceData(dst), unsafe.SliceData(x), n)
			encodeF16(dst[32*n:], x[16*n:])
		},
		EncodeBF16: func(dst []byte, x []float32) {
			n := whole(len(x), 16, len(dst), 32)
			encodeBF16AVX2(unsafe.SliceData(dst), unsafe.SliceData(x), n)
			encodeBF16(dst[32*n:], x[16*n:])
		},
		Magnitudes: magnitudesVector,
		Ternarize:  ternarizeVector,
		Plane: func(codes, packed []byte, shift int) (byte, int) {
			var largest [32]byte
			n := whole(len(packed), 32, len(codes), 32)
			ones := planeAVX2(unsafe.SliceData(codes), unsafe.SliceData(packed), n, shift, &largest)
			last, more := plane(codes[32*n:], packed[32*n:], shift)
			return max(most(&largest), last), ones + more
		},
		Trits: func(dst []float32, codes []byte, m float32) {
			n := whole(len(dst), 16, len(codes), 16)
			tritsAVX2(unsafe.SliceData(dst), unsafe.SliceData(codes), n, m)
			tritValues(dst[16*n:], codes[16*n:], m)
		},
		PackI2S: func(dst, codes []byte) byte {
			var largest [32]byte
			packI2SAVX2(unsafe.SliceData(dst), unsafe.SliceData(codes), whole(len(codes), 128, len(dst), 32), &largest)
			return most(&largest)
		},
		PackTQ2: func(dst, codes []byte, d uint16) byte {
			var largest [32]byte
			packTQ2AVX2(unsafe.SliceData(dst), unsafe.SliceData(codes), whole(len(codes), 256, len(dst), 66), d, &largest)
			return most(&largest)
		},
		PackTQ1: func(dst, codes []byte, d uint16) byte {
			var largest [32]byte
			packTQ1AVX2(unsafe.SliceData(dst), unsafe.SliceData(codes), whole(len(codes), 256, len(dst), 54), d, &largest)
			return most(&largest)
		},
		PackQ8: func(dst, codes []byte, d uint16) byte {
			var largest [32]byte
			packQ8AVX2(unsafe.SliceData(dst), unsafe.SliceData(codes), whole(len(codes), 32, len(dst), 34), d, &largest)
			return most(&largest)
		},
		EncodeQ8: func(dst []byte, x []float32) {
			encodeQ8AVX2(unsafe.SliceData(dst), unsafe.SliceData(x), whole(len(x), 32, len(dst), 34))
		},
	}
}

// whole gives the groups of size a that n elements have, and makes sure that
// the m elements of the other side have room for as many of size b.
func whole(n, a, m, b int) int {
	if n/a > m/b {
		panic("kernels: slices of lengths that do not belong together")
	}
	return n / a
}

func most(x *[32]byte) (largest byte) {
	for _, v := range x {
		largest = max(largest, v)
	}
	return largest
}

func magnitudesVector(x []float32) (sum float64, least, most uint32) {
	var lanes [8]float64
	var lo, hi [8]uint32
	for i := range lo {
		lo[i] = math.MaxUint32
	}
	n := len(x) / 8
	addMagnitudesAVX2(&lanes, &lo, &hi, unsafe.SliceData(x), n)
	least = math.MaxUint32
	for i := range lo {
		least, most = min(least, lo[i]), max(most, hi[i])
	}
	least, most = addMagnitudes(&lanes, x[8*n:], least, most)
	return reduce(&lanes), least + 1, most
}

func ternarizeVector(codes []byte, x []float32, inv float32) (zeros, near int) {
	n := whole(len(x), 32, len(codes), 32)
	var counts [16]int32 // a call has fewer than 2^34 weights
	ternarizeAVX2(unsafe.SliceData(codes), unsafe.SliceData(x), n, inv, &counts)
	zeros, near = ternarize(codes[32*n:len(x)], x[32*n:], inv)
	zeros += 32 * n
	for i := range 8 {
		zeros -= int(counts[i])
		near += int(counts[8+i])
	}
	return zeros, near
}
