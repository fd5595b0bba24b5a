package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/akadata/bitnet-tool/internal/kernels/_asm/emit"
)

// page is how many keys stand side by side, one number of each after the other.
const page = 64

// tile is how many queries share what is loaded of keys and values.
const tile = 4

// suffix and element tell the two forms of the cache apart.
func suffix(half bool) string {
	if half {
		return "F16"
	}
	return "F32"
}

func element(half bool) (name string, size int) {
	if half {
		return "*byte", 2
	}
	return "*float32", 4
}

// widen loads a vector of float32 from either form.
func widen(isa emit.ISA, m Mem, half bool) VecVirtual {
	v := isa.Vec()
	if half {
		VCVTPH2PS(m, v)
	} else {
		VMOVUPS(m, v)
	}
	return v
}

type scores struct {
	dst, q, k, n, d, stride, qBytes Register
}

func scoresArgs(isa emit.ISA, half bool) scores {
	el, _ := element(half)
	emit.Kernel("scores"+suffix(half)+isa.String(), fmt.Sprintf("func(dst, q *float32, k %s, n, d, stride int)", el),
		`multiplies n queries of d numbers with a page of 64 keys:

	for j := range n {
		for i := range 64 {
			dst[stride·j+i] = Σ q[d·j+c]·k[64·c+i]
		}
	}`)
	s := scores{
		dst: emit.Arg("dst"), q: emit.Arg("q"), k: emit.Arg("k"),
		n: emit.Arg("n"), d: emit.Arg("d"), stride: emit.Arg("stride"),
	}
	SHLQ(Imm(2), s.stride)
	s.qBytes = GP64()
	MOVQ(s.d, s.qBytes)
	SHLQ(Imm(2), s.qBytes)
	return s
}

// tiles runs body for tiles of queries, then for single ones. rows gives the
// first four rows from a base.
func (s scores) tiles(body func(queries int)) {
	for _, queries := range []int{tile, 1} {
		loop, end := fmt.Sprintf("queries%d", queries), fmt.Sprintf("end%d", queries)
		Label(loop)
		CMPQ(s.n, I32(queries))
		JL(LabelRef(end))
		body(queries)
		for range queries {
			ADDQ(s.stride, s.dst)
			ADDQ(s.qBytes, s.q)
		}
		SUBQ(I32(queries), s.n)
		JMP(LabelRef(loop))
		Label(end)
	}
}

// row gives row j, up to the fourth, of rows that are stride bytes apart.
func row(base, stride, third Register, j int) Mem {
	switch j {
	case 0:
		return Mem{Base: base}
	case 3:
		return Mem{Base: base, Index: third, Scale: 1}
	default:
		return Mem{Base: base, Index: stride, Scale: uint8(j)}
	}
}

// third gives three times a stride.
func third(stride Register) Register {
	r := GP64()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, r)
	return r
}

func scores512() {
	s := scoresArgs(emit.AVX512, true)
	_, size := element(true)
	q3, dst3 := third(s.qBytes), third(s.stride)
	s.tiles(func(queries int) {
		var acc [tile][4]VecVirtual
		for j := range queries {
			for i := range acc[j] {
				acc[j][i] = emit.AVX512.Zero()
			}
		}
		at, key, left := GP64(), GP64(), GP64()
		MOVQ(s.q, at)
		MOVQ(s.k, key)
		MOVQ(s.d, left)
		loop := fmt.Sprintf("numbers%d", queries)
		Label(loop)
		var k [4]VecVirtual
		for i := range k {
			k[i] = widen(emit.AVX512, Mem{Base: key, Disp: 16 * size * i}, true)
		}
		for j := range queries {
			x := ZMM()
			VBROADCASTSS(row(at, s.qBytes, q3, j), x)
			for i := range k {
				VFMADD231PS(k[i], x, acc[j][i])
			}
		}
		ADDQ(Imm(4), at)
		ADDQ(I32(page*size), key)
		DECQ(left)
		JNZ(LabelRef(loop))
		for j := range queries {
			for i := range acc[j] {
				VMOVUPS(acc[j][i], row(s.dst, s.stride, dst3, j).Offset(64*i))
			}
		}
	})
	emit.End()
}

// scores256 takes 16 keys of the page at a time: there are only 16 registers.
func scores256() {
	s := scoresArgs(emit.AVX2, true)
	_, size := element(true)
	q3, dst3 := third(s.qBytes), third(s.stride)
	s.tiles(func(queries int) {
		out, from, groups := GP64(), GP64(), GP64()
		MOVQ(s.dst, out)
		MOVQ(s.k, from)
		MOVQ(I32(4), groups)
		group := fmt.Sprintf("keys%d", queries)
		Label(group)
		var acc [tile][2]VecVirtual
		for j := range queries {
			for i := range acc[j] {
				acc[j][i] = emit.AVX2.Zero()
			}
		}
		at, key, left := GP64(), GP64(), GP64()
		MOVQ(s.q, at)
		MOVQ(from, key)
		MOVQ(s.d, left)
		loop := fmt.Sprintf("numbers%d", queries)
		Label(loop)
		var k [2]VecVirtual
		for i := range k {
			k[i] = widen(emit.AVX2, Mem{Base: key, Disp: 8 * size * i}, true)
		}
		for j := range queries {
			x := YMM()
			VBROADCASTSS(row(at, s.qBytes, q3, j), x)
			for i := range k {
				VFMADD231PS(k[i], x, acc[j][i])
			}
		}
		ADDQ(Imm(4), at)
		ADDQ(I32(page*size), key)
		DECQ(left)
		JNZ(LabelRef(loop))
		for j := range queries {
			for i := range acc[j] {
				VMOVUPS(acc[j][i], row(out, s.stride, dst3, j).Offset(32*i))
			}
		}
		ADDQ(I32(64), out)
		ADDQ(I32(16*size), from)
		DECQ(groups)
		JNZ(LabelRef(group))
	})
	emit.End()
}
