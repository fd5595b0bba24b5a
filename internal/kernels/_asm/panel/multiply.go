package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/akadata/bitnet-tool/internal/kernels/_asm/emit"
)

// product is a kernel that multiplies a panel with n tokens.
type product struct {
	dst, panel, q, n, cols Register
}

func newProduct(isa emit.ISA) product {
	emit.Kernel("mulPanel"+isa.String(), "func(dst *int32, panel *byte, q *int8, n, cols int)",
		`multiplies a panel of 64 rows of codes with n tokens; cols is a positive
multiple of 128:

	for t := range n {
		for r := range 64 {
			dst[64·t+r] = Σ panel[256·(c/4)+4·r+c%4] · q[cols·t+c]
		}
	}`)
	return product{emit.Arg("dst"), emit.Arg("panel"), emit.Arg("q"), emit.Arg("n"), emit.Arg("cols")}
}

// tokens runs body for so many tokens at a time, as often as they are there.
func (p product) tokens(counts []int, body func(name string, tokens int)) {
	for _, n := range counts {
		name := fmt.Sprintf("tokens%d", n)
		Label(name)
		CMPQ(p.n, I32(n))
		JL(LabelRef(name + "end"))
		body(name, n)
		ADDQ(I32(4*panelRows*n), p.dst)
		for range n {
			ADDQ(p.cols, p.q)
		}
		SUBQ(I32(n), p.n)
		JMP(LabelRef(name))
		Label(name + "end")
	}
}

// rowsOf walks over n tokens of cols bytes side by side, three a pointer.
func (p product) rowsOf(n int) (at func(t int) Mem, advance func(bytes int)) {
	var base []Register
	for i := 0; i < n; i += 3 {
		b := GP64()
		if i == 0 {
			MOVQ(p.q, b)
		} else {
			LEAQ(Mem{Base: base[len(base)-1], Index: p.cols, Scale: 2}, b)
			ADDQ(p.cols, b)
		}
		base = append(base, b)
	}
	at = func(t int) Mem {
		m := Mem{Base: base[t/3]}
		if t%3 > 0 {
			m.Index, m.Scale = p.cols, uint8(t%3)
		}
		return m
	}
	return at, func(bytes int) {
		for _, b := range base {
			ADDQ(I32(bytes), b)
		}
	}
}

// multiply512 keeps 64 rows and up to 6 tokens in registers. VPDPBUSD takes the
// unsigned codes from a register and four activations of a token from memory,
// for all rows alike.
func multiply512() {
	p := newProduct(emit.AVX512)
	p.tokens([]int{6, 2, 1}, func(name string, tokens int) {
		var acc [6][4]VecVirtual
		for t := range tokens {
			for g := range acc[t] {
				acc[t][g] = emit.AVX512.Zero()
			}
		}
		at, advance := p.rowsOf(tokens)
		panel, left := GP64(), GP64()
		MOVQ(p.panel, panel)
		MOVQ(p.cols, left)
		Label(name + "loop")
		const unroll = 2
		for u := range unroll {
			var w [4]VecVirtual
			for g := range w {
				w[g] = ZMM()
				VMOVDQU64(Mem{Base: panel, Disp: 4*panelRows*u + 64*g}, w[g])
			}
			for t := range tokens {
				for g := range w {
					VPDPBUSD_BCST(at(t).Offset(4*u), w[g], acc[t][g])
				}
			}
		}
		ADDQ(I32(4*panelRows*unroll), panel)
		advance(4 * unroll)
		SUBQ(I32(4*unroll), left)
		JG(LabelRef(name + "loop"))
		for t := range tokens {
			for g, a := range acc[t] {
				VMOVDQU64(a, Mem{Base: p.dst, Disp: 4*panelRows*t + 64*g})
			}
		}
	})
	emit.End()
}

// multiply256 keeps 16 rows and up to 4 tokens in registers, as sums of 16 bits
// over 128 columns: of 32 steps with two products of at most 3 · 128, which 16
// bits can hold for 42.
func multiply256() {
	p := newProduct(emit.AVX2)
	ones := emit.AVX2.Broadcast(0x00010001)
	p.tokens([]int{4, 1}, func(name string, tokens int) {
		group := GP64() // bytes from the start of a step of the panel
		XORQ(group, group)
		Label(name + "group")
		sum := func(t, h int) Mem {
			return Mem{Base: p.dst, Index: group, Scale: 1, Disp: 4*panelRows*t + 32*h}
		}
		zero := emit.AVX2.Zero()
		for t := range tokens {
			for h := range 2 {
				VMOVDQU(zero, sum(t, h))
			}
		}
		at, advance := p.rowsOf(tokens)
		panel, left := GP64(), GP64()
		MOVQ(p.panel, panel)
		ADDQ(group, panel)
		MOVQ(p.cols, left)
		Label(name + "block")
		var acc [4][2]VecVirtual
		for t := range tokens {
			for h := range 2 {
				acc[t][h] = emit.AVX2.Zero()
			}
		}
		steps := GP64()
		MOVL(U32(32), steps.As32())
		Label(name + "loop")
		var w [2]VecVirtual
		for h := range w {
			w[h] = YMM()
			VMOVDQU(Mem{Base: panel, Disp: 32 * h}, w[h])
		}
		for t := range tokens {
			y := YMM()
			VPBROADCASTD(at(t), y)
			for h := range w {
				v := YMM()
				VPMADDUBSW(y, w[h], v)
				VPADDW(v, acc[t][h], acc[t][h])
			}
		}
		ADDQ(I32(4*panelRows), panel)
		advance(4)
		DECQ(steps)
		JNZ(LabelRef(name + "loop"))
		for t := range tokens {
			for h, a := range acc[t] {
				VPMADDWD(ones, a, a)
				VPADDD(sum(t, h), a, a)
				VMOVDQU(a, sum(t, h))
			}
		}
		SUBQ(I32(128), left)
		JG(LabelRef(name + "block"))
		ADDQ(Imm(64), group)
		CMPQ(group, I32(256))
		JL(LabelRef(name + "group"))
	})
	emit.End()
}
