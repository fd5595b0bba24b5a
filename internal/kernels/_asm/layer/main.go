// Command layer writes the kernels between the matrices: loops over vectors of
// float32. All take n, a positive multiple of 16.
package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/akadata/bitnet-tool/internal/kernels/_asm/emit"
)

// panelRows is how many rows of sums lie between two tokens.
const panelRows = 64

func main() {
	table := expTable()
	for _, isa := range []emit.ISA{emit.AVX2, emit.AVX512} {
		add(isa)
		reluMul(isa)
		siluMul(isa, table)
		scaleSums(isa)
		scaleMax(isa)
		expSums(isa, table)
		squares(isa)
		normalize(isa)
		rotate(isa)
		absMax(isa)
		quantize(isa)
	}
	prefetch()
	Generate()
}

// each loops over n elements, a vector at a time. body finds the vectors at at
// of the pointers.
func each(isa emit.ISA, n Register, pointers []Register, body func(at func(pointer, i int) Mem)) {
	Label("loop")
	body(func(p, i int) Mem { return Mem{Base: pointers[p], Disp: i} })
	for _, p := range pointers {
		ADDQ(I32(4*int(isa)), p)
	}
	SUBQ(I32(int(isa)), n)
	JG(LabelRef("loop"))
}

func args(names ...string) []Register {
	var all []Register
	for _, n := range names {
		all = append(all, emit.Arg(n))
	}
	return all
}

func spread(isa emit.ISA, param string) VecVirtual {
	v, x := isa.Vec(), XMM()
	Load(Param(param), x)
	VBROADCASTSS(x, v)
	return v
}

func add(isa emit.ISA) {
	emit.Kernel("add"+isa.String(), "func(dst, x *float32, n int)", `adds n elements:

	for i := range n {
		dst[i] += x[i]
	}`)
	p := args("dst", "x")
	each(isa, emit.Arg("n"), p, func(at func(p, i int) Mem) {
		v := isa.Load(at(0, 0))
		VADDPS(at(1, 0), v, v)
		VMOVUPS(v, at(0, 0))
	})
	emit.End()
}

func reluMul(isa emit.ISA) {
	emit.Kernel("relu2Mul"+isa.String(), "func(a, b *float32, n int)", `gates n elements:

	for i := range n {
		v := max(a[i], 0)
		a[i] = float32(v*v) * b[i]
	}`)
	p := args("a", "b")
	zero := isa.Zero()
	each(isa, emit.Arg("n"), p, func(at func(p, i int) Mem) {
		v := isa.Load(at(0, 0))
		VMAXPS(v, zero, v) // gives the operand named first, v, if that is NaN
		VMULPS(v, v, v)
		VMULPS(at(1, 0), v, v)
		VMOVUPS(v, at(0, 0))
	})
	emit.End()
}

func siluMul(isa emit.ISA, table Mem) {
	emit.Kernel("siluMul"+isa.String(), "func(a, b *float32, n int)", `gates n elements:

	for i := range n {
		v := a[i]
		a[i] = float32(v/(1+exp(-v))) * b[i]
	}`)
	p := args("a", "b")
	sign, one := isa.Broadcast(1<<31), isa.Broadcast(math.Float32bits(1))
	each(isa, emit.Arg("n"), p, func(at func(p, i int) Mem) {
		v, w := isa.Load(at(0, 0)), isa.Vec()
		VXORPS(sign, v, w)
		exponential(isa, table, w)
		VADDPS(one, w, w)
		VDIVPS(w, v, w)
		VMULPS(at(1, 0), w, w)
		VMOVUPS(w, at(0, 0))
	})
	emit.End()
}

func scaleSums(isa emit.ISA) {
	emit.Kernel("scaleSums"+isa.String(), "func(dst *float32, sums, offset *int32, divisor *float32, tokens, n, stride int, first, last float32)",
		`makes results of the exact sums of n rows, a multiple of 16, and tokens:

	for t := range tokens {
		for r := range n {
			v := float32(sums[64·t+r]) - float32(offset[t])
			dst[stride·t+r] = float32(float32(v*first)/divisor[t]) * last
		}
	}`)
	dst, sums, offset, divisor := emit.Arg("dst"), emit.Arg("sums"), emit.Arg("offset"), emit.Arg("divisor")
	tokens, n, stride := emit.Arg("tokens"), emit.Arg("n"), emit.Arg("stride")
	first, last := spread(isa, "first"), spread(isa, "last")
	SHLQ(Imm(2), stride)
	Label("token")
	o, d := isa.Vec(), isa.Vec()
	VPBROADCASTD(Mem{Base: offset}, o)
	VCVTDQ2PS(o, o)
	VBROADCASTSS(Mem{Base: divisor}, d)
	r := GP64()
	XORQ(r, r)
	Label("rows")
	v := isa.Vec()
	VCVTDQ2PS(Mem{Base: sums, Index: r, Scale: 4}, v)
	VSUBPS(o, v, v)
	VMULPS(first, v, v)
	VDIVPS(d, v, v)
	VMULPS(last, v, v)
	VMOVUPS(v, Mem{Base: dst, Index: r, Scale: 4})
	ADDQ(I32(int(isa)), r)
	CMPQ(r, n)
	JL(LabelRef("rows"))
	ADDQ(stride, dst)
	ADDQ(I32(4*panelRows), sums)
	ADDQ(Imm(4), offset)
	ADDQ(Imm(4), divisor)
	DECQ(tokens)
	JNZ(LabelRef("token"))
	emit.End()
}

func scaleMax(isa emit.ISA) {
	emit.Kernel("scaleMax"+isa.String(), "func(x *float32, n int, scale float32) float32",
		`scales n elements and gives the largest; NaN is passed over:

	for i := range n {
		x[i] *= scale
		if x[i] > most {
			most = x[i]
		}
	}`)
	scale := spread(isa, "scale")
	acc := sixteen(isa, emit.Arg("n"), args("x"), 4, float32(math.Inf(-1)), func(at func(p, i int) Mem, acc []VecVirtual) {
		for i := range acc {
			v := isa.Load(at(0, i*4*int(isa)))
			VMULPS(scale, v, v)
			VMAXPS(acc[i], v, acc[i]) // gives the operand named first if the other is NaN
			VMOVUPS(v, at(0, i*4*int(isa)))
		}
	})
	Store(emit.Fold(acc, func(a, b, c Op) { VMAXPS(a, b, c) }), ReturnIndex(0))
	emit.End()
}

// sixteen loops over n elements with vectors acc of sixteen partial results,
// of so many bytes each, which start as the float32 from, or 0 of any type.
func sixteen(isa emit.ISA, n Register, pointers []Register, bytes int, from float32, body func(at func(p, i int) Mem, acc []VecVirtual)) []VecVirtual {
	var acc []VecVirtual
	for i := 0; i < 16*bytes; i += 4 * int(isa) {
		if from == 0 {
			acc = append(acc, isa.Zero())
		} else {
			acc = append(acc, isa.Broadcast(math.Float32bits(from)))
		}
	}
	Label("loop")
	body(func(p, i int) Mem { return Mem{Base: pointers[p], Disp: i} }, acc)
	for _, p := range pointers {
		ADDQ(I32(64), p)
	}
	SUBQ(I32(16), n)
	JG(LabelRef("loop"))
	return acc
}

func expSums(isa emit.ISA, table Mem) {
	emit.Kernel("expSums"+isa.String(), "func(x *float32, n int, most float32) float64",
		`takes the exponentials of n elements and sums them in sixteen parts:

	for i := range n {
		x[i] = exp(x[i] - most)
		s[i%16] += float64(x[i])
	}
	return fold(s)`)
	most := spread(isa, "most")
	acc := sixteen(isa, emit.Arg("n"), args("x"), 8, 0, func(at func(p, i int) Mem, acc []VecVirtual) {
		for i := range len(acc) / 2 {
			v := isa.Load(at(0, i*4*int(isa)))
			VSUBPS(most, v, v)
			exponential(isa, table, v)
			VMOVUPS(v, at(0, i*4*int(isa)))
			widen(isa, v, acc[2*i], acc[2*i+1])
		}
	})
	Store(emit.FoldFloat64(acc), ReturnIndex(0))
	emit.End()
}

// widen adds the two halves of v as float64 to sums.
func widen(isa emit.ISA, v, low, high VecVirtual) {
	d := isa.Vec()
	if isa == emit.AVX2 {
		x := XMM()
		VCVTPS2PD(v.AsX(), d)
		VADDPD(d, low, low)
		VEXTRACTF128(U8(1), v, x)
		VCVTPS2PD(x, d)
	} else {
		y := YMM()
		VCVTPS2PD(v.AsY(), d)
		VADDPD(d, low, low)
		VEXTRACTF64X4(U8(1), v, y)
		VCVTPS2PD(y, d)
	}
	VADDPD(d, high, high)
}

func squares(isa emit.ISA) {
	emit.Kernel("squares"+isa.String(), "func(x *float32, n int) float64", `sums n squares in sixteen parts:

	for i := range n {
		s[i%16] += float64(float32(x[i] * x[i]))
	}
	return fold(s)`)
	acc := sixteen(isa, emit.Arg("n"), args("x"), 8, 0, func(at func(p, i int) Mem, acc []VecVirtual) {
		for i := range len(acc) / 2 {
			v := isa.Load(at(0, i*4*int(isa)))
			VMULPS(v, v, v)
			widen(isa, v, acc[2*i], acc[2*i+1])
		}
	})
	Store(emit.FoldFloat64(acc), ReturnIndex(0))
	emit.End()
}

func normalize(isa emit.ISA) {
	emit.Kernel("normalize"+isa.String(), "func(dst, x, gain *float32, n int, r float32)", `scales n elements:

	for i := range n {
		dst[i] = float32(x[i]*r) * gain[i]
	}`)
	p, r := args("dst", "x", "gain"), spread(isa, "r")
	each(isa, emit.Arg("n"), p, func(at func(p, i int) Mem) {
		v := isa.Vec()
		VMULPS(at(1, 0), r, v)
		VMULPS(at(2, 0), v, v)
		VMOVUPS(v, at(0, 0))
	})
	emit.End()
}

func rotate(isa emit.ISA) {
	emit.Kernel("rotate"+isa.String(), "func(a, b, cos, sin *float32, n int)", `turns n pairs:

	for i := range n {
		a[i], b[i] = float32(a[i]*cos[i]) - float32(b[i]*sin[i]), float32(a[i]*sin[i]) + float32(b[i]*cos[i])
	}`)
	p := args("a", "b", "cos", "sin")
	each(isa, emit.Arg("n"), p, func(at func(p, i int) Mem) {
		a, b, c, s := isa.Load(at(0, 0)), isa.Load(at(1, 0)), isa.Load(at(2, 0)), isa.Load(at(3, 0))
		ac, bs := isa.Vec(), isa.Vec()
		VMULPS(a, c, ac)
		VMULPS(b, s, bs)
		VSUBPS(bs, ac, ac)
		VMOVUPS(ac, at(0, 0))
		VMULPS(a, s, s)
		VMULPS(b, c, c)
		VADDPS(c, s, s)
		VMOVUPS(s, at(1, 0))
	})
	emit.End()
}

func absMax(isa emit.ISA) {
	emit.Kernel("absMax"+isa.String(), "func(x *float32, n int) uint32",
		`gives the largest magnitude of n elements by its bits, whose order puts NaN
above Inf:

	for i := range n {
		most = max(most, Float32bits(x[i])&^(1<<31))
	}`)
	mask := isa.Broadcast(1<<31 - 1)
	acc := sixteen(isa, emit.Arg("n"), args("x"), 4, 0, func(at func(p, i int) Mem, acc []VecVirtual) {
		for i := range acc {
			v := isa.Vec()
			VANDPS(at(0, i*4*int(isa)), mask, v)
			VPMAXSD(v, acc[i], acc[i])
		}
	})
	bits := GP32()
	VMOVD(emit.Fold(acc, func(a, b, c Op) { VPMAXSD(a, b, c) }), bits)
	Store(bits, ReturnIndex(0))
	emit.End()
}

func quantize(isa emit.ISA) {
	emit.Kernel("quantize"+isa.String(), "func(q *int8, x *float32, n int, scale float32) int32",
		`rounds n elements to integers, halves to even, and sums them:

	for i := range n {
		q[i] = clamp(round(float32(x[i] * scale)))
		sum += q[i]
	}`)
	q, scale := emit.Arg("q"), spread(isa, "scale")
	acc := sixteen(isa, emit.Arg("n"), args("x"), 4, 0, func(at func(p, i int) Mem, acc []VecVirtual) {
		var v []VecVirtual
		for i := range acc {
			d := isa.Vec()
			VMULPS(at(0, i*4*int(isa)), scale, d)
			VCVTPS2DQ(d, d)
			VPADDD(d, acc[i], acc[i])
			v = append(v, d)
		}
		x := XMM()
		if isa == emit.AVX2 {
			VPACKSSDW(v[1], v[0], v[0])           // of 16 bits: 0-3, 8-11; 4-7, 12-15
			VPERMQ(U8(0b11_01_10_00), v[0], v[0]) // in order
			VEXTRACTI128(U8(1), v[0], x)
			VPACKSSWB(x, v[0].AsX(), x)
		} else {
			VPMOVSDB(v[0], x)
		}
		VMOVUPS(x, Mem{Base: q})
		ADDQ(Imm(16), q)
	})
	sum := GP32()
	VMOVD(emit.Fold(acc, func(a, b, c Op) { VPADDD(a, b, c) }), sum)
	Store(sum, ReturnIndex(0))
	emit.End()
}

// prefetch is for every processor of the kind.
func prefetch() {
	emit.Kernel("prefetch", "func(p *byte, n int)", `asks for n bytes, a positive number:

	for i := 0; i < n; i += 64 {
		p[i] // into the second cache
	}`)
	p, n := emit.Arg("p"), emit.Arg("n")
	Label("lines")
	PREFETCHT1(Mem{Base: p})
	ADDQ(I32(64), p)
	SUBQ(I32(64), n)
	JG(LabelRef("lines"))
	emit.End()
}
