package main

// Kernels that pack codes. They give the largest code, which is collected in
// V24. Where blocks have scales, V25 has a bit for codes other than 1.

func beginPack(f *file, name, params, doc, loop string) {
	f.function(name, params, "byte", name+" "+doc, loop)
	f.load("dst", "codes", "blocks")
	f.zero(24)
}

func endPack(f *file, result int) {
	f.v("umaxv b24, v24.16b")
	f.op("VMOV V24.B[0], R3\nMOVB R3, ret+%d(FP)", result)
	f.ret()
}

// see looks at a vector of codes.
func see(f *file, v int, scaled bool) {
	f.v("umax v24.16b, v24.16b, v%d.16b", v)
	if scaled {
		f.v("eor v27.16b, v%d.16b, v26.16b\norr v25.16b, v25.16b, v27.16b", v)
	}
}

// loadScale reads the scale to R4.
func loadScale(f *file) {
	f.op("MOVHU d+24(FP), R4")
	f.v("movi v26.16b, #1")
}

// storeScale stores the scale in R4, or 0 if all codes are 1.
func storeScale(f *file) {
	f.v("umaxv b25, v25.16b")
	f.op("VMOV V25.B[0], R5\nCMP $0, R5\nCSEL EQ, ZR, R4, R6\nMOVH.P R6, 2(R0)")
}

// quarters packs the next 128 codes into 32 bytes, 32 of them at each shift.
func quarters(f *file, shifts [4]int, scaled bool) {
	f.zero(4, 5)
	for _, shift := range shifts {
		f.op("VLD1.P 32(R1), [V0.B16, V1.B16]")
		for i := range 2 {
			see(f, i, scaled)
			if shift > 0 {
				f.v("shl v%d.16b, v%[1]d.16b, #%d", i, shift)
			}
			f.v("orr v%d.16b, v%[1]d.16b, v%d.16b", 4+i, i)
		}
	}
	f.op("VST1.P [V4.B16, V5.B16], 32(R0)")
}

func packI2S(f *file) {
	beginPack(f, "packI2SNEON", "dst *byte, codes *byte, blocks int", "packs blocks of 128 codes into 32 bytes:",
		"dst[32*b+i] = codes[128*b+i]<<6 | codes[128*b+32+i]<<4 | codes[128*b+64+i]<<2 | codes[128*b+96+i]")
	f.loop("R2", func() { quarters(f, [4]int{6, 4, 2, 0}, false) })
	endPack(f, 24)
}

func packTQ2(f *file) {
	beginPack(f, "packTQ2NEON", "dst *byte, codes *byte, blocks int, d uint16", "packs blocks of 256 codes into 64 bytes and a scale:",
		"dst[66*b+32*h+i] = codes[256*b+128*h+i] | codes[256*b+128*h+32+i]<<2 | codes[256*b+128*h+64+i]<<4 | codes[256*b+128*h+96+i]<<6")
	loadScale(f)
	f.loop("R2", func() {
		f.zero(25)
		for range 2 {
			quarters(f, [4]int{0, 2, 4, 6}, true)
		}
		storeScale(f)
	})
	endPack(f, 32)
}

func packTQ1(f *file) {
	beginPack(f, "packTQ1NEON", "dst *byte, codes *byte, blocks int, d uint16",
		"packs blocks of 256 codes into 52 bytes of five trits and a scale:",
		"dst[54*b+i] = (v*256 + 242) / 243")
	loadScale(f)
	f.v("movi v20.16b, #3\nmovi v21.16b, #13")
	f.op("MOVD $242, R3")
	f.v("dup v22.8h, w3")
	// Of numbers up to 13·242+242, ⌊n/243⌋ is n·34522 >> 23.
	f.op("MOVD $34522, R3")
	f.v("dup v23.8h, w3")
	f.loop("R2", func() {
		f.zero(25)
		for half := range 2 {
			f.op("ADD $%d, R1, R5", 16*half)
			digits(f, 5, func() { f.op("VLD1 (R5), [V1.B16]\nADD $32, R5") })
			f.op("VST1.P [V0.B16], 16(R0)")
		}
		f.op("ADD $160, R1, R5")
		digits(f, 5, func() { f.op("VLD1.P 16(R5), [V1.B16]") })
		f.op("VST1.P [V0.B16], 16(R0)")
		digits(f, 4, func() { f.op("VLD1R.P 4(R5), [V1.S4]") })
		f.op("FMOVS.P F0, 4(R0)\nADD $256, R1")
		storeScale(f)
	})
	endPack(f, 32)
}

// digits makes fractions of 256 in V0 of trits that next reads to V1, the first
// of which is the highest digit. v·256/243 is v + v·13/243.
func digits(f *file, trits int, next func()) {
	f.zero(0)
	for k := range 5 {
		f.v("mul v0.16b, v0.16b, v20.16b")
		if k < trits {
			next()
			see(f, 1, true)
			f.v("add v0.16b, v0.16b, v1.16b")
		}
	}
	f.v("umull v2.8h, v0.8b, v21.8b\numull2 v3.8h, v0.16b, v21.16b")
	for v := 2; v < 4; v++ {
		f.v("add v%d.8h, v%[1]d.8h, v22.8h", v)
		f.v("umull v4.4s, v%d.4h, v23.4h\numull2 v5.4s, v%[1]d.8h, v23.8h", v)
		f.v("shrn v%d.4h, v4.4s, #16\nshrn2 v%[1]d.8h, v5.4s, #16\nushr v%[1]d.8h, v%[1]d.8h, #7", v)
	}
	f.v("xtn v2.8b, v2.8h\nxtn2 v2.16b, v3.8h\nadd v0.16b, v0.16b, v2.16b")
}
