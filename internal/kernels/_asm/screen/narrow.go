package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/akadata/bitnet-tool/internal/kernels/_asm/emit"
)

// narrow rounds weights to bytes, sixteen at a time.
func narrow(isa emit.ISA) {
	emit.Kernel("narrow"+isa.String(), "func(dst *byte, w *float32, n int, inv float32) (errors, squares float32)",
		`rounds n weights, a multiple of 16, to bytes:

	for i := range n {
		v := float32(w[i] * inv)
		e[i%16] += (v - round(v))²
		s[i%16] += v²
		dst[i] = round(v) + 128
	}
	return fold(e), fold(s)`)
	dst, src, n := emit.Arg("dst"), emit.Arg("w"), emit.Arg("n")
	inv, x := isa.Vec(), XMM()
	Load(Param("inv"), x)
	VBROADCASTSS(x, inv)
	bias := isa.Broadcast(128)
	parts := 16 / int(isa)
	var errors, squares []VecVirtual
	for range parts {
		errors, squares = append(errors, isa.Zero()), append(squares, isa.Zero())
	}
	Label("loop")
	q := make([]VecVirtual, parts)
	for i := range parts {
		v, near := isa.Load(Mem{Base: src, Disp: 4 * int(isa) * i}), isa.Vec()
		q[i] = isa.Vec()
		VMULPS(inv, v, v)
		VCVTPS2DQ(v, q[i])
		VCVTDQ2PS(q[i], near)
		VSUBPS(near, v, near)
		VMULPS(near, near, near)
		VADDPS(near, errors[i], errors[i])
		VMULPS(v, v, v)
		VADDPS(v, squares[i], squares[i])
		VPADDD(bias, q[i], q[i])
	}
	if isa == emit.AVX512 {
		VPMOVDB(q[0], Mem{Base: dst})
	} else {
		VPACKUSDW(q[1], q[0], q[0]) // four of one, four of the other, in each half
		VPERMQ(U8(0xd8), q[0], q[0])
		VEXTRACTI128(U8(1), q[0], x)
		VPACKUSWB(x, q[0].AsX(), x)
		VMOVDQU(x, Mem{Base: dst})
	}
	ADDQ(I32(64), src)
	ADDQ(I32(16), dst)
	SUBQ(I32(16), n)
	JNZ(LabelRef("loop"))
	sums := [2]Register{emit.FoldFloat32(errors), emit.FoldFloat32(squares)}
	for i, s := range sums {
		Store(s, ReturnIndex(i))
	}
	emit.End()
}

// estimateNarrow multiplies bytes with both planes and puts the sums together
// at the end of a row. AVX2 widens to 16 bits first: a sum of two products of
// 16 would be too large.
func estimateNarrow(isa emit.ISA) {
	emit.Kernel("estimateNarrow"+isa.String(), "func(dst *float32, rows *byte, planes *int8, n, cols int, offset int64)",
		`multiplies n rows of cols bytes, a multiple of 64, with the planes of a
token:

	for r := range n {
		sum := offset
		for c := range cols {
			sum += int64(rows[r][c]) * (256*planes[c] + planes[cols+c])
		}
		dst[r] = float32(sum)
	}`)
	m := emit.Matrix{
		Dst: emit.Arg("dst"), Rows: emit.Arg("rows"), Once: emit.Arg("planes"),
		N: emit.Arg("n"), Bytes: emit.Arg("cols"),
	}
	offset := emit.Arg("offset")
	m.Tiles(1, func(int) {
		high, low := isa.Zero(), isa.Zero()
		w := m.Walk(1)
		left := GP64()
		MOVQ(m.Bytes, left)
		Label("row")
		at := w.Row(0)
		PREFETCHT1(at.Offset(emit.Ahead))
		if isa == emit.AVX512 {
			x := ZMM()
			VMOVDQU64(at, x)
			VPDPBUSD(Mem{Base: w.At}, x, high)
			VPDPBUSD(indexed(w.At, m.Bytes, 0), x, low)
		} else {
			for c := 0; c < 64; c += 16 {
				x, h, l := YMM(), YMM(), YMM()
				VPMOVZXBW(at.Offset(c), x)
				VPMOVSXBW(Mem{Base: w.At, Disp: c}, h)
				VPMOVSXBW(indexed(w.At, m.Bytes, c), l)
				VPMADDWD(x, h, h)
				VPMADDWD(x, l, l)
				VPADDD(h, high, high)
				VPADDD(l, low, low)
			}
		}
		w.Advance(64, 64)
		SUBQ(I32(64), left)
		JNZ(LabelRef("row"))
		sum, lower := GP64(), GP64()
		VMOVD(emit.SumInt32(high), sum.As32())
		VMOVD(emit.SumInt32(low), lower.As32())
		MOVLQSX(sum.As32(), sum)
		MOVLQSX(lower.As32(), lower)
		SHLQ(U8(8), sum)
		ADDQ(lower, sum)
		ADDQ(offset, sum)
		f := XMM()
		VXORPS(f, f, f)
		VCVTSI2SSQ(sum, f, f)
		VMOVSS(f, Mem{Base: m.Dst})
	})
	emit.End()
}
