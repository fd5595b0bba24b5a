package main

import "fmt"

// Kernels that compare queries with a page of 64 keys, and that add up values.
// They take some queries at once, so that what they read serves all.

func attention(f *file) {
	scoresF32(f)
	scoresF16(f)
	weigh(f, "F32", 4, func() { f.op("VLD1.P (R17)(R8), %s", vectors(0)) })
	weigh(f, "F16", 2, func() {
		f.op("VLD1.P (R17)(R8), [V4.H8, V5.H8]")
		f.v("fcvtl v0.4s, v4.4h\nfcvtl2 v1.4s, v4.8h\nfcvtl v2.4s, v5.4h\nfcvtl2 v3.4s, v5.8h")
	})
}

// scores begins a kernel with n queries at R1, of R4 numbers each, and keys at
// R2. For tiles of up to two queries and a part of the keys tile finds numbers
// of queries at R8 and R9 and those of keys at R10, which are R6 bytes apart,
// and leaves the vectors of scores of query j in V16+8j and on.
func scores(f *file, suffix, element string, keys, bytes int, tile func(queries int), finish func(queries int)) {
	name := "scores" + suffix + "NEON"
	f.function(name, "dst *float32, q *float32, k *"+element+", n int, d int, stride int", "",
		name+" multiplies n queries of d numbers with a page of 64 keys:",
		"for j := range n {\n\tfor i := range 64 {\n\t\tdst[stride·j+i] = Σ q[d·j+c]·k[64·c+i]\n\t}\n}")
	f.load("dst", "q", "k", "n", "d", "stride")
	f.op("LSL $2, R5\nMOVD $%d, R6", 64*bytes)
	f.groups("R3", 2, func(queries int) {
		f.op("MOVD R2, R11\nMOVD R0, R12\nMOVD $%d, R13", 64/keys)
		f.loop("R13", func() {
			f.op("MOVD R1, R8\nADD R4<<2, R1, R9\nMOVD R11, R10\nMOVD R4, R14")
			for i := range 8 * queries {
				f.zero(16 + i)
			}
			f.loop("R14", func() { tile(queries) })
			finish(queries)
			f.op("MOVD R12, R15")
			for j := range queries {
				for at := 0; at < keys; at += 16 {
					f.op("VST1 %s, (R15)", vectors(16+8*j+at/4))
					if at+16 < keys {
						f.op("ADD $64, R15")
					}
				}
				f.op("ADD R5, R12, R15")
			}
			f.op("ADD $%d, R11\nADD $%d, R12", keys*bytes, 4*keys)
		})
		for range queries {
			f.op("ADD R4<<2, R1\nADD R5, R0")
		}
	})
	f.ret()
}

// scoresF32 sums float64, of which products of float32 are exact, so that
// fusing them changes nothing.
func scoresF32(f *file) {
	scores(f, "F32", "float32", 16, 4, func(queries int) {
		f.op("VLD1.P (R10)(R6), %s", vectors(0))
		for j := range queries {
			f.op("VLD1R.P 4(R%d), [V%d.S4]", 8+j, 6+j)
			f.v("fcvtl v%d.2d, v%[1]d.2s", 6+j)
		}
		for i := range 4 {
			f.v("fcvtl v4.2d, v%d.2s\nfcvtl2 v5.2d, v%[1]d.4s", i)
			for j := range queries {
				f.v("fmla v%d.2d, v4.2d, v%d.2d\nfmla v%d.2d, v5.2d, v%[2]d.2d", 16+8*j+2*i, 6+j, 17+8*j+2*i)
			}
		}
	}, func(queries int) {
		for j := range queries {
			for i := range 4 {
				from := 16 + 8*j + 2*i
				f.v("fcvtn v0.2s, v%d.2d\nfcvtn2 v0.4s, v%d.2d", from, from+1)
				f.v("orr v%d.16b, v0.16b, v0.16b", 16+8*j+i)
			}
		}
	})
}

func scoresF16(f *file) {
	scores(f, "F16", "byte", 32, 2, func(queries int) {
		f.op("VLD1.P (R10)(R6), [V0.H8, V1.H8, V2.H8, V3.H8]")
		for j := range queries {
			f.op("VLD1R.P 4(R%d), [V%d.S4]", 8+j, 6+j)
		}
		for i := range 4 {
			f.v("fcvtl v4.4s, v%d.4h\nfcvtl2 v5.4s, v%[1]d.8h", i)
			for j := range queries {
				for half := range 2 {
					f.v("fmla v%d.4s, v%d.4s, v%d.4s", 16+8*j+2*i+half, 4+half, 6+j)
				}
			}
		}
	}, func(int) {})
}

// weigh takes sixteen columns of up to four queries at a time. read widens those
// of the value at R17 to V0 to V3 and moves R17 on by the R8 bytes of a
// position.
func weigh(f *file, suffix string, bytes int, read func()) {
	name, element := "weigh"+suffix+"NEON", map[int]string{4: "float32", 2: "byte"}[bytes]
	f.function(name, "a *float32, p *float32, v *"+element+", n int, positions int, cols int, d int, stride int, width int", "",
		name+" adds values times weights, for n queries and a multiple of 16 columns:",
		"for j := range n {\n\tfor i := range positions {\n\t\tfor c := range cols {\n\t\t\ta[d·j+c] += p[stride·j+i] · v[width·i+c]\n\t\t}\n\t}\n}")
	f.load("a", "p", "v", "n", "positions", "cols", "d", "stride", "width")
	f.op("LSR $4, R5\nLSL $2, R6\nLSL $2, R7\nLSL $%d, R8", bytes/2)
	f.groups("R3", 4, func(queries int) {
		f.op("MOVD R5, R9\nMOVD R0, R10\nMOVD R2, R11")
		f.loop("R9", func() {
			rows := func(op string) {
				f.op("MOVD R10, R12")
				for j := range queries {
					f.op("%s\nADD R6, R12", fmt.Sprintf(op, vectors(16+4*j)))
				}
			}
			rows("VLD1 (R12), %s")
			f.op("MOVD R1, R13")
			for j := 1; j < queries; j++ {
				f.op("ADD R7, R%d, R%d", 12+j, 13+j)
			}
			f.op("MOVD R11, R17\nMOVD R4, R19")
			f.loop("R19", func() {
				read()
				for j := range queries {
					f.op("VLD1R.P 4(R%d), [V8.S4]", 13+j)
					each(func(i int) { f.v("fmla v%d.4s, v%d.4s, v8.4s", 16+4*j+i, i) })
				}
			})
			rows("VST1 %s, (R12)")
			f.op("ADD $64, R10\nADD $%d, R11", 16*bytes)
		})
		for range queries {
			f.op("ADD R6, R0\nADD R7, R1")
		}
	})
	f.ret()
}
