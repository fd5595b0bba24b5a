package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/akadata/bitnet-tool/internal/kernels/_asm/emit"
)

// q8 multiplies blocks of a scale and 32 int8. AVX-512 multiplies int8 with
// unsigned bytes only: it takes the weights plus 128, and 128 times the
// activations off the sum. AVX2 widens both to 16 bits.
func q8(isa emit.ISA) {
	m, cols, scale, mixed := twoBits{name: "Q8", scaled: true}.matrix(isa)
	if isa == emit.AVX2 {
		q8Widened(m, cols, scale, mixed)
	} else {
		q8Unsigned(m, cols, scale, mixed)
	}
	Store(mixed, ReturnIndex(0))
	emit.End()
}

func q8Unsigned(m emit.Matrix, cols, scale, mixed Register) {
	bias, lower := emit.AVX512.Broadcast(0x80808080), K()
	KMOVB(emit.Const(0x0f).As32(), lower)
	m.Tiles(tile, func(rows int) {
		sum := emit.AVX512.Zero() // of the activations, times 128
		var acc [tile]VecVirtual
		for r := range rows {
			acc[r] = emit.AVX512.Zero()
		}
		w := m.Walk(rows)
		left := GP64()
		MOVQ(cols, left)
		step := func(blocks int) {
			q := ZMM()
			if blocks == 2 {
				VMOVDQU64(Mem{Base: w.At}, q)
			} else {
				VMOVDQU64_Z(Mem{Base: w.At}, lower, q)
			}
			VPDPBUSD(q, bias, sum)
			for r := range rows {
				at, x := w.Row(r), ZMM()
				PREFETCHT1(at.Offset(emit.Ahead))
				VBROADCASTI64X4(at.Offset(2), x)
				if blocks == 2 {
					VINSERTI64X4(U8(1), at.Offset(36), x, x)
				}
				VPXORD(bias, x, x)
				VPDPBUSD(q, x, acc[r])
				for b := range blocks {
					twoBits{scaled: true}.compare(at.Offset(34*b), scale, mixed)
				}
			}
		}
		name := fmt.Sprintf("rows%d", rows)
		SUBQ(I32(64), left)
		JL(LabelRef(name + "half"))
		Label(name + "loop")
		step(2)
		w.Advance(68, 64)
		SUBQ(I32(64), left)
		JGE(LabelRef(name + "loop"))
		Label(name + "half")
		ADDQ(I32(64), left)
		JZ(LabelRef(name + "sum"))
		step(1)
		Label(name + "sum")
		for r := range rows {
			VPSUBD(sum, acc[r], acc[r])
			VMOVD(emit.SumInt32(acc[r]), Mem{Base: m.Dst, Disp: 4 * r})
		}
	})
}

func q8Widened(m emit.Matrix, cols, scale, mixed Register) {
	m.Tiles(tile, func(rows int) {
		var acc [tile]VecVirtual
		for r := range rows {
			acc[r] = emit.AVX2.Zero()
		}
		w := m.Walk(rows)
		left := GP64()
		MOVQ(cols, left)
		loop := fmt.Sprintf("rows%dloop", rows)
		Label(loop)
		var q [2]VecVirtual
		for i := range q {
			q[i] = YMM()
			VPMOVSXBW(Mem{Base: w.At, Disp: 16 * i}, q[i])
		}
		for r := range rows {
			at := w.Row(r)
			PREFETCHT1(at.Offset(emit.Ahead))
			for i := range q {
				x := YMM()
				VPMOVSXBW(at.Offset(2+16*i), x)
				VPMADDWD(q[i], x, x)
				VPADDD(x, acc[r], acc[r])
			}
			twoBits{scaled: true}.compare(at, scale, mixed)
		}
		w.Advance(34, 32)
		SUBQ(I32(32), left)
		JG(LabelRef(loop))
		for r := range rows {
			VMOVD(emit.SumInt32(acc[r]), Mem{Base: m.Dst, Disp: 4 * r})
		}
	})
}
