package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/akadata/bitnet-tool/internal/kernels/_asm/emit"
)

// constants of exp.go, in its order. The polynomial is last, highest power
// first.
var constants = []uint32{
	math.Float32bits(-104), math.Float32bits(89),
	math.Float32bits(1.44269504), math.Float32bits(3 << 22),
	math.Float32bits(0.693145751953125), math.Float32bits(1.4286068e-06),
	math.Float32bits(1), 127,
	math.Float32bits(0.001392625), math.Float32bits(0.008363233), math.Float32bits(0.041666552),
	math.Float32bits(0.16666576), math.Float32bits(0.5),
}

// expTable writes the constants, each as often as the widest vector needs it.
func expTable() Mem {
	table := GLOBL("expTable", NOPTR|RODATA)
	for i, c := range constants {
		for j := range 16 {
			DATA(64*i+4*j, U32(c))
		}
	}
	return table
}

// exponential replaces the elements of v by their exponentials. It does what exp
// in exp.go does, step by step.
func exponential(isa emit.ISA, table Mem, v VecVirtual) {
	c := func(i int) Mem { return table.Offset(64 * i) }
	least, most, log2e, magic, high, low, one, bias := c(0), c(1), c(2), c(3), c(4), c(5), c(6), c(7)

	t, k, p, n := isa.Vec(), isa.Vec(), isa.Vec(), isa.Vec()
	// The operand named first is what NaN leaves.
	VMOVUPS(least, t)
	VMAXPS(v, t, v)
	VMOVUPS(most, t)
	VMINPS(v, t, v)

	VMULPS(log2e, v, t)
	VADDPS(magic, t, t)
	VSUBPS(magic, t, k)
	VMULPS(high, k, n)
	VSUBPS(n, v, v)
	VMULPS(low, k, n)
	VSUBPS(n, v, v)

	VMOVUPS(c(8), p)
	for i := 9; i < len(constants); i++ {
		VMULPS(v, p, p)
		VADDPS(c(i), p, p)
	}
	VMULPS(v, v, n)
	VMULPS(p, n, p)
	VADDPS(v, p, p)
	VADDPS(one, p, p)

	VPSUBD(magic, t, t)
	VPSRAD(U8(1), t, n)
	VPSUBD(n, t, t)
	VPADDD(bias, n, n)
	VPADDD(bias, t, t)
	VPSLLD(U8(23), n, n)
	VPSLLD(U8(23), t, t)
	VMULPS(n, p, p)
	VMULPS(t, p, v)
}
