package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// sha256Words are the constants of FIPS 180-4, section 4.2.2.
var sha256Words = [64]uint32{
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
}

// lane is one of two messages: its state as the instructions want it, ABEF and
// CDGH, and four words of the schedule in each of four registers.
type lane struct {
	abef, cdgh     Register
	w              [4]Register
	data           Register
	saved0, saved1 Mem
}

// sha256x2 hashes two messages side by side: a round waits for the one before
// it, and the processor has time for that of another message meanwhile.
func sha256x2() {
	words := GLOBL("sha256words", RODATA|NOPTR)
	for i, v := range sha256Words {
		DATA(4*i, U32(v))
	}
	swap := GLOBL("bigendian", RODATA|NOPTR)
	DATA(0, U64(0x0405060700010203))
	DATA(8, U64(0x0c0d0e0f08090a0b))

	function("sha256x2SHANI", "func(states *[2][8]uint32, a, b *byte, blocks int)", `updates two states of SHA-256 with as many blocks of 64 bytes each:

	states[0] = SHA-256 compression of states[0] and a
	states[1] = SHA-256 compression of states[1] and b`)
	stack := AllocLocal(64)
	states := pointer("states")
	lanes := [2]*lane{
		{abef: X1, cdgh: X2, w: [4]Register{X3, X4, X5, X6}, data: pointer("a"), saved0: stack, saved1: stack.Offset(16)},
		{abef: X7, cdgh: X8, w: [4]Register{X9, X10, X11, X12}, data: pointer("b"), saved0: stack.Offset(32), saved1: stack.Offset(48)},
	}
	n := pointer("blocks")
	for i, l := range lanes {
		// From words in order to ABEF and CDGH.
		MOVOU(at(states, 32*i), l.abef)
		MOVOU(at(states, 32*i+16), l.cdgh)
		PSHUFD(U8(0xb1), l.abef, l.abef)
		PSHUFD(U8(0x1b), l.cdgh, l.cdgh)
		MOVOA(l.abef, X13)
		PALIGNR(U8(8), l.cdgh, l.abef)
		PBLENDW(U8(0xf0), X13, l.cdgh)
	}
	loop(n, func() {
		for _, l := range lanes {
			MOVOU(l.abef, l.saved0)
			MOVOU(l.cdgh, l.saved1)
			for i, w := range l.w {
				MOVOU(at(l.data, 16*i), w)
				PSHUFB(swap, w)
			}
			advance(l.data, 64)
		}
		for group := range 16 {
			for _, l := range lanes {
				l.rounds(group, words.Offset(16*group))
			}
		}
		for _, l := range lanes {
			MOVOU(l.saved0, X13)
			PADDD(X13, l.abef)
			MOVOU(l.saved1, X13)
			PADDD(X13, l.cdgh)
		}
	})
	for i, l := range lanes {
		PSHUFD(U8(0x1b), l.abef, l.abef)
		PSHUFD(U8(0xb1), l.cdgh, l.cdgh)
		MOVOA(l.abef, X13)
		PBLENDW(U8(0xf0), l.cdgh, l.abef)
		PALIGNR(U8(8), X13, l.cdgh)
		MOVOU(l.abef, at(states, 32*i))
		MOVOU(l.cdgh, at(states, 32*i+16))
	}
	RET()
}

// rounds does four rounds and replaces the words they used by those of sixteen
// rounds later, as far as there are any.
func (l *lane) rounds(group int, k Mem) {
	w := func(i int) Register { return l.w[(group+i)%4] }
	MOVOU(k, X0)
	PADDD(w(0), X0)
	SHA256RNDS2(X0, l.abef, l.cdgh)
	PSHUFD(U8(0x0e), X0, X0)
	SHA256RNDS2(X0, l.cdgh, l.abef)
	if group >= 12 {
		return
	}
	// w[t] = σ1(w[t-2]) + w[t-7] + σ0(w[t-15]) + w[t-16]
	SHA256MSG1(w(1), w(0))
	MOVOA(w(3), X13)
	PALIGNR(U8(4), w(2), X13)
	PADDD(X13, w(0))
	SHA256MSG2(w(3), w(0))
}

// hasSHANI asks the processor, as golang.org/x/sys/cpu does not know.
func hasSHANI() {
	function("hasSHANI", "func() bool", `reports whether CPUID function 7 names the SHA extensions (EBX bit 29). A
processor with AVX2 has that function.`)
	MOVL(U32(7), EAX)
	XORL(ECX, ECX)
	CPUID()
	SHRL(U8(29), EBX)
	ANDL(U8(1), EBX)
	Store(BL, ReturnIndex(0))
	RET()
}
