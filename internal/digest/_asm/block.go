package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// block2 adds one message to two digests: what the message is expanded to
// serves both.
func block2(table, swap Mem) {
	TEXT("block2SHANI", NOSPLIT, "func(a, b *[8]uint32, p []byte)")
	Doc("block2SHANI is block2 with the SHA extensions.")
	pa, pb := Load(Param("a"), reg.RDI), Load(Param("b"), reg.RSI)
	p, n := Load(Param("p").Base(), reg.RDX), Load(Param("p").Len(), reg.RCX)
	k := reg.RAX
	LEAQ(table, k)
	SHRQ(U8(6), n)
	JZ(LabelRef("end"))
	msg := reg.X0 // SHA256RNDS2 takes it from there
	sa, sb := state{reg.X1, reg.X2, reg.X9, reg.X10}, state{reg.X3, reg.X4, reg.X11, reg.X12}
	w, tmp := []reg.VecPhysical{reg.X5, reg.X6, reg.X7, reg.X8}, reg.X13
	bytes := reg.X14
	MOVOU(swap, bytes)
	load(pa, sa, tmp)
	load(pb, sb, tmp)

	Label("loop")
	for _, s := range []state{sa, sb} {
		MOVO(s.abef, s.abef0)
		MOVO(s.cdgh, s.cdgh0)
	}
	for i := range 16 { // four rounds each
		m := w[i%4]
		next, last := w[(i+1)%4], w[(i+3)%4]
		if i < 4 {
			MOVOU(Mem{Base: p, Disp: 16 * i}, m)
			PSHUFB(bytes, m)
		}
		MOVOU(Mem{Base: k, Disp: 16 * i}, msg)
		PADDD(m, msg)
		for _, s := range []state{sa, sb} {
			SHA256RNDS2(msg, s.abef, s.cdgh)
		}
		if i >= 3 && i < 15 {
			MOVO(m, tmp)
			PALIGNR(Imm(4), last, tmp)
			PADDD(tmp, next)
			SHA256MSG2(m, next)
		}
		PSHUFD(Imm(0x0e), msg, msg)
		for _, s := range []state{sa, sb} {
			SHA256RNDS2(msg, s.cdgh, s.abef)
		}
		if i >= 1 && i < 13 {
			SHA256MSG1(m, last)
		}
	}
	for _, s := range []state{sa, sb} {
		PADDD(s.abef0, s.abef)
		PADDD(s.cdgh0, s.cdgh)
	}
	ADDQ(Imm(64), p)
	DECQ(n)
	JNZ(LabelRef("loop"))
	store(pa, sa, tmp)
	store(pb, sb, tmp)
	Label("end")
	RET()
}
