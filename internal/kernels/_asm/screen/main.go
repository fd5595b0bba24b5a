// Command screen writes the kernels that estimate the products of rows with one
// token in fixed point, and the one that makes rows of bytes for them.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/akadata/bitnet-tool/internal/kernels/_asm/emit"
)

func main() {
	for _, isa := range []emit.ISA{emit.AVX2, emit.AVX512} {
		narrow(isa)
		estimateNarrow(isa)
		estimateQ6K(isa)
	}
	estimateQ8AVX2()
	estimateQ8AVX512()
	Generate()
}

// half gives a vector full of the half float at p.
func half(isa emit.ISA, p Mem) VecVirtual {
	d, x := isa.Vec(), XMM()
	h := GP64()
	MOVWLZX(p, h.As32())
	VMOVD(h.As32(), x)
	VCVTPH2PS(x, x)
	VBROADCASTSS(x, d)
	return d
}

// addScaled adds the integers of v times the scale d to sum.
func addScaled(v, d, sum VecVirtual) {
	VCVTDQ2PS(v, v)
	VMULPS(d, v, v)
	VADDPS(v, sum, sum)
}

// indexed gives the place so many bytes behind p.
func indexed(p, offset Register, disp int) Mem {
	return Mem{Base: p, Index: offset, Scale: 1, Disp: disp}
}
