package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Adding the largest number below one half, with the sign of what it is added
// to, and cutting off rounds halves away from zero.
const belowHalf = 0x3effffff

func encodeQ8(unpacked Mem) {
	function("encodeQ8AVX2", "func(dst *byte, x *float32, blocks int)", `packs blocks of 32 weights into a scale and 32 int8:

	d := max(|x[32*b+i]|) / 127
	dst[34*b:] = half(d)
	dst[34*b+2+i] = round(x[32*b+i] * 1/d), or 0 if 1/d is infinite`)
	dst, src, n := pointer("dst"), pointer("x"), pointer("blocks")
	abs, sign := dwords(0x7fffffff), dwords(0x80000000)
	below, order := dwords(belowHalf), undo(unpacked)
	range127 := dwords(math.Float32bits(127)).AsX()
	one := dwords(math.Float32bits(1)).AsX()
	finite := dwords(math.Float32bits(math.MaxFloat32)).AsX()
	loop(n, func() {
		var x, a [4]VecVirtual
		for i := range x {
			x[i], a[i] = YMM(), YMM()
			VMOVUPS(at(src, 32*i), x[i])
			VANDPS(abs, x[i], a[i])
		}
		VMAXPS(a[1], a[0], a[0])
		VMAXPS(a[3], a[2], a[2])
		VMAXPS(a[2], a[0], a[0])
		m, t := a[0].AsX(), XMM()
		VEXTRACTF128(U8(1), a[0], t)
		VMAXPS(t, m, m)
		VPERMILPS(U8(0x0e), m, t)
		VMAXPS(t, m, m)
		VPERMILPS(U8(0x01), m, t)
		VMAXPS(t, m, m)

		d, id, ok, h := XMM(), XMM(), XMM(), XMM()
		VDIVSS(range127, m, d)
		VDIVSS(d, one, id)
		VCMPSS(U8(lessEqual), finite, id, ok)
		VANDPS(ok, id, id)
		VCVTPS2PH(U8(0), d, h)
		VPEXTRW(U8(0), h, at(dst, 0))

		factor := YMM()
		VBROADCASTSS(id, factor)
		for i := range x {
			s := YMM()
			VMULPS(factor, x[i], x[i])
			VANDPS(sign, x[i], s)
			VORPS(below, s, s)
			VADDPS(s, x[i], x[i])
			VCVTTPS2DQ(x[i], x[i])
		}
		pack(x, order)
		VMOVDQU(x[0], at(dst, 2))
		advance(src, 128)
		advance(dst, 34)
	})
	VZEROUPPER()
	RET()
}
