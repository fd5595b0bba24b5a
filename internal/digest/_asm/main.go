// Command _asm writes the assembly of package digest.
package main

import (
	"math"
	"math/big"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// constants are the 64 of FIPS 180-4 §4.2.2: the first 32 bits of the
// fractional parts of the cube roots of the first 64 primes.
func constants() []uint32 {
	var k []uint32
	for p := int64(2); len(k) < 64; p++ {
		if !big.NewInt(p).ProbablyPrime(0) {
			continue
		}
		// floor(cbrt(p)·2³²) by bisection on integers.
		lo, hi := new(big.Int), new(big.Int).Lsh(big.NewInt(16), 32)
		target := new(big.Int).Lsh(big.NewInt(p), 96)
		for new(big.Int).Sub(hi, lo).Cmp(big.NewInt(1)) > 0 {
			mid := new(big.Int).Rsh(new(big.Int).Add(lo, hi), 1)
			if new(big.Int).Exp(mid, big.NewInt(3), nil).Cmp(target) > 0 {
				hi = mid
			} else {
				lo = mid
			}
		}
		k = append(k, uint32(lo.Uint64()&math.MaxUint32))
	}
	return k
}

func main() {
	table := GLOBL("constants", RODATA|NOPTR)
	for i, k := range constants() {
		DATA(4*i, U32(k))
	}
	swap := GLOBL("swap", RODATA|NOPTR) // of bytes in each word
	DATA(0, U64(0x0405060700010203))
	DATA(8, U64(0x0c0d0e0f08090a0b))

	cpuid()
	block2(table, swap)
	messages2(table, swap)
	Generate()
}

func cpuid() {
	TEXT("cpuid", NOSPLIT, "func(leaf, sub uint32) (eax, ebx, ecx, edx uint32)")
	Doc("cpuid asks the processor what it can do.")
	Load(Param("leaf"), reg.EAX)
	Load(Param("sub"), reg.ECX)
	CPUID()
	Store(reg.EAX, Return("eax"))
	Store(reg.EBX, Return("ebx"))
	Store(reg.ECX, Return("ecx"))
	Store(reg.EDX, Return("edx"))
	RET()
}

// state is one running digest in the order that SHA256RNDS2 wants.
type state struct{ abef, cdgh, abef0, cdgh0 reg.VecPhysical }

// load brings a state, words a to h, into its order: the registers hold, from
// the highest word, a b e f and c d g h.
func load(from reg.Register, s state, tmp reg.VecPhysical) {
	MOVOU(Mem{Base: from}, tmp)              // d c b a
	MOVOU(Mem{Base: from, Disp: 16}, s.cdgh) // h g f e
	PSHUFD(Imm(0xb1), tmp, tmp)              // c d a b
	PSHUFD(Imm(0x1b), s.cdgh, s.cdgh)        // e f g h
	MOVO(tmp, s.abef)
	PALIGNR(Imm(8), s.cdgh, s.abef) // a b e f
	PBLENDW(Imm(0xf0), tmp, s.cdgh) // c d g h
}

// store is the inverse of load.
func store(to reg.Register, s state, tmp reg.VecPhysical) {
	PSHUFD(Imm(0x1b), s.abef, tmp)    // f e b a
	PSHUFD(Imm(0xb1), s.cdgh, s.cdgh) // d c h g
	MOVO(tmp, s.abef)
	PBLENDW(Imm(0xf0), s.cdgh, s.abef) // d c b a
	PALIGNR(Imm(8), tmp, s.cdgh)       // h g f e
	MOVOU(s.abef, Mem{Base: to})
	MOVOU(s.cdgh, Mem{Base: to, Disp: 16})
}
