package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/akadata/bitnet-tool/internal/kernels/_asm/emit"
)

// tile is how many rows go side by side. More would load activations less often,
// but they come from the first cache, while rows one after the other are what
// memory is fastest at.
const tile = 1

// twoBits is a format with four codes a byte: weight 32·g + j of 128 is in byte
// j of 32, from bit shift(g) on.
type twoBits struct {
	name   string
	scaled bool // 64 bytes of codes are followed by a scale of two
	shift  [4]int
}

var formats = []twoBits{
	{"I2S", false, [4]int{6, 4, 2, 0}},
	{"TQ2", true, [4]int{0, 2, 4, 6}},
}

// matrix starts a kernel.
func (f twoBits) matrix(isa emit.ISA) (m emit.Matrix, cols, scale, mixed Register) {
	if f.scaled {
		emit.Kernel("mul"+f.name+isa.String(), "func(dst *int32, rows *byte, q *int8, n, bytes, cols int, scale uint16) uint32",
			`multiplies n rows of codes, bytes each, with cols int8, and says by
a number other than 0 that a block has another scale:

	for r := range n {
		dst[r] = Σ code(r, c) · q[c]
	}`)
	} else {
		emit.Kernel("mul"+f.name+isa.String(), "func(dst *int32, rows *byte, q *int8, n, bytes, cols int)",
			`multiplies n rows of codes, bytes each, with cols int8:

	for r := range n {
		dst[r] = Σ code(r, c) · q[c]
	}`)
	}
	m = emit.Matrix{
		Dst: emit.Arg("dst"), Rows: emit.Arg("rows"), Once: emit.Arg("q"),
		N: emit.Arg("n"), Bytes: emit.Arg("bytes"),
	}
	cols = emit.Arg("cols")
	if f.scaled {
		scale, mixed = Load(Param("scale"), GP32()), GP32()
		XORL(mixed, mixed)
	}
	return m, cols, scale, mixed
}

// kernel512 adds up four groups of codes in four vectors a row. Codes are
// multiplied where they are in their bytes: each sum is a multiple of what that
// makes of them, and is shifted down at the end. 64 bytes are two times 128
// weights, so each vector of activations has 32 of either.
func (f twoBits) kernel512() {
	m, cols, scale, mixed := f.matrix(emit.AVX512)
	var mask [4]VecVirtual
	for g, shift := range f.shift {
		mask[g] = emit.AVX512.Broadcast(0x03030303 << shift)
	}
	lower := K()
	KMOVB(emit.Const(0x0f).As32(), lower)
	m.Tiles(tile, func(rows int) {
		var acc [tile][4]VecVirtual
		for r := range rows {
			for g := range acc[r] {
				acc[r][g] = emit.AVX512.Zero()
			}
		}
		w := m.Walk(rows)
		left := GP64()
		MOVQ(cols, left)
		step := func(full bool) {
			var y [4]VecVirtual
			for g := range y {
				y[g] = ZMM()
				at := Mem{Base: w.At, Disp: 32 * g}
				VBROADCASTI64X4(at, y[g])
				if full {
					VINSERTI64X4(U8(1), at.Offset(128), y[g], y[g])
				}
			}
			for r := range rows {
				at := w.Row(r)
				x, code := ZMM(), ZMM()
				PREFETCHT1(at.Offset(emit.Ahead))
				if full {
					VMOVDQU64(at, x)
				} else {
					VMOVDQU64_Z(at, lower, x)
				}
				for g := range y {
					VPANDD(x, mask[g], code)
					VPDPBUSD(y[g], code, acc[r][g])
				}
				f.compare(at.Offset(64), scale, mixed)
			}
		}
		name := fmt.Sprintf("rows%d", rows)
		SUBQ(I32(256), left)
		JL(LabelRef(name + "half"))
		Label(name + "loop")
		step(true)
		w.Advance(f.bytes(64), 256)
		SUBQ(I32(256), left)
		JGE(LabelRef(name + "loop"))
		Label(name + "half")
		if !f.scaled { // 128 weights may be left
			ADDQ(I32(256), left)
			JZ(LabelRef(name + "sum"))
			step(false)
			Label(name + "sum")
		}
		for r := range rows {
			for g, shift := range f.shift {
				if shift > 0 {
					VPSRAD(U8(shift), acc[r][g], acc[r][g])
				}
			}
			VPADDD(acc[r][1], acc[r][0], acc[r][0])
			VPADDD(acc[r][3], acc[r][2], acc[r][2])
			VPADDD(acc[r][2], acc[r][0], acc[r][0])
			VMOVD(emit.SumInt32(acc[r][0]), Mem{Base: m.Dst, Disp: 4 * r})
		}
	})
	f.end(mixed)
}

// bytes gives how far it is from one piece of so many bytes of codes to the
// next.
func (f twoBits) bytes(codes int) int {
	if f.scaled {
		return codes + 2
	}
	return codes
}

// compare notes in mixed if the scale at p is another one.
func (f twoBits) compare(p Mem, scale, mixed Register) {
	if !f.scaled {
		return
	}
	d := GP32()
	MOVWLZX(p, d)
	XORL(scale, d)
	ORL(d, mixed)
}

func (f twoBits) end(mixed Register) {
	if f.scaled {
		Store(mixed, ReturnIndex(0))
	}
	emit.End()
}

// kernel256 keeps two sums a row: of the codes in bits 0 and 4, which are as
// they are, and of those in bits 2 and 6, which are four times too large after
// the upper ones came down by four. Sums of 16 bits hold at most four products
// of 12 and 128 before they are widened.
func (f twoBits) kernel256() {
	m, cols, scale, mixed := f.matrix(emit.AVX2)
	low, high := emit.AVX2.Broadcast(0x03030303), emit.AVX2.Broadcast(0x0c0c0c0c)
	ones := emit.AVX2.Broadcast(0x00010001)
	var group [8]int // the group of codes by their bit
	for g, shift := range f.shift {
		group[shift] = g
	}
	pieces := 1 // of 128 weights a turn of the loop
	if f.scaled {
		pieces = 2
	}
	m.Tiles(tile, func(rows int) {
		var acc [tile][2]VecVirtual
		for r := range rows {
			for i := range acc[r] {
				acc[r][i] = emit.AVX2.Zero()
			}
		}
		w := m.Walk(rows)
		left := GP64()
		MOVQ(cols, left)
		loop := fmt.Sprintf("rows%dloop", rows)
		Label(loop)
		for r := range rows {
			PREFETCHT1(w.Row(r).Offset(emit.Ahead))
			for piece := range pieces {
				at := w.Row(r).Offset(32 * piece)
				x, up := YMM(), YMM()
				VMOVDQU(at, x)
				VPSRLW(U8(4), x, up)
				for i, mask := range []VecVirtual{low, high} {
					s, t := YMM(), YMM()
					VPAND(up, mask, s)
					VPMADDUBSW(Mem{Base: w.At, Disp: 128*piece + 32*group[4+2*i]}, s, s)
					VPAND(x, mask, t)
					VPMADDUBSW(Mem{Base: w.At, Disp: 128*piece + 32*group[2*i]}, t, t)
					VPADDW(t, s, s)
					VPMADDWD(ones, s, s)
					VPADDD(s, acc[r][i], acc[r][i])
				}
			}
			f.compare(w.Row(r).Offset(64), scale, mixed)
		}
		w.Advance(f.bytes(32*pieces), 128*pieces)
		SUBQ(I32(128*pieces), left)
		JG(LabelRef(loop))
		for r := range rows {
			VPSRAD(U8(2), acc[r][1], acc[r][1])
			VPADDD(acc[r][1], acc[r][0], acc[r][0])
			VMOVD(emit.SumInt32(acc[r][0]), Mem{Base: m.Dst, Disp: 4 * r})
		}
	})
	f.end(mixed)
}
