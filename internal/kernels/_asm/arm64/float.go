package main

import (
	"fmt"
	"strings"
)

// Kernels that multiply rows of a matrix, decoded on the way, with one token of
// float32 activations, in the order of DotF32: sixteen partial sums, in V28 to
// V31, folded in halves.

// rowFormat is a format of weights: cols of them in a block of bytes bytes.
type rowFormat struct {
	name        string
	cols, bytes int

	// constants sets up V8 to V15, if not nil.
	constants func(f *file)

	// block decodes the block at R1 and moves R1 to the next. It calls use for
	// every sixteen weights, in order, with these in V0 to V3.
	block func(f *file, use func())
}

var formats = []rowFormat{
	{"F32", 16, 64, nil, func(f *file, use func()) {
		f.op("VLD1.P 64(R1), [V0.S4, V1.S4, V2.S4, V3.S4]")
		use()
	}},
	{"F16", 16, 32, nil, func(f *file, use func()) {
		f.op("VLD1.P 32(R1), [V16.H8, V17.H8]")
		f.v("fcvtl v0.4s, v16.4h\nfcvtl2 v1.4s, v16.8h\nfcvtl v2.4s, v17.4h\nfcvtl2 v3.4s, v17.8h")
		use()
	}},
	{"BF16", 16, 32, func(f *file) { f.zero(8) }, func(f *file, use func()) {
		f.op("VLD1.P 32(R1), [V16.H8, V17.H8]")
		f.v("zip1 v0.8h, v8.8h, v16.8h\nzip2 v1.8h, v8.8h, v16.8h")
		f.v("zip1 v2.8h, v8.8h, v17.8h\nzip2 v3.8h, v8.8h, v17.8h")
		use()
	}},
	{"Q8_0", 32, 34, nil, func(f *file, use func()) {
		f.halfFloat(20)
		f.op("VLD1.P 32(R1), [V16.B16, V17.B16]")
		for i := range 2 {
			f.widen(16+i, "v20.s[0]")
			use()
		}
	}},
	{"Q4_0", 32, 18, func(f *file) { f.v("movi v8.16b, #15\nmovi v9.16b, #8") }, func(f *file, use func()) {
		f.halfFloat(20)
		f.op("VLD1.P 16(R1), [V22.B16]")
		f.v("and v16.16b, v22.16b, v8.16b\nushr v17.16b, v22.16b, #4")
		for i := range 2 {
			f.v("sub v%d.16b, v%[1]d.16b, v9.16b", 16+i)
			f.widen(16+i, "v20.s[0]")
			use()
		}
	}},
	q4K, q6K,
}

func floats(f *file) {
	for _, t := range formats {
		t.multiply(f)
		if t.name != "F32" {
			t.decode(f)
		}
	}
	tile(f)
}

// halfFloat reads the half float at R1 into all of a vector.
func (f *file) halfFloat(v int) {
	f.op("MOVHU.P 2(R1), R9")
	f.v("dup v%d.4h, w9\nfcvtl v%[1]d.4s, v%[1]d.4h", v)
}

// widen makes V0 to V3 of the sixteen int8 of a vector, times a scale; it needs
// V18 and V19.
func (f *file) widen(v int, scale string) {
	f.v("sshll v18.8h, v%d.8b, #0\nsshll2 v19.8h, v%[1]d.16b, #0", v)
	for i := range 2 {
		f.v("sshll v%d.4s, v%d.4h, #0\nsshll2 v%d.4s, v%[2]d.8h, #0", 2*i, 18+i, 2*i+1)
	}
	for i := range 4 {
		f.v("scvtf v%d.4s, v%[1]d.4s\nfmul v%[1]d.4s, v%[1]d.4s, %s", i, scale)
	}
}

// symbol is the name as a part of those of functions.
func (t rowFormat) symbol() string { return strings.Replace(t.name, "_K", "K", 1) }

// fetch asks for what comes 2 KiB after a block.
func (t rowFormat) fetch(f *file) {
	for at := 0; at < t.bytes; at += 64 {
		f.op("PRFM %d(R1), PLDL1KEEP", 2048+at)
	}
}

func (t rowFormat) multiply(f *file) {
	name := "mul" + t.symbol() + "NEON"
	f.function(name, "dst *float32, rows *byte, x *float32, n int, bytes int, blocks int", "",
		fmt.Sprintf("%s multiplies n rows of %s weights w with a token x. A row has bytes\nbytes in blocks, one or more, of %d weights:", name, t.name, t.cols),
		fmt.Sprintf("for r := range n {\n\tvar s [16]float32\n\tfor i := range %d * blocks {\n\t\ts[i%%16] += float32(w[r][i] * x[i])\n\t}\n\tdst[r] = fold(s)\n}", t.cols))
	f.load("dst", "rows", "x", "n")
	f.op("MOVD blocks+40(FP), R5")
	if t.constants != nil {
		t.constants(f)
	}
	f.loop("R3", func() {
		f.op("MOVD R2, R6\nMOVD R5, R7")
		f.zero(28, 29, 30, 31)
		f.loop("R7", func() {
			t.fetch(f)
			t.block(f, func() {
				f.op("VLD1.P 64(R6), [V4.S4, V5.S4, V6.S4, V7.S4]")
				for i := range 4 {
					f.v("fmul v%d.4s, v%[1]d.4s, v%d.4s\nfadd v%d.4s, v%[3]d.4s, v%[1]d.4s", i, 4+i, 28+i)
				}
			})
		})
		f.foldFloats(28)
		f.op("FMOVS.P F28, 4(R0)")
	})
	f.ret()
}

// foldFloats folds the sixteen partial sums from a vector on to its first
// element.
func (f *file) foldFloats(v int) {
	f.v("fadd v%d.4s, v%[1]d.4s, v%d.4s\nfadd v%d.4s, v%[3]d.4s, v%d.4s", v, v+2, v+1, v+3)
	f.v("fadd v%d.4s, v%[1]d.4s, v%d.4s\next v%[2]d.16b, v%[1]d.16b, v%[1]d.16b, #8", v, v+1)
	f.v("fadd v%d.2s, v%[1]d.2s, v%d.2s\nfaddp s%[1]d, v%[1]d.2s", v, v+1)
}

func (t rowFormat) decode(f *file) {
	name := "decode" + t.symbol() + "NEON"
	f.function(name, "dst *float32, src *byte, blocks int", "",
		fmt.Sprintf("%s decodes blocks, one or more, of %d weights in %d bytes:", name, t.cols, t.bytes),
		fmt.Sprintf("for i := range %d * blocks {\n\tdst[i] = w[i]\n}", t.cols))
	f.load("dst", "src", "blocks")
	if t.constants != nil {
		t.constants(f)
	}
	f.loop("R2", func() {
		t.block(f, func() { f.op("VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R0)") })
	})
	f.ret()
}

// tile multiplies two rows with two tokens at a time.
func tile(f *file) {
	f.function("tileF32NEON", "dst *float32, stride int, rows *float32, x *float32, n int, tokens int, cols int", "",
		"tileF32NEON multiplies n rows w with tokens x, both of cols numbers. The three\nare multiples of 4, 4 and 16:",
		"for t := range tokens {\n\tfor r := range n {\n\t\tvar s [16]float32\n\t\tfor i := range cols {\n\t\t\ts[i%16] += float32(w[r][i] * x[t][i])\n\t\t}\n\t\tdst[stride·t+r] = fold(s)\n\t}\n}")
	f.load("dst", "stride", "rows", "x", "n", "tokens", "cols")
	f.op("LSL $2, R1\nLSL $2, R6, R7\nLSR $1, R4\nLSR $1, R5")
	f.loop("R5", func() {
		f.op("MOVD R0, R8\nMOVD R2, R9\nMOVD R4, R10")
		f.loop("R10", func() {
			f.op("ADD R7, R9, R11\nMOVD R3, R12\nADD R7, R3, R13\nLSR $4, R6, R14")
			for i := range 16 {
				f.zero(16 + i)
			}
			f.loop("R14", func() {
				f.op("VLD1.P 64(R9), [V0.S4, V1.S4, V2.S4, V3.S4]")
				f.op("VLD1.P 64(R11), [V4.S4, V5.S4, V6.S4, V7.S4]")
				for t := range 2 {
					f.op("VLD1.P 64(R%d), [V8.S4, V9.S4, V10.S4, V11.S4]", 12+t)
					for r := range 2 {
						for i := range 4 {
							f.v("fmul v%d.4s, v%d.4s, v%d.4s", 12+i, 4*r+i, 8+i)
						}
						for i := range 4 {
							f.v("fadd v%d.4s, v%[1]d.4s, v%d.4s", 16+8*t+4*r+i, 12+i)
						}
					}
				}
			})
			for i := range 4 {
				f.foldFloats(16 + 4*i)
			}
			f.op("ADD R1, R8, R12\nFMOVS.P F16, 4(R8)\nFMOVS.P F20, 4(R8)\nFMOVS F24, (R12)\nFMOVS F28, 4(R12)")
			f.op("ADD R7, R9")
		})
		f.op("ADD R7<<1, R3\nADD R1<<1, R0")
	})
	f.ret()
}
