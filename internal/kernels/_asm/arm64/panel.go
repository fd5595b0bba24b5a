package main

// Kernels for panels: 64 rows of codes as bytes, code c of row r at
// 256·(c/4)+4·r+c%4. A vector holds four columns of four rows.

func panel(f *file) {
	unpackTwoBits(f, "I2S", 1, [4]int{6, 4, 2, 0}, 0)
	unpackTwoBits(f, "TQ2", 2, [4]int{0, 2, 4, 6}, 2)
	unpackTrits(f)
	multiply(f, "NEON", 2, tileNEON)
	multiply(f, "DotProd", 4, tileDotProd)
}

const (
	unpackParams = "panel *byte, rows *byte, stride int, blocks int"

	multiplyParams = "dst *int32, panel *byte, q *int8, n int, cols int"
	multiplyDoc    = " multiplies a panel of 64 rows of codes with n tokens; cols is a positive\nmultiple of 128:"
	multiplyLoop   = "for t := range n {\n\tfor r := range 64 {\n\t\tdst[64·t+r] = Σ panel[256·(c/4)+4·r+c%4] · q[cols·t+c]\n\t}\n}"
)

// multiply takes some tokens at once as long as there are so many, then single
// ones. A tile is 16 rows: it finds them at R5, the tokens at R8, R9 and so on,
// and R4 columns; 256 is in R7. It leaves its sums, four vectors a token, in V8
// and on.
func multiply(f *file, isa string, most int, tile func(f *file, tokens int)) {
	name := "mulPanel" + isa
	f.function(name, multiplyParams, "", name+multiplyDoc, multiplyLoop)
	f.load("dst", "panel", "q", "n", "cols")
	f.op("MOVD $256, R7")
	f.groups("R3", most, func(tokens int) {
		f.op("MOVD R1, R15\nMOVD R0, R16\nMOVD $4, R14")
		f.loop("R14", func() {
			f.op("MOVD R15, R5\nMOVD R2, R8")
			for t := 1; t < tokens; t++ {
				f.op("ADD R4, R%d, R%d", 7+t, 8+t)
			}
			tile(f, tokens)
			f.op("MOVD R16, R17")
			for t := range tokens {
				f.op("VST1 %s, (R17)\nADD R7, R17", vectors(8+4*t))
			}
			f.op("ADD $64, R15\nADD $64, R16")
		})
		for range tokens {
			f.op("ADD R4, R2\nADD R7, R0")
		}
	})
	f.ret()
}

// tileDotProd multiplies sixteen columns in a round: a token's are a vector,
// each quarter of which meets four vectors of rows.
func tileDotProd(f *file, tokens int) {
	for i := range 4 * tokens {
		f.zero(8 + i)
	}
	f.op("LSR $4, R4, R6")
	f.loop("R6", func() {
		for t := range tokens {
			f.op("VLD1.P 16(R%d), [V%d.B16]", 8+t, t)
		}
		for quarter := range 4 {
			f.op("VLD1.P (R5)(R7), [V4.B16, V5.B16, V6.B16, V7.B16]")
			for t := range tokens {
				for i := range 4 {
					f.v("sdot v%d.4s, v%d.16b, v%d.4b[%d]", 8+4*t+i, 4+i, t, quarter)
				}
			}
		}
	})
}

// tileNEON multiplies four columns in a round, spread from memory, and sums
// products in 16 bits for 128 columns: 32 of at most 3 · 128. A vector of
// four rows has two such sums, for two rows each, from V16 on.
func tileNEON(f *file, tokens int) {
	for i := range 4 * tokens {
		f.zero(8 + i)
	}
	f.op("LSR $7, R4, R6")
	f.loop("R6", func() {
		for i := range 8 * tokens {
			f.zero(16 + i)
		}
		f.op("MOVD $32, R12")
		f.loop("R12", func() {
			f.op("VLD1.P (R5)(R7), [V4.B16, V5.B16, V6.B16, V7.B16]")
			for t := range tokens {
				f.op("VLD1R.P 4(R%d), [V%d.S4]", 8+t, t)
				for i := range 4 {
					sum := 16 + 8*t + 2*i
					f.v("smlal v%d.8h, v%d.8b, v%d.8b", sum, 4+i, t)
					f.v("smlal2 v%d.8h, v%d.16b, v%d.16b", sum+1, 4+i, t)
				}
			}
		})
		for i := range 4 * tokens {
			f.v("saddlp v%d.4s, v%[1]d.8h\nsaddlp v%d.4s, v%[2]d.8h", 16+2*i, 17+2*i)
			f.v("addp v%d.4s, v%[1]d.4s, v%d.4s", 16+2*i, 17+2*i)
			f.v("add v%d.4s, v%[1]d.4s, v%d.4s", 8+i, 16+2*i)
		}
	})
}
