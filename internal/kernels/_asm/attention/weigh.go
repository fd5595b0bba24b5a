package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/akadata/bitnet-tool/internal/kernels/_asm/emit"
)

type weigh struct {
	a, p, v, n, d, stride, width Register
}

func weighArgs(isa emit.ISA, half bool) weigh {
	el, size := element(half)
	emit.Kernel("weigh"+suffix(half)+isa.String(), fmt.Sprintf("func(a, p *float32, v %s, n, positions, cols, d, stride, width int)", el),
		`adds values times weights, for n queries and a multiple of 16 columns:

	for j := range n {
		for i := range positions {
			for c := range cols {
				a[d·j+c] += p[stride·j+i] · v[width·i+c]
			}
		}
	}`)
	w := weigh{
		a: emit.Arg("a"), p: emit.Arg("p"), v: emit.Arg("v"), n: emit.Arg("n"),
		d: emit.Arg("d"), stride: emit.Arg("stride"), width: emit.Arg("width"),
	}
	SHLQ(Imm(2), w.d)
	SHLQ(Imm(2), w.stride)
	SHLQ(Imm(uint64(size/2)), w.width)
	return w
}

// block adds up queries × vectors sums over all positions. cols is the byte
// offset of the columns in a, and v points to those of the first position.
func (w weigh) block(isa emit.ISA, half bool, name string, queries, vectors int, a, v Register) {
	_, size := element(half)
	bytes := 4 * int(isa)
	a3, p3 := third(w.d), third(w.stride)
	acc := make([][]VecVirtual, queries)
	for j := range acc {
		for i := range vectors {
			acc[j] = append(acc[j], isa.Load(row(a, w.d, a3, j).Offset(bytes*i)))
		}
	}
	p, from, left := GP64(), GP64(), emit.Arg("positions")
	MOVQ(w.p, p)
	MOVQ(v, from)
	Label(name)
	var values []VecVirtual
	for i := range vectors {
		values = append(values, widen(isa, Mem{Base: from, Disp: int(isa) * size * i}, half))
	}
	for j := range queries {
		x := isa.Vec()
		VBROADCASTSS(row(p, w.stride, p3, j), x)
		for i := range vectors {
			VFMADD231PS(values[i], x, acc[j][i])
		}
	}
	ADDQ(Imm(4), p)
	ADDQ(w.width, from)
	DECQ(left)
	JNZ(LabelRef(name))
	a3 = third(w.d)
	for j := range acc {
		for i, sum := range acc[j] {
			VMOVUPS(sum, row(a, w.d, a3, j).Offset(bytes*i))
		}
	}
}

// generate writes loops over tiles of queries and, in each, over blocks of
// columns, of at most most vectors.
func (w weigh) generate(isa emit.ISA, half bool, most int) {
	_, size := element(half)
	for _, queries := range []int{tile, 1} {
		next, end := fmt.Sprintf("queries%d", queries), fmt.Sprintf("end%d", queries)
		Label(next)
		CMPQ(w.n, I32(queries))
		JL(LabelRef(end))
		a, v, cols := GP64(), GP64(), emit.Arg("cols")
		MOVQ(w.a, a)
		MOVQ(w.v, v)
		for _, width := range []int{most * int(isa), 16} {
			more, done := fmt.Sprintf("columns%d_%d", queries, width), fmt.Sprintf("done%d_%d", queries, width)
			Label(more)
			CMPQ(cols, I32(width))
			JL(LabelRef(done))
			w.block(isa, half, fmt.Sprintf("positions%d_%d", queries, width), queries, width/int(isa), a, v)
			ADDQ(I32(4*width), a)
			ADDQ(I32(size*width), v)
			SUBQ(I32(width), cols)
			JMP(LabelRef(more))
			Label(done)
			if width == 16 {
				break
			}
		}
		for range queries {
			ADDQ(w.d, w.a)
			ADDQ(w.stride, w.p)
		}
		SUBQ(I32(queries), w.n)
		JMP(LabelRef(next))
		Label(end)
	}
	emit.End()
}

func weigh512(half bool) { weighArgs(emit.AVX512, half).generate(emit.AVX512, half, 4) }

func weigh256(half bool) { weighArgs(emit.AVX2, half).generate(emit.AVX2, half, 2) }
