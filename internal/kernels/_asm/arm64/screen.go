package main

// Kernels that estimate the products of rows with a token in fixed point, whose
// integers are 256·high + low: first all high, then all low.

func screen(f *file) {
	narrowWeights(f)
	for _, isa := range []string{"NEON", "DotProd"} {
		estimateNarrow(f, isa)
		estimateQ8(f, isa)
		estimateQ6K(f, isa)
	}
}

// narrowWeights sums what is lost in V16 to V19 and squares in V20 to V23.
func narrowWeights(f *file) {
	f.function("narrowNEON", "dst *byte, w *float32, n int, inv float32", "errors float32, squares float32",
		"narrowNEON rounds n weights, a multiple of 16, times inv to integers, halves to\neven, and sums the squares of what is lost, and those of weights:",
		"v := float32(w[i] * inv)\nnear := round(v)\nlost := v - near\ne[i%16] += float32(lost * lost)\ns[i%16] += float32(v * v)\ndst[i] = byte(int(near) + 128)")
	f.load("dst", "w", "n")
	f.op("FMOVS inv+24(FP), F24\nLSR $4, R2")
	f.v("movi v25.16b, #128")
	for i := range 8 {
		f.zero(16 + i)
	}
	f.loop("R2", func() {
		f.op("VLD1.P 64(R1), %s", vectors(0))
		each(func(i int) {
			f.v("fmul v%d.4s, v%[1]d.4s, v24.s[0]\nfrintn v4.4s, v%[1]d.4s\nfsub v5.4s, v%[1]d.4s, v4.4s", i)
			f.v("fmul v5.4s, v5.4s, v5.4s\nfadd v%d.4s, v%[1]d.4s, v5.4s", 16+i)
			f.v("fmul v6.4s, v%d.4s, v%[1]d.4s\nfadd v%d.4s, v%[2]d.4s, v6.4s\nfcvtns v%[1]d.4s, v4.4s", i, 20+i)
		})
		f.narrowBytes()
		f.v("eor v0.16b, v0.16b, v25.16b")
		f.op("VST1.P [V0.B16], 16(R0)")
	})
	f.foldFloats(16)
	f.foldFloats(20)
	f.op("FMOVS F16, errors+32(FP)\nFMOVS F20, squares+36(FP)")
	f.ret()
}

// estimate begins a kernel that puts the sums of body for each row, which are
// the sixteen from V28 on, through the fold of DotF32. It finds a row at R1, its
// high and low integers at R6 and R7, and the count of blocks in R8.
func estimate(f *file, name string, blockLen int, sums string, constants func(f *file), body func()) {
	beginEstimate(f, name, blockLen, sums)
	constants(f)
	f.loop("R3", func() {
		f.op("MOVD R2, R6\nADD R4, R2, R7\nMOVD R5, R8")
		f.zero(28, 29, 30, 31)
		body()
		f.foldFloats(28)
		f.op("FMOVS.P F28, 4(R0)")
	})
	f.ret()
}

func beginEstimate(f *file, name string, blockLen int, loop string) {
	f.function(name, "dst *float32, rows *byte, planes *int8, n int, cols int", "",
		name+" estimates the products of n rows of cols weights with a token:", loop)
	f.load("dst", "rows", "planes", "n", "cols")
	shift := 0
	for 1<<shift < blockLen {
		shift++
	}
	f.op("LSR $%d, R4, R5", shift)
}

// sumsOfFour sets a vector of int32 to the sums of four products in a row of two
// vectors of int8; without SDOT it needs V4 and V5.
func sumsOfFour(f *file, isa string, dst, a, b int) {
	if isa == "DotProd" {
		f.zero(dst)
		f.v("sdot v%d.4s, v%d.16b, v%d.16b", dst, a, b)
		return
	}
	f.v("smull v4.8h, v%d.8b, v%d.8b\nsmull2 v5.8h, v%[1]d.16b, v%[2]d.16b", a, b)
	f.v("saddlp v4.4s, v4.8h\nsaddlp v5.4s, v5.8h\naddp v%d.4s, v4.4s, v5.4s", dst)
}

// sumsOfWide sets V6 to the sums of four products of the int8 in a vector and
// the next sixteen integers; it needs V2, V3 and V7.
func sumsOfWide(f *file, isa string, v int) {
	f.op("VLD1.P 16(R6), [V2.B16]\nVLD1.P 16(R7), [V3.B16]")
	sumsOfFour(f, isa, 6, v, 2)
	sumsOfFour(f, isa, 7, v, 3)
	f.v("shl v6.4s, v6.4s, #8\nadd v6.4s, v6.4s, v7.4s")
}

// estimateNarrow takes bytes as int8, which are 128 less, and sums integers.
func estimateNarrow(f *file, isa string) {
	beginEstimate(f, "estimateNarrow"+isa, 16, "dst[r] = float32(Σ (rows[r][c] - 128)·(256·planes[c] + planes[cols+c]))")
	f.v("movi v8.16b, #128")
	f.loop("R3", func() {
		f.op("MOVD R2, R6\nADD R4, R2, R7\nMOVD R5, R8")
		f.zero(16, 17)
		f.loop("R8", func() {
			f.op(prefetch)
			f.op("VLD1.P 16(R1), [V0.B16]\nVLD1.P 16(R6), [V2.B16]\nVLD1.P 16(R7), [V3.B16]")
			f.v("eor v0.16b, v0.16b, v8.16b")
			for i := range 2 {
				if isa == "DotProd" {
					f.v("sdot v%d.4s, v0.16b, v%d.16b", 16+i, 2+i)
					continue
				}
				f.v("smull v4.8h, v0.8b, v%d.8b\nsmull2 v5.8h, v0.16b, v%[1]d.16b", 2+i)
				f.v("sadalp v%d.4s, v4.8h\nsadalp v%[1]d.4s, v5.8h", 16+i)
			}
		})
		f.v("addv s16, v16.4s\naddv s17, v17.4s")
		f.op(`FMOVS F16, R9
			FMOVS F17, R10
			SXTW R9, R9
			SXTW R10, R10
			ADD R9<<8, R10
			SCVTFS R10, F0
			FMOVS.P F0, 4(R0)`)
	})
	f.ret()
}

// estimateQ8 takes two blocks in a round, since a block has eight sums.
func estimateQ8(f *file, isa string) {
	estimate(f, "estimateQ8"+isa, 32,
		"s[i/4%16] += float32(d * float32(Σ w(i)·wide(i), four in a row))", func(*file) {}, func() {
			done := f.name("done")
			f.loop("R8", func() {
				for half := range 2 {
					f.op(prefetch)
					f.halfFloat(20)
					f.op("VLD1.P 32(R1), [V0.B16, V1.B16]")
					for i := range 2 {
						sumsOfWide(f, isa, i)
						f.v("scvtf v6.4s, v6.4s\nfmul v6.4s, v6.4s, v20.4s\nfadd v%d.4s, v%[1]d.4s, v6.4s", 28+2*half+i)
					}
					if half == 0 {
						f.op("SUBS $1, R8\nBEQ %s", done)
					}
				}
			})
			f.place(done)
		})
}

// estimateQ6K has the scales of a block in V24 to V27, its sums in V12 to V15.
func estimateQ6K(f *file, isa string) {
	estimate(f, "estimateQ6K"+isa, 256,
		"s[i/4%16] += float32(d * float32(Σ scale(i)·w(i)·wide(i), sixteen of a block))", sixBitsConstants, func() {
			f.loop("R8", func() {
				q6K.fetch(f)
				f.op("MOVHU 208(R1), R9\nFMOVQ 192(R1), F16")
				f.v("dup v20.4h, w9\nfcvtl v20.4s, v20.4h")
				f.v("sshll v18.8h, v16.8b, #0\nsshll2 v19.8h, v16.16b, #0")
				for i := range 2 {
					f.v("sshll v%d.4s, v%d.4h, #0\nsshll2 v%d.4s, v%[2]d.8h, #0", 24+2*i, 18+i, 25+2*i)
				}
				f.zero(12, 13, 14, 15)
				for j := range 16 {
					sixBits(f, j)
					sumsOfWide(f, isa, 16)
					f.v("dup v7.4s, %s\nmla v%d.4s, v6.4s, v7.4s", scaleOf(j), 12+j%4)
				}
				each(func(i int) {
					f.v("scvtf v%d.4s, v%[1]d.4s\nfmul v%[1]d.4s, v%[1]d.4s, v20.4s\nfadd v%d.4s, v%[2]d.4s, v%[1]d.4s", 12+i, 28+i)
				})
				f.op("ADD $210, R1")
			})
		})
}
