package kernels

import "encoding/binary"

// DotI2S multiplies one row of an I2_S matrix with every token:
//
//	dst[t] = Σ code[i] · q[t·cols+i], 0 ≤ i < cols = 4·len(row)
//
// where code is 0, 1, 2 for the weights -1, 0, +1 (and 3 as it stands). The
// caller subtracts the sum of the token's q and multiplies by the tensor's
// scale. q holds len(dst) tokens one after the other; cols is a multiple of
// 128. Exact for rows of up to 2^22 weights.
//
// Weight e of a block of 128 is in byte e mod 32, the first 32 in bits 7–6.
func DotI2S(dst []int32, row []byte, q []int8) {
	cols := 4 * len(row)
	clear(dst)
	var code [128]int8
	for at := 0; at < cols; at += 128 {
		for i, b := range row[at/4 : at/4+32] {
			code[i], code[32+i], code[64+i], code[96+i] = int8(b>>6), int8(b>>4&3), int8(b>>2&3), int8(b&3)
		}
		for t := range dst {
			dst[t] += dotInt8(code[:], q[t*cols+at:])
		}
	}
}

// DotTQ2_0 multiplies one row of a TQ2_0 matrix with every token:
//
//	dst[t] = Σ over blocks of d · Σ (code[i] - 1) · q[t·cols+i]
//
// The inner sums are exact integers of 17 bits and d is an F16 of 11, so their
// products are exact; they are summed in float64 in the order of the blocks,
// exactly too when all d are equal, as in a ternary tensor with one scale. The
// caller divides by the token's scale.
//
// A block is 66 bytes for 256 weights, d last. Each half of 128 fills 32 bytes:
// weight 32k+m is in byte m, bits 2k and 2k+1.
func DotTQ2_0(dst []float64, row []byte, q []int8) {
	cols := len(row) / 66 * 256
	clear(dst)
	var trit [256]int8
	for at := 0; at < cols; at += 256 {
		block := row[at/256*66:][:66]
		for h := range 2 {
			x := trit[128*h:][:128]
			for m, b := range block[32*h : 32*h+32] {
				x[m], x[32+m], x[64+m], x[96+m] = int8(b&3)-1, int8(b>>2&3)-1, int8(b>>4&3)-1, int8(b>>6)-1
			}
		}
		addBlock(dst, block[64:], trit[:], q, at, cols)
	}
}

// DotTQ1_0 is [DotTQ2_0] for TQ1_0: 54 bytes for 256 weights, five trits a
// byte. A byte is a fraction of 256 whose digits in base 3 are the codes:
// times 3^k mod 256, times 3, the part above 256 is code k. 32 bytes hold the
// weights m, m+32 …, 16 bytes 160+m, 176+m …, 4 bytes 240+m, 244+m … with four
// codes each.
func DotTQ1_0(dst []float64, row []byte, q []int8) {
	cols := len(row) / 54 * 256
	clear(dst)
	var trit [256]int8
	for at := 0; at < cols; at += 256 {
		block := row[at/256*54:][:54]
		trits(trit[:160], block[:32], 5)
		trits(trit[160:240], block[32:48], 5)
		trits(trit[240:], block[48:52], 4)
		addBlock(dst, block[52:], trit[:], q, at, cols)
	}
}

// trits unpacks n trits a byte: trit k of byte m goes to k·len(packed)+m.
func trits(dst []int8, packed []byte, n int) {
	for m, b := range packed {
		for k := range n {
			dst[k*len(packed)+m] = int8(uint16(b)*3>>8) - 1
			b *= 3
		}
	}
}

// DotQ8_0 is [DotTQ2_0] for Q8_0, whose blocks are 34 bytes for 32 weights: an
// F16 scale d and 32 int8 values. Inner sums are exact integers of 20 bits.
func DotQ8_0(dst []float64, row []byte, q []int8) {
	cols := len(row) / 34 * 32
	clear(dst)
	var w [32]int8
	for at := 0; at < cols; at += 32 {
		block := row[at/32*34:][:34]
		for i, b := range block[2:] {
			w[i] = int8(b)
		}
		addBlock(dst, block, w[:], q, at, cols)
	}
}

// addBlock adds to every token's sum the product of the block at column at: its
// F16 scale d times the exact dot of its weights.
func addBlock(dst []float64, d []byte, w, q []int8, at, cols int) {
	scale := float64(f16(binary.LittleEndian.Uint16(d)))
	for t := range dst {
		dst[t] += float64(scale * float64(dotInt8(w, q[t*cols+at:])))
	}
}

// dotInt8 gives Σ w[i]·q[i] over the length of w, a multiple of 8.
func dotInt8(w, q []int8) int32 {
	var s0, s1, s2, s3 int32
	q = q[:len(w)]
	for len(w) >= 8 && len(q) >= 8 {
		s0 += int32(w[0])*int32(q[0]) + int32(w[4])*int32(q[4])
		s1 += int32(w[1])*int32(q[1]) + int32(w[5])*int32(q[5])
		s2 += int32(w[2])*int32(q[2]) + int32(w[6])*int32(q[6])
		s3 += int32(w[3])*int32(q[3]) + int32(w[7])*int32(q[7])
		w, q = w[8:], q[8:]
	}
	return s0 + s1 + s2 + s3
}
