package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/akadata/bitnet-tool/internal/kernels/_asm/emit"
)

// scoresF32 sums in float64. A product of two float32 is exact there, so a fused
// multiply-add is the same as a multiplication and an addition. Keys are taken a
// few vectors at a time, down all their numbers.
func scoresF32(isa emit.ISA) {
	s := scoresArgs(isa, false)
	q3, dst3 := third(s.qBytes), third(s.stride)
	vectors := 4 // of keys side by side
	if isa == emit.AVX2 {
		vectors = 2
	}
	keys := vectors * int(isa) / 2
	s.tiles(func(queries int) {
		out, from, groups := GP64(), GP64(), GP64()
		MOVQ(s.dst, out)
		MOVQ(s.k, from)
		MOVQ(I32(page/keys), groups)
		group := fmt.Sprintf("keys%d", queries)
		Label(group)
		var acc [tile][4]VecVirtual
		for j := range queries {
			for i := range vectors {
				acc[j][i] = isa.Zero()
			}
		}
		at, key, left := GP64(), GP64(), GP64()
		MOVQ(s.q, at)
		MOVQ(from, key)
		MOVQ(s.d, left)
		loop := fmt.Sprintf("numbers%d", queries)
		Label(loop)
		var k [4]VecVirtual
		for i := range vectors {
			k[i] = isa.Vec()
			VCVTPS2PD(Mem{Base: key, Disp: 2 * int(isa) * i}, k[i])
		}
		for j := range queries {
			x := isa.Vec()
			if isa == emit.AVX2 {
				VBROADCASTSS(row(at, s.qBytes, q3, j), x.AsX())
				VCVTPS2PD(x.AsX(), x)
			} else {
				VCVTPS2PD_BCST(row(at, s.qBytes, q3, j), x)
			}
			for i := range vectors {
				VFMADD231PD(k[i], x, acc[j][i])
			}
		}
		ADDQ(Imm(4), at)
		ADDQ(I32(4*page), key)
		DECQ(left)
		JNZ(LabelRef(loop))
		for j := range queries {
			for i := range vectors {
				at := row(out, s.stride, dst3, j).Offset(2 * int(isa) * i)
				if isa == emit.AVX2 {
					x := XMM()
					VCVTPD2PSY(acc[j][i], x)
					VMOVUPS(x, at)
				} else {
					y := YMM()
					VCVTPD2PS(acc[j][i], y)
					VMOVUPS(y, at)
				}
			}
		}
		ADDQ(I32(4*keys), out)
		ADDQ(I32(4*keys), from)
		DECQ(groups)
		JNZ(LabelRef(group))
	})
	emit.End()
}
