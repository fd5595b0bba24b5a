package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/akadata/bitnet-tool/internal/kernels/_asm/emit"
)

// shared is what blocks have in common.
type shared struct {
	four, two, bias VecVirtual // masks of bits, and what to subtract
	scales, bytes   Mem        // of a block, on the stack
}

func f32(isa emit.ISA, _ *shared, p Mem, take func(w VecVirtual)) {
	for at := 0; at < 16; at += int(isa) {
		take(isa.Load(p.Offset(4 * at)))
	}
}

func f16(isa emit.ISA, _ *shared, p Mem, take func(w VecVirtual)) {
	for at := 0; at < 16; at += int(isa) {
		w := isa.Vec()
		VCVTPH2PS(p.Offset(2*at), w)
		take(w)
	}
}

func bf16(isa emit.ISA, _ *shared, p Mem, take func(w VecVirtual)) {
	for at := 0; at < 16; at += int(isa) {
		w := isa.Vec()
		VPMOVZXWD(p.Offset(2*at), w)
		VPSLLD(U8(16), w, w)
		take(w)
	}
}

func q8_0(isa emit.ISA, _ *shared, p Mem, take func(w VecVirtual)) {
	d := scale(isa, p)
	for at := 0; at < 32; at += int(isa) {
		w := isa.Vec()
		VPMOVSXBD(p.Offset(2+at), w)
		VCVTDQ2PS(w, w)
		VMULPS(d, w, w)
		take(w)
	}
}

// scale gives a vector full of the half float at p.
func scale(isa emit.ISA, p Mem) VecVirtual {
	d, x := isa.Vec(), XMM()
	h := GP64()
	MOVWLZX(p, h.As32())
	VMOVD(h.As32(), x)
	VCVTPH2PS(x, x)
	VBROADCASTSS(x, d)
	return d
}
