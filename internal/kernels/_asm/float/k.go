package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/akadata/bitnet-tool/internal/kernels/_asm/emit"
)

func nibbles(isa emit.ISA) *shared {
	return &shared{four: isa.Broadcast(15), bias: isa.Broadcast(8), scales: AllocLocal(64)}
}

// widenNibbles gives the low or upper four bits of as many bytes at p as there
// are lanes.
func widenNibbles(isa emit.ISA, s *shared, p Mem, upper bool) VecVirtual {
	w := isa.Vec()
	VPMOVZXBD(p, w)
	if upper {
		VPSRLD(U8(4), w, w)
	} else {
		VANDPS(s.four, w, w)
	}
	return w
}

func q4_0(isa emit.ISA, s *shared, p Mem, take func(w VecVirtual)) {
	d := scale(isa, p)
	for _, upper := range []bool{false, true} {
		for at := 0; at < 16; at += int(isa) {
			w := widenNibbles(isa, s, p.Offset(2+at), upper)
			VPSUBD(s.bias, w, w)
			VCVTDQ2PS(w, w)
			VMULPS(d, w, w)
			take(w)
		}
	}
}

// q4k unpacks the eight pairs of six bits in general registers, four bytes at
// a time.
func q4k(isa emit.ISA, s *shared, p Mem, take func(w VecVirtual)) {
	low, mid, high := GP64(), GP64(), GP64() // bytes 0-3, 4-7, 8-11
	MOVL(p.Offset(4), low.As32())
	MOVL(p.Offset(8), mid.As32())
	MOVL(p.Offset(12), high.As32())
	pack := func(first GPVirtual, shift uint8) GPVirtual {
		all, rest, top := GP64(), GP64(), GP64()
		MOVQ(first, all)
		ANDL(U32(0x3f3f3f3f), all.As32())
		MOVQ(high, rest)
		SHRL(U8(shift), rest.As32())
		ANDL(U32(0x0f0f0f0f), rest.As32())
		MOVQ(first, top)
		SHRL(U8(2), top.As32())
		ANDL(U32(0x30303030), top.As32())
		ORQ(top, rest)
		SHLQ(U8(32), rest)
		ORQ(rest, all)
		return all
	}
	for i, packed := range []GPVirtual{pack(low, 0), pack(mid, 4)} {
		x, y := XMM(), YMM()
		VMOVQ(packed, x)
		VPMOVZXBD(x, y)
		VCVTDQ2PS(y, y)
		VMULPS(scale(emit.AVX2, p.Offset(2*i)), y, y)
		VMOVUPS(y, s.scales.Offset(32*i))
	}
	for j := range 8 {
		f, floor := isa.Vec(), isa.Vec()
		VBROADCASTSS(s.scales.Offset(4*j), f)
		VBROADCASTSS(s.scales.Offset(32+4*j), floor)
		for at := 0; at < 32; at += int(isa) {
			w := widenNibbles(isa, s, p.Offset(16+j/2*32+at), j%2 == 1)
			VCVTDQ2PS(w, w)
			VMULPS(f, w, w)
			VSUBPS(floor, w, w)
			take(w)
		}
	}
}

func sixBits(isa emit.ISA) *shared {
	return &shared{
		four: isa.Broadcast(0x0f0f0f0f), two: isa.Broadcast(0x30303030), bias: isa.Broadcast(0x20202020),
		scales: AllocLocal(64), bytes: AllocLocal(256),
	}
}

// q6k puts the bits of 32 weights together at a time, as bytes on the stack,
// from where they are widened.
func q6k(isa emit.ISA, s *shared, p Mem, take func(w VecVirtual)) {
	d := scale(isa, p.Offset(208))
	for at := 0; at < 16; at += int(isa) {
		v := isa.Vec()
		VPMOVSXBD(p.Offset(192+at), v)
		VCVTDQ2PS(v, v)
		VMULPS(d, v, v)
		VMOVUPS(v, s.scales.Offset(4*at))
	}
	four, two, bias := s.four.AsY(), s.two.AsY(), s.bias.AsY()
	for h := range 2 {
		high := YMM()
		VMOVUPS(p.Offset(128+32*h), high)
		for k := range 4 {
			low, top := YMM(), YMM()
			VMOVUPS(p.Offset(64*h+k%2*32), low)
			if k >= 2 {
				VPSRLW(U8(4), low, low)
			}
			VANDPS(four, low, low)
			switch k { // bits 2k and 2k+1 to 4 and 5
			case 0:
				VPSLLW(U8(4), high, top)
				VANDPS(two, top, top)
			case 1:
				VPSLLW(U8(2), high, top)
				VANDPS(two, top, top)
			case 2:
				VANDPS(two, high, top)
			case 3:
				VPSRLW(U8(2), high, top)
				VANDPS(two, top, top)
			}
			VORPS(top, low, low)
			VPSUBB(bias, low, low)
			VMOVUPS(low, s.bytes.Offset(128*h+32*k))
		}
	}
	for j := range 16 {
		f := isa.Vec()
		VBROADCASTSS(s.scales.Offset(4*j), f)
		for at := 0; at < 16; at += int(isa) {
			w := isa.Vec()
			VPMOVSXBD(s.bytes.Offset(16*j+at), w)
			VCVTDQ2PS(w, w)
			VMULPS(f, w, w)
			take(w)
		}
	}
}
