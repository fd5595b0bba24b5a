package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/akadata/bitnet-tool/internal/kernels/_asm/emit"
)

// unpacking is a kernel that brings 16 rows into the order of a panel.
type unpacking struct {
	isa         emit.ISA
	panel       Register
	group       [4]Register // the first of each four rows
	stride      Register
	thirdStride Register
	blocks      Register
}

func newUnpacking(isa emit.ISA, name string, cols int) unpacking {
	emit.Kernel("unpack"+name+isa.String(), "func(panel, rows *byte, stride, blocks int)",
		fmt.Sprintf(`unpacks 16 rows, stride bytes apart, of blocks of %d columns:

	for r := range 16 {
		for c := range %[1]d * blocks {
			panel[256·(c/4)+4·r+c%%4] = code(rows[stride·r:], c)
		}
	}`, cols))
	u := unpacking{
		isa: isa, panel: emit.Arg("panel"), stride: emit.Arg("stride"), thirdStride: GP64(), blocks: emit.Arg("blocks"),
	}
	LEAQ(Mem{Base: u.stride, Index: u.stride, Scale: 2}, u.thirdStride)
	u.group[0] = emit.Arg("rows")
	for i := range 3 {
		u.group[i+1] = GP64()
		LEAQ(Mem{Base: u.group[i], Index: u.stride, Scale: 4}, u.group[i+1])
	}
	return u
}

// loop runs body for every block of so many bytes a row, and so many columns.
func (u unpacking) loop(bytes, cols int, body func()) {
	Label("loop")
	body()
	for _, p := range u.group {
		ADDQ(I32(bytes), p)
	}
	ADDQ(I32(cols*panelRows), u.panel)
	DECQ(u.blocks)
	JNZ(LabelRef("loop"))
	emit.End()
}

// row gives row 4·g + i.
func (u unpacking) row(g, i, offset int) Mem {
	m := Mem{Base: u.group[g], Disp: offset}
	switch i {
	case 0:
	case 3:
		m.Index, m.Scale = u.thirdStride, 1
	default:
		m.Index, m.Scale = u.stride, uint8(i)
	}
	return m
}

// transpose takes 16 bytes of every row from offset on. It gives take, for each
// of the 4 dwords in them, vectors of that dword of all rows: one of 16, or two
// of 8; at is where in 64 bytes the vector belongs.
func (u unpacking) transpose(offset int, take func(dword, at int, t VecVirtual)) {
	lanes := int(u.isa) / 4
	for first := 0; first < 4; first += lanes {
		// Lane l of x[i] is row 4·(first+l) + i.
		var x [4]VecVirtual
		for i := range x {
			x[i] = u.isa.Vec()
			if u.isa == emit.AVX2 {
				VBROADCASTI128(u.row(first, i, offset), x[i])
				VINSERTI128(U8(1), u.row(first+1, i, offset), x[i], x[i])
				continue
			}
			VBROADCASTI32X4(u.row(0, i, offset), x[i])
			for l := 1; l < lanes; l++ {
				VINSERTI32X4(U8(l), u.row(l, i, offset), x[i], x[i])
			}
		}
		var y [4]VecVirtual // dwords 0 and 1 of x[0] and x[1], of x[2] and x[3]; 2 and 3
		for i := range y {
			y[i] = u.isa.Vec()
		}
		VPUNPCKLDQ(x[1], x[0], y[0])
		VPUNPCKLDQ(x[3], x[2], y[1])
		VPUNPCKHDQ(x[1], x[0], y[2])
		VPUNPCKHDQ(x[3], x[2], y[3])
		for d := range 4 {
			t := x[d]
			if a, b := y[d&2], y[d&2+1]; d%2 == 0 {
				VPUNPCKLQDQ(b, a, t)
			} else {
				VPUNPCKHQDQ(b, a, t)
			}
			take(d, 16*first, t)
		}
	}
}

// put stores a vector of the codes of columns 4·c to 4·c+3.
func (u unpacking) put(v VecVirtual, c, at int) {
	VMOVUPS(v, Mem{Base: u.panel, Disp: 4*panelRows*c + at})
}

// twoBits is a format with four codes a byte: weight 32·g + j of 128 is in byte
// j of 32, from bit shift(g) on.
type twoBits struct {
	name  string
	half  int // blocks of 128 weights, 32 bytes each, in one of the format
	bytes int // of that
	shift func(g int) int
}

var (
	i2s = twoBits{"I2S", 1, 32, func(g int) int { return 6 - 2*g }}
	tq2 = twoBits{"TQ2", 2, 66, func(g int) int { return 2 * g }}
)

func (f twoBits) unpack(isa emit.ISA) {
	u := newUnpacking(isa, f.name, 128*f.half)
	three := isa.Broadcast(0x03030303)
	u.loop(f.bytes, 128*f.half, func() {
		for part := 0; part < 32*f.half; part += 16 {
			u.transpose(part, func(d, at int, t VecVirtual) {
				for g := range 4 {
					v := isa.Vec()
					VPSRLD(U8(f.shift(g)), t, v)
					VANDPS(three, v, v)
					u.put(v, part/32*32+8*g+part%32/4+d, at)
				}
			})
		}
	})
}

// unpackTQ1 takes codes off the top: a byte is a fraction of 256, its digits in
// base 3 are the codes.
func unpackTQ1(isa emit.ISA) {
	u := newUnpacking(isa, "TQ1", 256)
	first, second, one := isa.Broadcast(0x55555555), isa.Broadcast(0xaaaaaaaa), isa.Broadcast(0x01010101)
	digits := func(t VecVirtual, n, c, step, at int) {
		for k := range n {
			a, b := isa.Vec(), isa.Vec()
			VPSUBUSB(first, t, a) // more than 0 from 86 on, a third of 256
			VPMINUB(one, a, a)
			VPSUBUSB(second, t, b) // from 171 on, two thirds
			VPMINUB(one, b, b)
			VPADDB(b, a, a)
			u.put(a, c+step*k, at)
			if k < n-1 {
				VPADDB(t, t, a)
				VPADDB(a, t, t)
			}
		}
	}
	u.loop(54, 256, func() {
		for r := range 16 { // it serves single tokens too
			PREFETCHT1(u.row(r/4, r%4, emit.Ahead))
		}
		for part := 0; part < 32; part += 16 {
			u.transpose(part, func(d, at int, t VecVirtual) { digits(t, 5, part/4+d, 8, at) })
		}
		u.transpose(32, func(d, at int, t VecVirtual) { digits(t, 5, 40+d, 4, at) })
		u.transpose(36, func(d, at int, t VecVirtual) { // of which bytes 48 to 51 are new
			if d == 3 {
				digits(t, 4, 60, 1, at)
			}
		})
	})
}
