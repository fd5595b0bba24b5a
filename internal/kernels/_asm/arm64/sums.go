package main

import "math"

// Vectors that hold constants of exp.go in loops with exponentials; bias is an
// integer.
const (
	least = 8 + iota
	most
	log2e
	magic
	high
	low
	one
	bias
	polynomial // five, the highest power first
)

func (f *file) expConstants() {
	for i, x := range []float32{
		-104, 89, 1.44269504, 3 << 22, 0.693145751953125, 1.4286068e-06, 1, 0,
		0.001392625, 0.008363233, 0.041666552, 0.16666576, 0.5,
	} {
		bits := math.Float32bits(x)
		if least+i == bias {
			bits = 127
		}
		f.constant(least+i, bits)
	}
}

// exp replaces the elements of a vector by their exponentials. It does what exp
// in exp.go does, step by step; it needs V25 to V28.
func (f *file) exp(v int) {
	arithmetic := func(op string, dst, a, b int) { f.v("%s v%d.4s, v%d.4s, v%d.4s", op, dst, a, b) }
	const t, k, p, n = 25, 26, 27, 28
	arithmetic("fmax", v, v, least) // both keep NaN
	arithmetic("fmin", v, v, most)
	arithmetic("fmul", t, v, log2e)
	arithmetic("fadd", t, t, magic)
	arithmetic("fsub", k, t, magic)
	arithmetic("fmul", n, k, high)
	arithmetic("fsub", v, v, n)
	arithmetic("fmul", n, k, low)
	arithmetic("fsub", v, v, n)

	arithmetic("fmul", p, v, polynomial)
	for i := 1; i < 5; i++ {
		arithmetic("fadd", p, p, polynomial+i)
		if i < 4 {
			arithmetic("fmul", p, p, v)
		}
	}
	arithmetic("fmul", n, v, v)
	arithmetic("fmul", p, n, p)
	arithmetic("fadd", p, p, v)
	arithmetic("fadd", p, p, one)

	arithmetic("sub", t, t, magic)
	f.v("sshr v%d.4s, v%d.4s, #1", n, t)
	arithmetic("sub", t, t, n)
	for _, factor := range []int{n, t} {
		arithmetic("add", factor, factor, bias)
		f.v("shl v%d.4s, v%[1]d.4s, #23", factor)
	}
	arithmetic("fmul", p, p, n)
	arithmetic("fmul", v, p, t)
}

// sums writes the kernels of RMSNorm and softmax that give one number; sums are
// of float64, in sixteen parts.
func sums(f *file) {
	f.function("scaleMaxNEON", "x *float32, n int, scale float32", "float32",
		"scaleMaxNEON scales n elements and gives the largest; NaN is passed over:",
		"for i := range n {\n\tx[i] *= scale\n\tif x[i] > most {\n\t\tmost = x[i]\n\t}\n}")
	f.load("x", "n")
	f.op("FMOVS scale+16(FP), F17\nLSR $4, R1")
	f.constant(16, math.Float32bits(float32(math.Inf(-1))))
	f.loop("R1", func() {
		f.op("VLD1 (R0), %s", vectors(0))
		each(func(i int) { f.v("fmul v%d.4s, v%[1]d.4s, v17.s[0]", i) })
		f.op("VST1.P %s, 64(R0)", vectors(0))
		each(func(i int) { f.v("fmaxnm v16.4s, v16.4s, v%d.4s", i) })
	})
	f.v("fmaxnmv s16, v16.4s")
	f.op("FMOVS F16, ret+24(FP)")
	f.ret()

	const parts = "s[i%16] += float64("
	f.function("squaresNEON", "x *float32, n int", "float64",
		"squaresNEON sums n squares in sixteen parts:",
		"for i := range n {\n\t"+parts+"float32(x[i] * x[i]))\n}\nreturn fold(s)")
	f.load("x", "n")
	f.op("LSR $4, R1")
	f.zeroParts(16)
	f.loop("R1", func() {
		f.op("VLD1.P 64(R0), %s", vectors(0))
		each(func(i int) {
			f.v("fmul v%d.4s, v%[1]d.4s, v%[1]d.4s", i)
			f.addParts(16+2*i, i, 8)
		})
	})
	f.foldParts(16)
	f.op("FMOVD F16, ret+16(FP)")
	f.ret()

	f.function("expSumsNEON", "x *float32, n int, most float32", "float64",
		"expSumsNEON takes the exponentials of n elements and sums them in sixteen parts:",
		"for i := range n {\n\tx[i] = exp(x[i] - most)\n\t"+parts+"x[i])\n}\nreturn fold(s)")
	f.load("x", "n")
	f.expConstants()
	f.op("FMOVS most+16(FP), F22\nLSR $4, R1")
	f.v("dup v22.4s, v22.s[0]")
	f.zeroParts(0)
	f.loop("R1", func() {
		for i := range 4 {
			f.op("VLD1 (R0), [V21.S4]")
			f.v("fsub v21.4s, v21.4s, v22.4s")
			f.exp(21)
			f.op("VST1.P [V21.S4], 16(R0)")
			f.addParts(2*i, 21, 25)
		}
	})
	f.foldParts(0)
	f.op("FMOVD F0, ret+24(FP)")
	f.ret()
}

// zeroParts clears the sixteen sums of float64 in eight vectors.
func (f *file) zeroParts(v int) {
	for i := range 8 {
		f.zero(v + i)
	}
}

// addParts adds the elements of a vector of float32 to two vectors of sums.
func (f *file) addParts(sum, v, t int) {
	f.v("fcvtl v%d.2d, v%d.2s\nfadd v%d.2d, v%[3]d.2d, v%[1]d.2d", t, v, sum)
	f.v("fcvtl2 v%d.2d, v%d.4s\nfadd v%d.2d, v%[3]d.2d, v%[1]d.2d", t, v, sum+1)
}

// foldParts folds eight vectors of sums to the first element of the first.
func (f *file) foldParts(v int) {
	for half := 4; half > 0; half /= 2 {
		for i := range half {
			f.v("fadd v%d.2d, v%[1]d.2d, v%d.2d", v+i, v+i+half)
		}
	}
	f.v("faddp d%d, v%[1]d.2d", v)
}
