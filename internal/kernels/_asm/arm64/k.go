package main

import "fmt"

// Formats of 256 weights with scales of their own for groups of them.

// q4K has an F16 d and dmin, eight pairs of 6 bits in 12 bytes, and eight groups
// of 32 weights of 4 bits, two to 32 bytes.
var q4K = rowFormat{"Q4_K", 256, 144, func(f *file) { f.v("movi v8.16b, #15") }, func(f *file, use func()) {
	f.halfFloat(20)
	f.halfFloat(21)
	// The first four pairs are the low bits of four bytes each. Of the others
	// the low four bits are in four bytes more, and the upper two are what
	// those left over.
	f.op(`MOVWU (R1), R9
		MOVWU 4(R1), R10
		MOVWU 8(R1), R11
		ADD $12, R1
		AND $0x3f3f3f3f, R9, R12
		AND $0x3f3f3f3f, R10, R13
		AND $0x0f0f0f0f, R11, R14
		LSR $4, R11
		AND $0x0f0f0f0f, R11
		LSR $2, R9
		AND $0x30303030, R9
		ORR R9, R14
		LSR $2, R10
		AND $0x30303030, R10
		ORR R10, R11
		ORR R14<<32, R12
		ORR R11<<32, R13
		FMOVD R12, F22
		FMOVD R13, F23`)
	for i, scale := range []int{20, 21} {
		f.v("ushll v%d.8h, v%[1]d.8b, #0", 22+i)
		f.v("ushll v%d.4s, v%d.4h, #0\nushll2 v%d.4s, v%[2]d.8h, #0", 24+2*i, 22+i, 25+2*i)
		for j := range 2 {
			f.v("ucvtf v%d.4s, v%[1]d.4s\nfmul v%[1]d.4s, v%[1]d.4s, v%d.4s", 24+2*i+j, scale)
		}
	}
	for j := range 8 {
		if j%2 == 0 {
			f.op("VLD1.P 32(R1), [V16.B16, V17.B16]")
		}
		f.v("dup v20.4s, v%d.s[%d]", 26+j/4, j%4)
		for i := range 2 {
			if j%2 == 0 {
				f.v("and v21.16b, v%d.16b, v8.16b", 16+i)
			} else {
				f.v("ushr v21.16b, v%d.16b, #4", 16+i)
			}
			f.widen(21, scaleOf(j))
			for k := range 4 {
				f.v("fsub v%d.4s, v%[1]d.4s, v20.4s", k)
			}
			use()
		}
	}
}}

// q6K has the low 4 bits of 256 weights in 128 bytes, the upper 2 bits in 64,
// scales for each 16 and an F16 d.
var q6K = rowFormat{"Q6_K", 256, 210, sixBitsConstants, func(f *file, use func()) {
	f.op("MOVHU 208(R1), R9\nFMOVQ 192(R1), F16")
	f.v("dup v20.4h, w9\nfcvtl v20.4s, v20.4h")
	f.widen(16, "v20.s[0]")
	for i := range 4 {
		f.v("orr v%d.16b, v%d.16b, v%[2]d.16b", 24+i, i)
	}
	for j := range 16 {
		sixBits(f, j)
		f.widen(16, scaleOf(j))
		use()
	}
	f.op("ADD $210, R1")
}}

func sixBitsConstants(f *file) { f.v("movi v8.16b, #15\nmovi v9.16b, #48\nmovi v10.16b, #32") }

// sixBits puts the j-th sixteen weights of the block at R1, without their scale,
// into V16 as int8; it needs V17.
func sixBits(f *file, j int) {
	half, k, at := j/8, j%8/2, j%2*16
	f.op("FMOVQ %d(R1), F16\nFMOVQ %d(R1), F17", 64*half+k%2*32+at, 128+32*half+at)
	if k < 2 {
		f.v("and v16.16b, v16.16b, v8.16b\nshl v17.16b, v17.16b, #%d", 4-2*k)
	} else {
		f.v("ushr v16.16b, v16.16b, #4")
	}
	if k == 3 {
		f.v("ushr v17.16b, v17.16b, #2")
	}
	f.v("and v17.16b, v17.16b, v9.16b\norr v16.16b, v16.16b, v17.16b\nsub v16.16b, v16.16b, v10.16b")
}

// scaleOf is the j-th scale of those in V24 and on.
func scaleOf(j int) string { return fmt.Sprintf("v%d.s[%d]", 24+j/4, j%4) }
