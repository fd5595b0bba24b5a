package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Predicates of VCMPPS, ordered and quiet.
const (
	less      = 0x11
	lessEqual = 0x12
	greater   = 0x1e
)

func ternarize(unpacked Mem) {
	function("ternarizeAVX2", "func(codes *byte, x *float32, groups int, inv float32, counts *[16]int32)", `rounds groups of 32 weights times inv to codes 0, 1, 2:

	y := x[i] * inv
	codes[i] = 1 + (y > 0.5) - (y < -0.5)
	counts[i%8] += codes[i] != 1
	counts[8+i%8] += |(|y| - 0.5)| <= 1e-6`)
	dst, src, n, counts := pointer("codes"), pointer("x"), pointer("groups"), pointer("counts")
	inv := broadcast("inv")
	half, minusHalf := dwords(math.Float32bits(0.5)), dwords(math.Float32bits(-0.5))
	abs, close := dwords(0x7fffffff), dwords(math.Float32bits(1e-6))
	one, order := bytesOf(1), undo(unpacked)
	set, near := zero(), zero()
	loop(n, func() {
		var code [4]VecVirtual
		for i := range code {
			y, gt, lt := YMM(), YMM(), YMM()
			VMULPS(at(src, 32*i), inv, y)
			VCMPPS(U8(greater), half, y, gt)
			VCMPPS(U8(less), minusHalf, y, lt)
			code[i] = YMM()
			VPSUBD(gt, lt, code[i])
			VPOR(gt, lt, lt)
			VPSUBD(lt, set, set)
			VANDPS(abs, y, y)
			VSUBPS(half, y, y)
			VANDPS(abs, y, y)
			VCMPPS(U8(lessEqual), close, y, y)
			VPSUBD(y, near, near)
		}
		pack(code, order)
		VPADDB(one, code[0], code[0])
		VMOVDQU(code[0], at(dst, 0))
		advance(src, 128)
		advance(dst, 32)
	})
	VMOVDQU(set, at(counts, 0))
	VMOVDQU(near, at(counts, 32))
	VZEROUPPER()
	RET()
}

// pack narrows four vectors of dwords to one of bytes, in v[0].
func pack(v [4]VecVirtual, order VecVirtual) {
	VPACKSSDW(v[1], v[0], v[0])
	VPACKSSDW(v[3], v[2], v[2])
	VPACKSSWB(v[2], v[0], v[0])
	VPERMD(v[0], order, v[0])
}

func plane() {
	function("planeAVX2", "func(codes, packed *byte, groups, shift int, largest *[32]byte) int", `takes two bits of groups of 32 bytes and counts ones:

	codes[i] = packed[i]>>shift & 3
	largest[i%32] = max(codes[i])
	ones += codes[i] == 1`)
	dst, src, n, largest := pointer("codes"), pointer("packed"), pointer("groups"), pointer("largest")
	shift := XMM()
	VMOVQ(pointer("shift"), shift)
	three, one, top := bytesOf(3), bytesOf(1), zero()
	ones, found := GP64(), GP64()
	XORQ(ones, ones)
	loop(n, func() {
		x, e := YMM(), YMM()
		VMOVDQU(at(src, 0), x)
		VPSRLW(shift, x, x)
		VPAND(three, x, x)
		VMOVDQU(x, at(dst, 0))
		VPMAXUB(x, top, top)
		VPCMPEQB(one, x, e)
		VPMOVMSKB(e, found.As32())
		POPCNTL(found.As32(), found.As32())
		ADDQ(found, ones)
		advance(src, 32)
		advance(dst, 32)
	})
	VMOVDQU(top, at(largest, 0))
	VZEROUPPER()
	Store(ones, ReturnIndex(0))
	RET()
}

func trits() {
	function("tritsAVX2", "func(dst *float32, codes *byte, groups int, m float32)", `gives the values of groups of 16 codes:

	dst[i] = m * float32(codes[i]-1)`)
	dst, src, n := pointer("dst"), pointer("codes"), pointer("groups")
	m, less1 := broadcast("m"), dwords(0xffffffff)
	loop(n, func() {
		for i := range 2 {
			x := YMM()
			VPMOVZXBD(at(src, 8*i), x)
			VPADDD(less1, x, x)
			VCVTDQ2PS(x, x)
			VMULPS(m, x, x)
			VMOVUPS(x, at(dst, 32*i))
		}
		advance(src, 16)
		advance(dst, 64)
	})
	VZEROUPPER()
	RET()
}

func packI2S() {
	function("packI2SAVX2", "func(dst, codes *byte, blocks int, largest *[32]byte)", `packs blocks of 128 codes into 32 bytes:

	dst[32*b+i] = codes[128*b+i]<<6 | codes[128*b+32+i]<<4 | codes[128*b+64+i]<<2 | codes[128*b+96+i]
	largest[i%32] = max(codes[i])`)
	dst, src, n, largest := pointer("dst"), pointer("codes"), pointer("blocks"), pointer("largest")
	top := zero()
	loop(n, func() {
		quarters(dst, 0, src, 0, [4]int{6, 4, 2, 0}, func(x VecVirtual) { VPMAXUB(x, top, top) })
		advance(src, 128)
		advance(dst, 32)
	})
	VMOVDQU(top, at(largest, 0))
	VZEROUPPER()
	RET()
}

// quarters packs 128 codes into 32 bytes, 32 of them at each shift. Codes are
// at most 3, so shifting words moves nothing from one byte into the next.
func quarters(dst Register, to int, src Register, from int, shifts [4]int, see func(x VecVirtual)) {
	all := YMM()
	for i, shift := range shifts {
		x := YMM()
		VMOVDQU(at(src, from+32*i), x)
		see(x)
		if shift > 0 {
			VPSLLW(U8(shift), x, x)
		}
		if i == 0 {
			all = x
		} else {
			VPOR(x, all, all)
		}
	}
	VMOVDQU(all, at(dst, to))
}

// scaleOf stores d, or 0 if the bytes of same are all ones.
func scaleOf(same VecVirtual, d Register, dst Mem) {
	mask, none := GP32(), GP32()
	VPMOVMSKB(same, mask)
	XORL(none, none)
	CMPL(mask, I32(-1))
	CMOVLNE(d.(GPVirtual).As32(), none)
	MOVW(none.As16(), dst)
}

func packTQ2() {
	function("packTQ2AVX2", "func(dst, codes *byte, blocks int, d uint16, largest *[32]byte)", `packs blocks of 256 codes into 64 bytes and a scale:

	dst[66*b+32*h+i] = codes[256*b+128*h+i] | codes[256*b+128*h+32+i]<<2 | codes[256*b+128*h+64+i]<<4 | codes[256*b+128*h+96+i]<<6
	largest[i%32] = max(codes[i])`)
	dst, src, n, largest := pointer("dst"), pointer("codes"), pointer("blocks"), pointer("largest")
	d := GP32()
	Load(Param("d"), d.As16())
	top, one := zero(), bytesOf(1)
	loop(n, func() {
		same := YMM()
		VPCMPEQB(same, same, same)
		for h := range 2 {
			quarters(dst, 32*h, src, 128*h, [4]int{0, 2, 4, 6}, func(x VecVirtual) {
				e := YMM()
				VPMAXUB(x, top, top)
				VPCMPEQB(one, x, e)
				VPAND(e, same, same)
			})
		}
		scaleOf(same, d, at(dst, 64))
		advance(src, 256)
		advance(dst, 66)
	})
	VMOVDQU(top, at(largest, 0))
	VZEROUPPER()
	RET()
}

func packTQ1() {
	function("packTQ1AVX2", "func(dst, codes *byte, blocks int, d uint16, largest *[32]byte)", `packs blocks of 256 codes into 52 bytes of five trits and a scale:

	dst[54*b+i] = (v*256 + 242) / 243
	largest[i%32] = max(codes[i])

for 32 bytes of weights 32 apart, 16 bytes of weights 16 apart and 4 bytes of four
weights 4 apart; v has the first of its trits as the highest digit. As v*256/243 is
v + v*13/243, words are wide enough.`)
	dst, src, n, largest := pointer("dst"), pointer("codes"), pointer("blocks"), pointer("largest")
	d := GP32()
	Load(Param("d"), d.As16())
	top, one, none := zero(), bytesOf(1), zero()
	// Of numbers up to 13*242+242, ⌊n/243⌋ is n·34522 >> 23.
	thirteen, up, inverse := dwords(13*0x10001), dwords(242*0x10001), dwords(34522*0x10001)
	loop(n, func() {
		same := YMM()
		VPCMPEQB(same, same, same)
		see := func(x VecVirtual) {
			e := YMM()
			VPMAXUB(x, top, top)
			VPCMPEQB(one, x, e)
			VPAND(e, same, same)
		}
		for i := range 8 {
			x := YMM()
			VMOVDQU(at(src, 32*i), x)
			see(x)
		}
		fraction := func(v VecVirtual) VecVirtual {
			lo, hi := YMM(), YMM()
			VPUNPCKLBW(none, v, lo)
			VPUNPCKHBW(none, v, hi)
			for _, w := range []VecVirtual{lo, hi} {
				VPMULLW(thirteen, w, w)
				VPADDW(up, w, w)
				VPMULHUW(inverse, w, w)
				VPSRLW(U8(7), w, w)
			}
			VPACKUSWB(hi, lo, lo)
			VPADDB(lo, v, v)
			return v
		}
		digits := func(trits int, load func(k int, x VecVirtual)) VecVirtual {
			v := YMM()
			load(0, v)
			for k := 1; k < 5; k++ {
				t := YMM()
				VPADDB(v, v, t)
				VPADDB(t, v, v)
				if k < trits {
					x := YMM()
					load(k, x)
					VPADDB(x, v, v)
				}
			}
			return fraction(v)
		}
		a := digits(5, func(k int, x VecVirtual) { VMOVDQU(at(src, 32*k), x) })
		VMOVDQU(a, at(dst, 0))
		b := digits(5, func(k int, x VecVirtual) { VMOVDQU(at(src, 160+16*k), x.AsX()) })
		VMOVDQU(b.AsX(), at(dst, 32))
		c := digits(4, func(k int, x VecVirtual) { VMOVD(at(src, 240+4*k), x.AsX()) })
		VMOVD(c.AsX(), at(dst, 48))
		scaleOf(same, d, at(dst, 52))
		advance(src, 256)
		advance(dst, 54)
	})
	VMOVDQU(top, at(largest, 0))
	VZEROUPPER()
	RET()
}

func packQ8() {
	function("packQ8AVX2", "func(dst, codes *byte, blocks int, d uint16, largest *[32]byte)", `packs blocks of 32 codes into a scale and 32 int8:

	dst[34*b+2+i] = 127 * (codes[32*b+i] - 1)
	largest[i] = max(codes[32*b+i])`)
	dst, src, n, largest := pointer("dst"), pointer("codes"), pointer("blocks"), pointer("largest")
	d := GP32()
	Load(Param("d"), d.As16())
	top, one, most := zero(), bytesOf(1), bytesOf(127)
	loop(n, func() {
		x, same := YMM(), YMM()
		VMOVDQU(at(src, 0), x)
		VPMAXUB(x, top, top)
		VPCMPEQB(one, x, same)
		scaleOf(same, d, at(dst, 0))
		VPSUBB(one, x, x)
		VPSIGNB(x, most, x)
		VMOVDQU(x, at(dst, 2))
		advance(src, 32)
		advance(dst, 34)
	})
	VMOVDQU(top, at(largest, 0))
	VZEROUPPER()
	RET()
}
