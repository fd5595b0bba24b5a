package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func decodeBF16() {
	function("decodeBF16AVX2", "func(dst *float32, src *byte, groups int)", `widens groups of 16 bfloat16:

	dst[i] = float32frombits(src[i] << 16)`)
	dst, src, n := pointer("dst"), pointer("src"), pointer("groups")
	loop(n, func() {
		for i := range 2 {
			x := YMM()
			VPMOVZXWD(at(src, 16*i), x)
			VPSLLD(U8(16), x, x)
			VMOVDQU(x, at(dst, 32*i))
		}
		advance(src, 32)
		advance(dst, 64)
	})
	VZEROUPPER()
	RET()
}

func decodeF16() {
	function("decodeF16AVX2", "func(dst *float32, src *byte, groups int)", `widens groups of 16 half floats:

	dst[i] = f16(src[i])`)
	dst, src, n := pointer("dst"), pointer("src"), pointer("groups")
	loop(n, func() {
		for i := range 2 {
			x := YMM()
			VCVTPH2PS(at(src, 16*i), x)
			VMOVUPS(x, at(dst, 32*i))
		}
		advance(src, 32)
		advance(dst, 64)
	})
	VZEROUPPER()
	RET()
}

func encodeF16() {
	function("encodeF16AVX2", "func(dst *byte, x *float32, groups int)", `rounds groups of 16 weights to half floats, halves to even:

	dst[i] = half(x[i])`)
	dst, src, n := pointer("dst"), pointer("x"), pointer("groups")
	loop(n, func() {
		for i := range 2 {
			x := YMM()
			VMOVUPS(at(src, 32*i), x)
			VCVTPS2PH(U8(0), x, at(dst, 16*i))
		}
		advance(src, 64)
		advance(dst, 32)
	})
	VZEROUPPER()
	RET()
}

func encodeBF16() {
	function("encodeBF16AVX2", "func(dst *byte, x *float32, groups int)", `rounds groups of 16 weights to bfloat16, halves to even:

	b := bits(x[i])
	dst[i] = (b + 0x7fff + b>>16&1) >> 16`)
	dst, src, n := pointer("dst"), pointer("x"), pointer("groups")
	most, one := dwords(0x7fff), dwords(1)
	loop(n, func() {
		var v [2]VecVirtual
		for i := range v {
			odd := YMM()
			v[i] = YMM()
			VMOVDQU(at(src, 32*i), v[i])
			VPSRLD(U8(16), v[i], odd)
			VPAND(one, odd, odd)
			VPADDD(most, v[i], v[i])
			VPADDD(odd, v[i], v[i])
			VPSRLD(U8(16), v[i], v[i])
		}
		VPACKUSDW(v[1], v[0], v[0])
		VPERMQ(U8(0xd8), v[0], v[0])
		VMOVDQU(v[0], at(dst, 0))
		advance(src, 64)
		advance(dst, 32)
	})
	VZEROUPPER()
	RET()
}

func addMagnitudes() {
	function("addMagnitudesAVX2", "func(lanes *[8]float64, least, most *[8]uint32, x *float32, groups int)", `adds up groups of 8 magnitudes:

	lanes[i%8] += float64(|x[i]|)
	least[i%8] = min(least[i%8], bits(|x[i]|)-1)
	most[i%8] = max(most[i%8], bits(|x[i]|))`)
	lanes, least, most := pointer("lanes"), pointer("least"), pointer("most")
	src, n := pointer("x"), pointer("groups")
	low, high, lo, hi := YMM(), YMM(), YMM(), YMM()
	VMOVUPD(at(lanes, 0), low)
	VMOVUPD(at(lanes, 32), high)
	VMOVDQU(at(least, 0), lo)
	VMOVDQU(at(most, 0), hi)
	abs, less1 := dwords(0x7fffffff), dwords(0xffffffff)
	loop(n, func() {
		x, y, d := YMM(), YMM(), YMM()
		VPAND(at(src, 0), abs, x)
		VPMAXUD(x, hi, hi)
		VPADDD(less1, x, y)
		VPMINUD(y, lo, lo)
		VCVTPS2PD(x.AsX(), d)
		VADDPD(d, low, low)
		top := XMM()
		VEXTRACTF128(U8(1), x, top)
		VCVTPS2PD(top, d)
		VADDPD(d, high, high)
		advance(src, 32)
	})
	VMOVUPD(low, at(lanes, 0))
	VMOVUPD(high, at(lanes, 32))
	VMOVDQU(lo, at(least, 0))
	VMOVDQU(hi, at(most, 0))
	VZEROUPPER()
	RET()
}
