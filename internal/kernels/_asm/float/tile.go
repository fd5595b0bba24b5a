package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/akadata/bitnet-tool/internal/kernels/_asm/emit"
)

// tile writes the kernel that multiplies rows with many tokens, side rows with
// side tokens at a time, so that each number is loaded once for side products.
func tile(isa emit.ISA, side int) {
	emit.Kernel("tileF32"+isa.String(), "func(dst *float32, stride int, rows, x *float32, n, tokens, cols int)",
		`multiplies n rows w with tokens x, both of cols numbers. The three are
multiples of 4, 4 and 16:

	for t := range tokens {
		for r := range n {
			var s [16]float32
			for i := range cols {
				s[i%16] += float32(w[r][i] * x[t][i])
			}
			dst[stride·t+r] = fold(s)
		}
	}`)
	dst, stride, x, cols := emit.Arg("dst"), emit.Arg("stride"), emit.Arg("x"), emit.Arg("cols")
	SHLQ(Imm(2), stride)
	SHLQ(Imm(2), cols)
	third := GP64()
	LEAQ(Mem{Base: cols, Index: cols, Scale: 2}, third)
	row := func(base Register, i int) Mem {
		switch i {
		case 0:
			return Mem{Base: base}
		case 3:
			return Mem{Base: base, Index: third, Scale: 1}
		}
		return Mem{Base: base, Index: cols, Scale: uint8(i)}
	}
	tokens := emit.Arg("tokens")
	Label("tokens")
	rows, n, out := emit.Arg("rows"), emit.Arg("n"), GP64()
	MOVQ(dst, out)
	Label("rows")
	parts := 16 / int(isa)
	acc := make([][][]VecVirtual, side)
	for t := range acc {
		acc[t] = make([][]VecVirtual, side)
		for r := range acc[t] {
			for range parts {
				acc[t][r] = append(acc[t][r], isa.Zero())
			}
		}
	}
	w, v, left := GP64(), GP64(), GP64()
	MOVQ(rows, w)
	MOVQ(x, v)
	MOVQ(cols, left)
	Label("cols")
	for part := range parts {
		at := 4 * int(isa) * part
		weights := make([]VecVirtual, side)
		for r := range weights {
			weights[r] = isa.Load(row(w, r).Offset(at))
		}
		for t := range side {
			token := isa.Load(row(v, t).Offset(at))
			for r := range side {
				product := isa.Vec()
				VMULPS(weights[r], token, product)
				VADDPS(product, acc[t][r][part], acc[t][r][part])
			}
		}
	}
	ADDQ(Imm(64), w)
	ADDQ(Imm(64), v)
	SUBQ(Imm(64), left)
	JNZ(LabelRef("cols"))
	to := GP64()
	MOVQ(out, to)
	for t := range acc {
		for r := range acc[t] {
			VMOVD(emit.FoldFloat32(acc[t][r]), Mem{Base: to, Disp: 4 * r})
		}
		if t < side-1 {
			ADDQ(stride, to)
		}
	}
	for range side {
		ADDQ(cols, rows)
	}
	ADDQ(I32(4*side), out)
	SUBQ(I32(side), n)
	JNZ(LabelRef("rows"))
	for range side {
		ADDQ(cols, x)
		ADDQ(stride, dst)
	}
	SUBQ(I32(side), tokens)
	JNZ(LabelRef("tokens"))
	emit.End()
}
