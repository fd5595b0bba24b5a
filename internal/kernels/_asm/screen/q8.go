package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/akadata/bitnet-tool/internal/kernels/_asm/emit"
)

const estimateQ8Loop = `multiplies n rows of blocks of a scale and 32 int8
w with a token x in fixed point:

	for r := range n {
		var s [16]float32
		for b := range blocks {
			for k := range 8 {
				s[8*(b%2)+k] += d[r][b] * float32(Σ w[r][32*b+4*k+i] * x[32*b+4*k+i], i < 4)
			}
		}
		dst[r] = fold(s)
	}`

// estimateQ8AVX512 takes two blocks at a time. Weights are multiplied as
// unsigned bytes, 128 more than they are, and quads, from which the lower sums
// start, take that off: quads[j] is -128 times the sum of x[4j] and the three
// that follow.
func estimateQ8AVX512() {
	emit.Kernel("estimateQ8AVX512", "func(dst *float32, rows *byte, planes *int8, quads *int32, n, bytes, blocks int)", estimateQ8Loop)
	m := emit.Matrix{
		Dst: emit.Arg("dst"), Rows: emit.Arg("rows"), Once: emit.Arg("planes"),
		N: emit.Arg("n"), Bytes: emit.Arg("bytes"),
	}
	quads, blocks := emit.Arg("quads"), emit.Arg("blocks")
	cols := GP64()
	MOVQ(blocks, cols)
	SHLQ(U8(5), cols)
	bias, spread, lower := emit.AVX512.Broadcast(0x80808080), ZMM(), K()
	upper := K()
	KMOVW(emit.Const(0xff00).As32(), upper)
	VPBROADCASTD_Z(emit.Const(1).As32(), upper, spread) // eight times 0, eight times 1
	KMOVW(emit.Const(0x00ff).As32(), lower)
	quarter := K() // the lower half in words of eight bytes
	KMOVB(emit.Const(0x0f).As32(), quarter)
	m.Tiles(1, func(int) {
		sum := emit.AVX512.Zero()
		w := m.Walk(1)
		from, left := GP64(), GP64()
		MOVQ(quads, from)
		MOVQ(blocks, left)
		step := func(two bool) {
			at, x, high, low := w.Row(0), ZMM(), emit.AVX512.Zero(), ZMM()
			PREFETCHT1(at.Offset(emit.Ahead))
			PREFETCHT1(at.Offset(emit.Ahead + 64))
			VMOVDQU(at.Offset(2), x.AsY())
			d, d1, scales := GP64(), GP64(), ZMM()
			MOVWLZX(at, d.As32())
			if two {
				VINSERTI64X4(U8(1), at.Offset(36), x, x)
				MOVWLZX(at.Offset(34), d1.As32())
				SHLL(U8(16), d1.As32())
				ORL(d1.As32(), d.As32())
			}
			VPXORD(bias, x, x)
			if two {
				VPDPBUSD(Mem{Base: w.At}, x, high)
				VMOVDQU64(Mem{Base: from}, low)
				VPDPBUSD(indexed(w.At, cols, 0), x, low)
			} else {
				p := ZMM()
				VMOVDQU64_Z(Mem{Base: w.At}, quarter, p)
				VPDPBUSD(p, x, high)
				VMOVDQU64_Z(indexed(w.At, cols, 0), quarter, p)
				VMOVDQU32_Z(Mem{Base: from}, lower, low)
				VPDPBUSD(p, x, low)
			}
			VMOVD(d.As32(), scales.AsX())
			VCVTPH2PS(scales.AsX(), scales.AsX())
			VPERMPS(scales, spread, scales)
			VPSLLD(U8(8), high, high)
			VPADDD(high, low, low)
			addScaled(low, scales, sum)
		}
		SUBQ(I32(2), left)
		JL(LabelRef("last"))
		Label("row")
		step(true)
		w.Advance(68, 64)
		ADDQ(I32(64), from)
		SUBQ(I32(2), left)
		JGE(LabelRef("row"))
		Label("last")
		ADDQ(I32(2), left)
		JZ(LabelRef("fold"))
		step(false)
		Label("fold")
		VMOVD(emit.FoldFloat32([]VecVirtual{sum}), Mem{Base: m.Dst})
	})
	emit.End()
}

// estimateQ8AVX2 widens to 16 bits. Sums of four come in the order 0, 1, 4, 5,
// 2, 3, 6, 7, which does not matter until they are folded.
func estimateQ8AVX2() {
	emit.Kernel("estimateQ8AVX2", "func(dst *float32, rows *byte, x *int16, n, bytes, blocks int)", estimateQ8Loop)
	m := emit.Matrix{
		Dst: emit.Arg("dst"), Rows: emit.Arg("rows"), Once: emit.Arg("x"),
		N: emit.Arg("n"), Bytes: emit.Arg("bytes"),
	}
	blocks := emit.Arg("blocks")
	m.Tiles(1, func(int) {
		sum := []VecVirtual{emit.AVX2.Zero(), emit.AVX2.Zero()}
		w := m.Walk(1)
		left := GP64()
		MOVQ(blocks, left)
		step := func(n int) {
			for b := range n {
				at := w.Row(0).Offset(34 * b)
				PREFETCHT1(at.Offset(emit.Ahead))
				var p [2]VecVirtual
				for i := range p {
					p[i] = YMM()
					VPMOVSXBW(at.Offset(2+16*i), p[i])
					VPMADDWD(Mem{Base: w.At, Disp: 64*b + 32*i}, p[i], p[i])
				}
				VPHADDD(p[1], p[0], p[0])
				addScaled(p[0], half(emit.AVX2, at), sum[b])
			}
			w.Advance(34*n, 64*n)
		}
		SUBQ(I32(2), left)
		JL(LabelRef("last"))
		Label("row")
		step(2)
		SUBQ(I32(2), left)
		JGE(LabelRef("row"))
		Label("last")
		ADDQ(I32(2), left)
		JZ(LabelRef("fold"))
		step(1)
		Label("fold")
		for _, s := range sum {
			VPERMQ(U8(0xd8), s, s)
		}
		VMOVD(emit.FoldFloat32(sum), Mem{Base: m.Dst})
	})
	emit.End()
}
