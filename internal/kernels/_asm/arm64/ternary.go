package main

// Kernels that multiply rows of codes with one token of int8 activations,
// straight from the bytes of the file. A row after the other: with eight loads
// of activations to two of codes the arithmetic is still what takes longest.

func ternary(f *file) {
	for _, isa := range []string{"NEON", "DotProd"} {
		twoBits{"I2S", 1, [4]int{6, 4, 2, 0}, false}.kernel(f, isa)
		twoBits{"TQ2", 2, [4]int{0, 2, 4, 6}, true}.kernel(f, isa)
		q8(f, isa)
	}
}

const (
	prefetch   = "PRFM 2048(R1), PLDL1KEEP"
	rowsParams = "dst *int32, rows *byte, q *int8, n int, bytes int, cols int"
	rowsLoop   = "for r := range n {\n\tdst[r] = Σ code(r, c) · q[c]\n}"
	rowsDoc    = " multiplies n rows of codes, bytes each, with cols int8"
	scaledDoc  = ", and says by\na number other than 0 that a block has another scale:"
)

// twoBits is a format of 32 bytes for 128 weights, of which the k-th 32 are in
// the bits from shifts[k] on, in blocks of some such and, if scaled, a scale.
type twoBits struct {
	name   string
	halves int
	shifts [4]int
	scaled bool
}

// kernel does not shift codes but masks them, so that those of the bits from 2
// on count fourfold and those from 4 on sixteenfold, and sums them apart: in
// V16 those from 6 and 0 on, in V17 those from 2, in V18 those from 4.
func (t twoBits) kernel(f *file, isa string) {
	begin(f, "mul"+t.name+isa, t.scaled)
	f.v("movi v24.16b, #3\nmovi v25.16b, #12\nmovi v26.16b, #48")
	f.loop("R3", func() {
		f.op("MOVD R2, R5")
		f.op("LSR $%d, R4, R6", 6+t.halves)
		f.zero(16, 17, 18, 19)
		f.loop("R6", func() {
			f.op(prefetch)
			for range t.halves {
				f.op("VLD1.P 32(R1), [V0.B16, V1.B16]")
				for _, shift := range t.shifts {
					f.op("VLD1.P 32(R5), [V4.B16, V5.B16]")
					t.dot(f, isa, shift)
				}
			}
			if t.scaled {
				compareScale(f)
			}
		})
		f.v("sshr v17.4s, v17.4s, #2\nsshr v18.4s, v18.4s, #4")
		f.v("add v16.4s, v16.4s, v17.4s\nadd v18.4s, v18.4s, v19.4s\nadd v16.4s, v16.4s, v18.4s")
		store(f)
	})
	end(f, t.scaled)
}

// dot multiplies the codes from shift on with V4 and V5.
func (t twoBits) dot(f *file, isa string, shift int) {
	sum := map[int]int{0: 16, 2: 17, 4: 18, 6: 19}[shift]
	for i := range 2 {
		if shift == 6 {
			f.v("ushr v%d.16b, v%d.16b, #6", 2+i, i)
		} else {
			f.v("and v%d.16b, v%d.16b, v%d.16b", 2+i, i, 24+shift/2)
		}
	}
	if isa == "DotProd" {
		f.v("sdot v%d.4s, v2.16b, v4.16b\nsdot v%[1]d.4s, v3.16b, v5.16b", sum)
		return
	}
	// Four products of at most 48 · 128 fit 16 bits.
	f.v("smull v6.8h, v2.8b, v4.8b\nsmlal2 v6.8h, v2.16b, v4.16b")
	f.v("smlal v6.8h, v3.8b, v5.8b\nsmlal2 v6.8h, v3.16b, v5.16b")
	f.v("sadalp v%d.4s, v6.8h", sum)
}

// q8 multiplies blocks of a scale and 32 int8.
func q8(f *file, isa string) {
	begin(f, "mulQ8"+isa, true)
	f.loop("R3", func() {
		f.op("MOVD R2, R5")
		f.op("LSR $5, R4, R6")
		f.zero(16, 17)
		f.loop("R6", func() {
			f.op(prefetch)
			compareScale(f)
			f.op("VLD1.P 32(R1), [V0.B16, V1.B16]")
			f.op("VLD1.P 32(R5), [V4.B16, V5.B16]")
			for i := range 2 {
				if isa == "DotProd" {
					f.v("sdot v%d.4s, v%d.16b, v%d.16b", 16+i, i, 4+i)
					continue
				}
				f.v("smull v6.8h, v%d.8b, v%d.8b\nsmull2 v7.8h, v%[1]d.16b, v%d.16b", i, 4+i)
				f.v("sadalp v16.4s, v6.8h\nsadalp v17.4s, v7.8h")
			}
		})
		f.v("add v16.4s, v16.4s, v17.4s")
		store(f)
	})
	end(f, true)
}

// begin puts dst, rows, q, n and cols into R0 to R4, and what scales must be
// into R7; R8 is for the bits of scales that differ.
func begin(f *file, name string, scaled bool) {
	params, result, doc := rowsParams, "", rowsDoc+":"
	if scaled {
		params, result, doc = params+", scale uint16", "uint32", rowsDoc+scaledDoc
	}
	f.function(name, params, result, name+doc, rowsLoop)
	f.load("dst", "rows", "q", "n")
	f.op("MOVD cols+40(FP), R4")
	if scaled {
		f.op("MOVHU scale+48(FP), R7\nMOVD $0, R8")
	}
}

func compareScale(f *file) {
	f.op("MOVHU.P 2(R1), R9\nEOR R7, R9\nORR R9, R8")
}

// store adds up V16 and stores the sum of a row.
func store(f *file) {
	f.v("addv s16, v16.4s")
	f.op("FMOVS.P F16, 4(R0)")
}

func end(f *file, scaled bool) {
	if scaled {
		f.op("MOVW R8, ret+56(FP)")
	}
	f.ret()
}
