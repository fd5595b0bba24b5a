package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// message is one of two that are hashed side by side, and four words of its
// schedule in each of four registers.
type message struct {
	abef, cdgh     reg.VecPhysical
	w              [4]reg.VecPhysical
	data           reg.Register
	saved0, saved1 Mem // of the state before the block
}

// messages2 adds two messages to a digest each. There are not registers enough
// for the states before the block, which are needed again after it.
func messages2(table, swap Mem) {
	TEXT("messages2SHANI", NOSPLIT, "func(a, b *[8]uint32, p, q *byte, blocks int)")
	Pragma("noescape")
	Doc("messages2SHANI is messages2 with the SHA extensions.")
	stack := AllocLocal(64)
	pa, pb := Load(Param("a"), reg.RDI), Load(Param("b"), reg.RSI)
	ms := [2]*message{
		{
			abef: reg.X1, cdgh: reg.X2, w: [4]reg.VecPhysical{reg.X3, reg.X4, reg.X5, reg.X6},
			data: Load(Param("p"), reg.RDX), saved0: stack, saved1: stack.Offset(16),
		},
		{
			abef: reg.X7, cdgh: reg.X8, w: [4]reg.VecPhysical{reg.X9, reg.X10, reg.X11, reg.X12},
			data: Load(Param("q"), reg.RBX), saved0: stack.Offset(32), saved1: stack.Offset(48),
		},
	}
	n, tmp := Load(Param("blocks"), reg.RCX), reg.X13
	TESTQ(n, n)
	JZ(LabelRef("end"))
	for i, m := range ms {
		load([]reg.Register{pa, pb}[i], m.state(), tmp)
	}

	Label("loop")
	for _, m := range ms {
		MOVOU(m.abef, m.saved0)
		MOVOU(m.cdgh, m.saved1)
		for i, w := range m.w {
			MOVOU(Mem{Base: m.data, Disp: 16 * i}, w)
			PSHUFB(swap, w)
		}
		ADDQ(Imm(64), m.data)
	}
	for group := range 16 {
		for _, m := range ms {
			m.rounds(group, table.Offset(16*group), tmp)
		}
	}
	for _, m := range ms {
		MOVOU(m.saved0, tmp)
		PADDD(tmp, m.abef)
		MOVOU(m.saved1, tmp)
		PADDD(tmp, m.cdgh)
	}
	DECQ(n)
	JNZ(LabelRef("loop"))
	for i, m := range ms {
		store([]reg.Register{pa, pb}[i], m.state(), tmp)
	}
	Label("end")
	RET()
}

func (m *message) state() state { return state{abef: m.abef, cdgh: m.cdgh} }

// rounds does four rounds and replaces the words they used by those of sixteen
// rounds later, as far as there are any.
func (m *message) rounds(group int, k Mem, tmp reg.VecPhysical) {
	w := func(i int) reg.VecPhysical { return m.w[(group+i)%4] }
	msg := reg.X0 // SHA256RNDS2 takes it from there
	MOVOU(k, msg)
	PADDD(w(0), msg)
	SHA256RNDS2(msg, m.abef, m.cdgh)
	PSHUFD(Imm(0x0e), msg, msg)
	SHA256RNDS2(msg, m.cdgh, m.abef)
	if group >= 12 {
		return
	}
	// w[t] = σ1(w[t-2]) + w[t-7] + σ0(w[t-15]) + w[t-16]
	SHA256MSG1(w(1), w(0))
	MOVO(w(3), tmp)
	PALIGNR(Imm(4), w(2), tmp)
	PADDD(tmp, w(0))
	SHA256MSG2(w(3), w(0))
}
