package main

import "math"

// Kernels that turn weights into other encodings. Every one takes whole groups,
// one or more.

func converter(f *file) {
	encodeF16(f)
	encodeBF16(f)
	addMagnitudes(f)
	ternarize(f)
	plane(f)
	trits(f)
	encodeQ8(f)
	packI2S(f)
	packTQ2(f)
	packTQ1(f)
}

const encodeParams = "dst *byte, x *float32, groups int"

func encodeF16(f *file) {
	f.function("encodeF16NEON", encodeParams, "",
		"encodeF16NEON rounds groups of 16 numbers to half floats, halves to even:", "dst[2*i:] = half(x[i])")
	f.load("dst", "x", "groups")
	f.loop("R2", func() {
		f.op("VLD1.P 64(R1), %s", vectors(0))
		f.v("fcvtn v0.4h, v0.4s\nfcvtn2 v0.8h, v1.4s\nfcvtn v1.4h, v2.4s\nfcvtn2 v1.8h, v3.4s")
		f.op("VST1.P [V0.H8, V1.H8], 32(R0)")
	})
	f.ret()
}

func encodeBF16(f *file) {
	f.function("encodeBF16NEON", encodeParams, "",
		"encodeBF16NEON rounds groups of 16 numbers to bfloat16, halves to even:",
		"b := Float32bits(x[i])\ndst[2*i:] = (b + 0x7fff + b>>16&1) >> 16")
	f.load("dst", "x", "groups")
	f.constant(16, 1)
	f.constant(17, 0x7fff)
	f.loop("R2", func() {
		f.op("VLD1.P 64(R1), %s", vectors(0))
		each(func(i int) {
			f.v("ushr v4.4s, v%d.4s, #16\nand v4.16b, v4.16b, v16.16b", i)
			f.v("add v%d.4s, v%[1]d.4s, v17.4s\nadd v%[1]d.4s, v%[1]d.4s, v4.4s", i)
		})
		f.v("shrn v0.4h, v0.4s, #16\nshrn2 v0.8h, v1.4s, #16\nshrn v1.4h, v2.4s, #16\nshrn2 v1.8h, v3.4s, #16")
		f.op("VST1.P [V0.H8, V1.H8], 32(R0)")
	})
	f.ret()
}

func addMagnitudes(f *file) {
	f.function("addMagnitudesNEON", "lanes *[8]float64, bounds *[2]uint32, x *float32, groups int", "",
		"addMagnitudesNEON adds the magnitudes of groups of 8 numbers to eight sums, and\nbounds their bits; bounds[0] is one below the smallest above 0:",
		"b := Float32bits(x[i]) &^ (1 << 31)\nlanes[i%8] += float64(Float32frombits(b))\nbounds[0], bounds[1] = min(bounds[0], b-1), max(bounds[1], b)")
	f.load("lanes", "bounds", "x", "groups")
	f.op("VLD1 (R0), [V16.D2, V17.D2, V18.D2, V19.D2]")
	f.op("VLD1R (R1), [V20.S4]\nADD $4, R1, R4\nVLD1R (R4), [V21.S4]")
	f.constant(22, 1)
	f.loop("R3", func() {
		f.op("VLD1.P 32(R2), [V0.S4, V1.S4]")
		for i := range 2 {
			f.v("fabs v%d.4s, v%[1]d.4s", i)
			f.v("umax v21.4s, v21.4s, v%d.4s\nsub v4.4s, v%[1]d.4s, v22.4s\numin v20.4s, v20.4s, v4.4s", i)
			f.addParts(16+2*i, i, 4)
		}
	})
	f.op("VST1 [V16.D2, V17.D2, V18.D2, V19.D2], (R0)")
	f.v("uminv s20, v20.4s\numaxv s21, v21.4s")
	f.op("FMOVS F20, (R1)\nFMOVS F21, 4(R1)")
	f.ret()
}

func ternarize(f *file) {
	f.function("ternarizeNEON", "codes *byte, x *float32, groups int, inv float32, counts *[2]int", "",
		"ternarizeNEON rounds groups of 16 weights times inv to codes 0, 1, 2. It counts\nthose other than 1 and those next to a half:",
		"y := x[i] * inv\ncodes[i] = 1 + (y > 0.5) - (y < -0.5)\ncounts[0] += codes[i] != 1\ncounts[1] += |(|y| - 0.5)| <= 1e-6")
	f.load("codes", "x", "groups")
	f.op("FMOVS inv+24(FP), F16\nMOVD counts+32(FP), R3")
	f.constant(17, math.Float32bits(0.5))
	f.constant(18, math.Float32bits(-0.5))
	f.constant(19, math.Float32bits(1e-6))
	f.v("movi v20.16b, #1")
	f.zero(21, 22)
	f.loop("R2", func() {
		f.op("VLD1.P 64(R1), %s", vectors(0))
		each(func(i int) {
			f.v("fmul v%d.4s, v%[1]d.4s, v16.s[0]", i)
			f.v("fcmgt v4.4s, v%d.4s, v17.4s\nfcmgt v5.4s, v18.4s, v%[1]d.4s", i)
			f.v("fabs v6.4s, v%d.4s\nfsub v6.4s, v6.4s, v17.4s\nfabs v6.4s, v6.4s\nfcmge v6.4s, v19.4s, v6.4s", i)
			f.v("sub v%d.4s, v5.4s, v4.4s\norr v4.16b, v4.16b, v5.16b", i)
			f.v("sub v21.4s, v21.4s, v4.4s\nsub v22.4s, v22.4s, v6.4s")
		})
		f.narrowBytes()
		f.v("add v0.16b, v0.16b, v20.16b")
		f.op("VST1.P [V0.B16], 16(R0)")
	})
	f.op("VUADDLV V21.S4, V21\nVUADDLV V22.S4, V22\nFMOVD F21, (R3)\nFMOVD F22, 8(R3)")
	f.ret()
}

// narrowBytes takes the low bytes of the sixteen integers in V0 to V3 to V0.
func (f *file) narrowBytes() {
	f.v("xtn v0.4h, v0.4s\nxtn2 v0.8h, v1.4s\nxtn v2.4h, v2.4s\nxtn2 v2.8h, v3.4s")
	f.v("xtn v0.8b, v0.8h\nxtn2 v0.16b, v2.8h")
}

func plane(f *file) {
	f.function("planeNEON", "codes *byte, packed *byte, groups int, shift int, largest *byte", "int",
		"planeNEON takes two bits of groups of 32 bytes and counts ones:",
		"codes[i] = packed[i]>>shift & 3\n*largest = max(codes[i])\nones += codes[i] == 1")
	f.load("codes", "packed", "groups", "shift", "largest")
	f.op("NEG R3, R3")
	f.v("dup v16.16b, w3\nmovi v17.16b, #3\nmovi v18.16b, #1")
	f.zero(19, 20)
	f.loop("R2", func() {
		f.op("VLD1.P 32(R1), [V0.B16, V1.B16]")
		for i := range 2 {
			f.v("ushl v%d.16b, v%[1]d.16b, v16.16b\nand v%[1]d.16b, v%[1]d.16b, v17.16b", i)
			f.v("umax v19.16b, v19.16b, v%d.16b\ncmeq v%d.16b, v%[1]d.16b, v18.16b", i, 2+i)
		}
		f.op("VST1.P [V0.B16, V1.B16], 32(R0)")
		f.v("add v2.16b, v2.16b, v3.16b\nsaddlp v2.8h, v2.16b\nsadalp v20.4s, v2.8h")
	})
	f.v("neg v20.4s, v20.4s\numaxv b19, v19.16b")
	f.op("VUADDLV V20.S4, V20\nVMOV V19.B[0], R5\nMOVB R5, (R4)\nFMOVD F20, ret+40(FP)")
	f.ret()
}

func trits(f *file) {
	f.function("tritsNEON", "dst *float32, codes *byte, groups int, m float32", "",
		"tritsNEON gives the values of groups of 16 codes:", "dst[i] = m * float32(codes[i]-1)")
	f.load("dst", "codes", "groups")
	f.op("FMOVS m+24(FP), F16")
	f.v("movi v17.16b, #1")
	f.loop("R2", func() {
		f.op("VLD1.P 16(R1), [V20.B16]")
		f.v("sub v20.16b, v20.16b, v17.16b")
		f.widen(20, "v16.s[0]")
		f.op("VST1.P %s, 64(R0)", vectors(0))
	})
	f.ret()
}

// encodeQ8 leaves the weights of a block in V0 to V7. FCVTAS rounds halves away
// from zero.
func encodeQ8(f *file) {
	f.function("encodeQ8NEON", encodeParams, "",
		"encodeQ8NEON packs groups of 32 weights into a scale and 32 int8:",
		"d := max(|x[32*b+i]|) / 127\ndst[34*b:] = half(d)\ndst[34*b+2+i] = round(x[32*b+i] * 1/d), or 0 if 1/d is infinite")
	f.load("dst", "x", "groups")
	f.constant(24, math.Float32bits(127))
	f.constant(25, math.Float32bits(1))
	f.constant(26, math.Float32bits(math.MaxFloat32))
	f.zero(27)
	f.loop("R2", func() {
		f.op("VLD1.P 64(R1), %s\nVLD1.P 64(R1), %s", vectors(0), vectors(4))
		f.v("fabs v16.4s, v0.4s")
		for i := 1; i < 8; i++ {
			f.v("fabs v17.4s, v%d.4s\numax v16.4s, v16.4s, v17.4s", i)
		}
		f.v("umaxv s16, v16.4s")
		f.op(`FDIVS F24, F16, F16
			FDIVS F16, F25, F17
			FCMPS F26, F17
			FCSELS LS, F17, F27, F17
			FCVTSH F16, F16
			FMOVS F16, R3
			MOVH.P R3, 2(R0)`)
		for half := range 2 {
			each(func(i int) {
				f.v("fmul v%d.4s, v%d.4s, v17.s[0]\nfcvtas v%[1]d.4s, v%[1]d.4s", i, 4*half+i)
			})
			f.narrowBytes()
			f.op("VST1.P [V0.B16], 16(R0)")
		}
	})
	f.ret()
}
