// Package emit has what the generators share: tiles of rows, and sums over the
// lanes of a vector.
package emit

import (
	"fmt"
	"slices"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Ahead is how far before their use bytes are fetched into the second cache. A
// processor fetches rows in order by itself, but not over the end of a page and
// not far enough: with this, one token runs twice as fast. Nearer, or into the
// first cache, whose waiting list is short, helps less.
const Ahead = 16 << 10

// ISA is what the vectors of a kernel are.
type ISA int

const (
	AVX2   ISA = 8 // float32 a vector
	AVX512 ISA = 16
)

func (isa ISA) String() string { return map[ISA]string{AVX2: "AVX2", AVX512: "AVX512"}[isa] }

// Vec gives a new vector of the whole width.
func (isa ISA) Vec() VecVirtual {
	if isa == AVX2 {
		return YMM()
	}
	return ZMM()
}

// Zero gives a new vector of zeros.
func (isa ISA) Zero() VecVirtual {
	v := isa.Vec()
	if isa == AVX2 {
		VPXOR(v, v, v)
	} else {
		VPSUBD(v, v, v) // of which avo knows that v need not be set before
	}
	return v
}

// Load copies a whole vector.
func (isa ISA) Load(m Mem) VecVirtual {
	v := isa.Vec()
	VMOVUPS(m, v)
	return v
}

// Broadcast gives a vector full of a float32, by its bits, or any four bytes.
func (isa ISA) Broadcast(bits uint32) VecVirtual {
	v := isa.Vec()
	if isa == AVX2 {
		VMOVD(Const(bits).As32(), v.AsX())
		VPBROADCASTD(v.AsX(), v)
	} else {
		VPBROADCASTD(Const(bits).As32(), v)
	}
	return v
}

// Const gives a general register with a value.
func Const(v uint32) GPVirtual {
	r := GP64()
	MOVL(U32(v), r.As32())
	return r
}

// Kernel starts a kernel. doc goes on after its name.
func Kernel(name, signature, doc string) {
	TEXT(name, NOSPLIT, signature)
	Pragma("noescape")
	Doc(strings.Split(name+" "+doc, "\n")...)
}

// Arg loads a parameter.
func Arg(name string) GPVirtual { return Load(Param(name), GP64()).(GPVirtual) }

// End ends a kernel.
func End() {
	VZEROUPPER()
	RET()
}

// Matrix is the arguments of a kernel over n rows of the same number of bytes,
// each giving the 4 bytes of one result.
type Matrix struct {
	Dst, Rows, N, Bytes Register
	Once                Register // advanced with the rows: what is the same for all of them
}

// Tiles runs body for tiles of rows, then for single ones.
func (m Matrix) Tiles(tile int, body func(rows int)) {
	for _, rows := range slices.Compact([]int{tile, 1}) {
		loop, end := fmt.Sprintf("tile%d", rows), fmt.Sprintf("end%d", rows)
		Label(loop)
		CMPQ(m.N, I32(rows))
		JL(LabelRef(end))
		body(rows)
		ADDQ(I32(4*rows), m.Dst)
		for range rows {
			ADDQ(m.Bytes, m.Rows)
		}
		SUBQ(I32(rows), m.N)
		JMP(LabelRef(loop))
		Label(end)
	}
}

// Walk is a tile of rows and what they are multiplied with, side by side.
type Walk struct {
	At, base, third Register // third row, for there is no index times three
	bytes           Register
}

// Walk starts at the beginning of a tile and of what they are multiplied with.
func (m Matrix) Walk(rows int) Walk {
	w := Walk{At: GP64(), base: GP64(), bytes: m.Bytes}
	MOVQ(m.Once, w.At)
	MOVQ(m.Rows, w.base)
	if rows > 3 {
		w.third = GP64()
		LEAQ(Mem{Base: m.Bytes, Index: m.Bytes, Scale: 2}, w.third)
	}
	return w
}

// Row gives where row r of the tile is at.
func (w Walk) Row(r int) Mem {
	switch r {
	case 0:
		return Mem{Base: w.base}
	case 3:
		return Mem{Base: w.base, Index: w.third, Scale: 1}
	default:
		return Mem{Base: w.base, Index: w.bytes, Scale: uint8(r)}
	}
}

// Advance goes on by so many bytes of every row and of the other side.
func (w Walk) Advance(row, other int) {
	ADDQ(I32(row), w.base)
	ADDQ(I32(other), w.At)
}
