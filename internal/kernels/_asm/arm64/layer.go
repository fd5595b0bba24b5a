package main

import "fmt"

// Kernels for what is between the matrices. All take whole blocks of sixteen
// elements, one or more.

func layer(f *file) {
	elementwise(f)
	sums(f)
	quantize(f)
	scaleSums(f)
	fetch(f)
}

func fetch(f *file) {
	f.function("prefetch", "p *byte, n int", "", "prefetch asks for n bytes, a positive number:",
		"for i := 0; i < n; i += 64 {\n\tp[i] // into the second cache\n}")
	f.load("p", "n")
	again := f.label("lines")
	f.op("PRFM (R0), PLDL2KEEP\nADD $64, R0\nSUBS $64, R1\nBGT %s", again)
	f.ret()
}

// vectors lists four vectors of float32 from one on.
func vectors(v int) string { return fmt.Sprintf("[V%d.S4, V%d.S4, V%d.S4, V%d.S4]", v, v+1, v+2, v+3) }

// each runs body for four vectors.
func each(body func(i int)) {
	for i := range 4 {
		body(i)
	}
}

// constant sets all elements of a vector to 32 bits.
func (f *file) constant(v int, bits uint32) {
	f.op("MOVW $0x%08x, R9", bits)
	f.v("dup v%d.4s, w9", v)
}

// pairwise begins the loop of a kernel that changes n elements at R0 by those at
// R1: V0 to V3 become the new ones, V4 to V7 are those at R1.
func pairwise(f *file, name, a, b, doc, loop string, setup func(), body func()) {
	f.function(name, a+" *float32, "+b+" *float32, n int", "", name+" "+doc, loop)
	f.load(a, b, "n")
	setup()
	f.op("LSR $4, R2")
	f.loop("R2", func() {
		f.op("VLD1 (R0), %s\nVLD1.P 64(R1), %s", vectors(0), vectors(4))
		body()
		f.op("VST1.P %s, 64(R0)", vectors(0))
	})
	f.ret()
}

func elementwise(f *file) {
	pairwise(f, "addNEON", "dst", "x", "adds n elements:", "for i := range n {\n\tdst[i] += x[i]\n}", func() {}, func() {
		each(func(i int) { f.v("fadd v%d.4s, v%[1]d.4s, v%d.4s", i, 4+i) })
	})
	pairwise(f, "relu2MulNEON", "a", "b", "gates n elements:",
		"for i := range n {\n\tv := max(a[i], 0)\n\ta[i] = float32(v*v) * b[i]\n}", func() { f.zero(16) }, func() {
			each(func(i int) {
				f.v("fmax v%d.4s, v%[1]d.4s, v16.4s\nfmul v%[1]d.4s, v%[1]d.4s, v%[1]d.4s\nfmul v%[1]d.4s, v%[1]d.4s, v%d.4s", i, 4+i)
			})
		})
	pairwise(f, "siluMulNEON", "a", "b", "gates n elements:",
		"for i := range n {\n\tv := a[i]\n\ta[i] = float32(v/(1+exp(-v))) * b[i]\n}", f.expConstants, func() {
			each(func(i int) {
				f.v("fneg v24.4s, v%d.4s", i)
				f.exp(24)
				f.v("fadd v24.4s, v24.4s, v%d.4s", one)
				f.v("fdiv v%d.4s, v%[1]d.4s, v24.4s\nfmul v%[1]d.4s, v%[1]d.4s, v%d.4s", i, 4+i)
			})
		})

	f.function("normalizeNEON", "dst *float32, x *float32, gain *float32, n int, r float32", "",
		"normalizeNEON scales n elements:", "for i := range n {\n\tdst[i] = float32(x[i]*r) * gain[i]\n}")
	f.load("dst", "x", "gain", "n")
	f.op("FMOVS r+32(FP), F16\nLSR $4, R3")
	f.loop("R3", func() {
		f.op("VLD1.P 64(R1), %s\nVLD1.P 64(R2), %s", vectors(0), vectors(4))
		each(func(i int) { f.v("fmul v%d.4s, v%[1]d.4s, v16.s[0]\nfmul v%[1]d.4s, v%[1]d.4s, v%d.4s", i, 4+i) })
		f.op("VST1.P %s, 64(R0)", vectors(0))
	})
	f.ret()

	f.function("rotateNEON", "a *float32, b *float32, cos *float32, sin *float32, n int", "", "rotateNEON turns n pairs:",
		"for i := range n {\n\ta[i], b[i] = float32(a[i]*cos[i]) - float32(b[i]*sin[i]), float32(a[i]*sin[i]) + float32(b[i]*cos[i])\n}")
	f.load("a", "b", "cos", "sin", "n")
	f.op("LSR $4, R4")
	f.loop("R4", func() {
		f.op("VLD1 (R0), %s\nVLD1 (R1), %s", vectors(0), vectors(4))
		f.op("VLD1.P 64(R2), %s\nVLD1.P 64(R3), %s", vectors(16), vectors(20))
		each(func(i int) {
			f.v("fmul v24.4s, v%d.4s, v%d.4s\nfmul v25.4s, v%d.4s, v%d.4s", i, 16+i, 4+i, 20+i)
			f.v("fmul v26.4s, v%d.4s, v%d.4s\nfmul v27.4s, v%d.4s, v%d.4s", i, 20+i, 4+i, 16+i)
			f.v("fsub v%d.4s, v24.4s, v25.4s\nfadd v%d.4s, v26.4s, v27.4s", i, 4+i)
		})
		f.op("VST1.P %s, 64(R0)\nVST1.P %s, 64(R1)", vectors(0), vectors(4))
	})
	f.ret()
}

func quantize(f *file) {
	f.function("absMaxNEON", "x *float32, n int", "uint32",
		"absMaxNEON gives the largest magnitude of n elements by its bits, whose order puts NaN\nabove Inf:",
		"for i := range n {\n\tmost = max(most, Float32bits(x[i])&^(1<<31))\n}")
	f.load("x", "n")
	f.op("LSR $4, R1")
	f.zero(16)
	f.loop("R1", func() {
		f.op("VLD1.P 64(R0), %s", vectors(0))
		each(func(i int) { f.v("fabs v%d.4s, v%[1]d.4s", i) })
		f.v("umax v0.4s, v0.4s, v1.4s\numax v2.4s, v2.4s, v3.4s\numax v0.4s, v0.4s, v2.4s\numax v16.4s, v16.4s, v0.4s")
	})
	f.v("umaxv s16, v16.4s")
	f.op("FMOVS F16, ret+16(FP)")
	f.ret()

	f.function("quantizeNEON", "q *int8, x *float32, n int, scale float32", "int32",
		"quantizeNEON rounds n elements to integers, halves to even, and sums them:",
		"for i := range n {\n\tq[i] = clamp(round(float32(x[i] * scale)))\n\tsum += q[i]\n}")
	f.load("q", "x", "n")
	f.op("FMOVS scale+24(FP), F17\nLSR $4, R2")
	f.zero(16)
	f.loop("R2", func() {
		f.op("VLD1.P 64(R1), %s", vectors(0))
		each(func(i int) { f.v("fmul v%d.4s, v%[1]d.4s, v17.s[0]\nfcvtns v%[1]d.4s, v%[1]d.4s", i) })
		f.v("sqxtn v0.4h, v0.4s\nsqxtn2 v0.8h, v1.4s\nsqxtn v2.4h, v2.4s\nsqxtn2 v2.8h, v3.4s")
		f.v("sqxtn v0.8b, v0.8h\nsqxtn2 v0.16b, v2.8h")
		f.op("VST1.P [V0.B16], 16(R0)")
		f.v("saddlp v0.8h, v0.16b\nsadalp v16.4s, v0.8h")
	})
	f.v("addv s16, v16.4s")
	f.op("FMOVS F16, ret+32(FP)")
	f.ret()
}

func scaleSums(f *file) {
	f.function("scaleSumsNEON", "dst *float32, sums *int32, offset *int32, divisor *float32, tokens int, n int, stride int, first float32, last float32", "",
		"scaleSumsNEON makes results of the exact sums of n rows, a multiple of 16, and tokens:",
		"for t := range tokens {\n\tfor r := range n {\n\t\tv := float32(sums[64·t+r]) - float32(offset[t])\n\t\tdst[stride·t+r] = float32(float32(v*first)/divisor[t]) * last\n\t}\n}")
	f.load("dst", "sums", "offset", "divisor", "tokens", "n", "stride")
	f.op("FMOVS first+56(FP), F18\nFMOVS last+60(FP), F19\nLSL $2, R6\nLSR $4, R5")
	f.loop("R4", func() {
		f.op("VLD1R.P 4(R2), [V16.S4]\nVLD1R.P 4(R3), [V17.S4]")
		f.v("scvtf v16.4s, v16.4s")
		f.op("MOVD R0, R7\nMOVD R1, R8\nMOVD R5, R10")
		f.loop("R10", func() {
			f.op("VLD1.P 64(R8), %s", vectors(0))
			each(func(i int) {
				f.v("scvtf v%d.4s, v%[1]d.4s\nfsub v%[1]d.4s, v%[1]d.4s, v16.4s\nfmul v%[1]d.4s, v%[1]d.4s, v18.s[0]", i)
				f.v("fdiv v%d.4s, v%[1]d.4s, v17.4s\nfmul v%[1]d.4s, v%[1]d.4s, v19.s[0]", i)
			})
			f.op("VST1.P %s, 64(R7)", vectors(0))
		})
		f.op("ADD $256, R1\nADD R6, R0")
	})
	f.ret()
}
