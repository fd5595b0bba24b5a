package main

import "fmt"

// The bytes of four rows are transposed while they are packed, four at a time,
// so that each word of a vector is of another row, as the panel has them.

// quads begins a function that unpacks 16 rows, four after four: block is for
// one block, with the rows at R5 to R8 and the panel at R9.
func quads(f *file, name string, cols int, block func()) {
	f.function(name, unpackParams, "",
		fmt.Sprintf("%s unpacks 16 rows, stride bytes apart, of blocks of %d columns:", name, cols),
		fmt.Sprintf("for r := range 16 {\n\tfor c := range %d * blocks {\n\t\tpanel[256·(c/4)+4·r+c%%4] = code(rows[stride·r:], c)\n\t}\n}", cols))
	f.load("panel", "rows", "stride", "blocks")
	f.v("movi v28.16b, #3")
	f.op("MOVD $4, R4")
	f.loop("R4", func() {
		f.op("MOVD R1, R5\nADD R2, R5, R6\nADD R2, R6, R7\nADD R2, R7, R8\nADD R2, R8, R1")
		f.op("MOVD R0, R9\nADD $16, R0\nMOVD R3, R10")
		f.loop("R10", func() {
			block()
			f.op("ADD $%d, R9", 64*cols)
		})
	})
	f.ret()
}

// unpackTwoBits is for formats with the k-th 32 weights of 128 in the bits from
// shifts[k] on, and skip bytes at the end of a block.
func unpackTwoBits(f *file, format string, halves int, shifts [4]int, skip int) {
	quads(f, "unpack"+format+"NEON", 128*halves, func() {
		for at := range 2 * halves {
			transpose(f)
			for k, shift := range shifts {
				for g := range 4 {
					switch shift {
					case 0:
						f.v("and v16.16b, v%d.16b, v28.16b", g)
					case 6:
						f.v("ushr v16.16b, v%d.16b, #6", g)
					default:
						f.v("ushr v16.16b, v%d.16b, #%d\nand v16.16b, v16.16b, v28.16b", g, shift)
					}
					storeGroup(f, 16, 32*(at/2)+8*k+4*(at%2)+g)
				}
			}
		}
		skipScales(f, skip)
	})
}

// unpackTrits is for TQ1_0: five trits a byte in 32 bytes and in 16, four in 4.
func unpackTrits(f *file) {
	quads(f, "unpackTQ1NEON", 256, func() {
		for at := range 3 {
			transpose(f)
			for k := range 5 {
				for g := range 4 {
					digit(f, g)
					group := 8*k + 4*at + g
					if at == 2 {
						group = 40 + 4*k + g
					}
					storeGroup(f, 16, group)
				}
			}
		}
		for i := range 4 {
			f.op("VLD1.P 4(R%d), V0.S[%d]", 5+i, i)
		}
		for k := range 4 {
			digit(f, 0)
			storeGroup(f, 16, 60+k)
		}
		skipScales(f, 2)
	})
}

// transpose reads 16 bytes of each row and makes V0 to V3 of them, the g-th of
// which has bytes 4g to 4g+3 of the four rows.
func transpose(f *file) {
	for i := range 4 {
		f.op("VLD1.P 16(R%d), [V%d.B16]", 5+i, 4+i)
	}
	f.v(`trn1 v16.4s, v4.4s, v5.4s
		trn2 v17.4s, v4.4s, v5.4s
		trn1 v18.4s, v6.4s, v7.4s
		trn2 v19.4s, v6.4s, v7.4s
		trn1 v0.2d, v16.2d, v18.2d
		trn1 v1.2d, v17.2d, v19.2d
		trn2 v2.2d, v16.2d, v18.2d
		trn2 v3.2d, v17.2d, v19.2d`)
}

// digit takes the first digit of the fractions in a vector, x·3>>8, to V16, and
// leaves the rest of the fraction.
func digit(f *file, x int) {
	f.v("ushr v16.16b, v%d.16b, #1", x)
	f.v("uhadd v16.16b, v16.16b, v%d.16b", x)
	f.v("ushr v16.16b, v16.16b, #6")
	f.v("mul v%d.16b, v%[1]d.16b, v28.16b", x)
}

// storeGroup stores four columns of four rows.
func storeGroup(f *file, x, group int) { f.op("FMOVQ F%d, %d(R9)", x, 256*group) }

func skipScales(f *file, bytes int) {
	for i := range 4 {
		if bytes > 0 {
			f.op("ADD $%d, R%d", bytes, 5+i)
		}
	}
}
