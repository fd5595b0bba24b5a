// Command float writes the kernels that multiply rows of a matrix, decoded on
// the way, with one token of float32 activations. All sum in the order of
// DotF32: sixteen partial sums, folded in halves. Others decode rows first, and
// multiply them with many tokens.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/akadata/bitnet-tool/internal/kernels/_asm/emit"
)

// maxTile is the most rows that go side by side: their sums do not wait for each
// other.
const maxTile = 4

// format is how weights lie in a row.
type format struct {
	name  string
	cols  int // weights a block, a multiple of 16
	bytes int // their bytes
	tile  int // rows side by side

	// setup makes what block wants to be the same for all blocks; it may be
	// nil. block calls take with each vector of weights of the block at p, in
	// order.
	setup func(isa emit.ISA) *shared
	block func(isa emit.ISA, s *shared, p Mem, take func(w VecVirtual))
}

func main() {
	for _, f := range []format{
		{"F32", 16, 64, 4, nil, f32},
		{"F16", 16, 32, 4, nil, f16},
		{"BF16", 16, 32, 4, nil, bf16},
		{"Q8_0", 32, 34, 4, nil, q8_0},
		{"Q4_0", 32, 18, 4, nibbles, q4_0},
		{"Q4K", 256, 144, 2, nibbles, q4k},
		{"Q6K", 256, 210, 2, sixBits, q6k},
	} {
		f.kernel(emit.AVX2)
		f.kernel(emit.AVX512)
		if f.name[0] == 'Q' { // the converter decodes the others
			f.decode(emit.AVX2)
			f.decode(emit.AVX512)
		}
	}
	tile(emit.AVX2, 2)
	tile(emit.AVX512, 4)
	Generate()
}

// kernel writes the kernel of a format.
func (f format) kernel(isa emit.ISA) {
	emit.Kernel("mul"+f.name+isa.String(), "func(dst *float32, rows *byte, x *float32, n, bytes, blocks int)",
		fmt.Sprintf(`multiplies n rows of %s weights w with a token x. A row has bytes
bytes in blocks, one or more, of %d weights:

	for r := range n {
		var s [16]float32
		for i := range %d * blocks {
			s[i%%16] += float32(w[r][i] * x[i])
		}
		dst[r] = fold(s)
	}`, f.name, f.cols, f.cols))
	m := emit.Matrix{
		Dst: emit.Arg("dst"), Rows: emit.Arg("rows"), Once: emit.Arg("x"),
		N: emit.Arg("n"), Bytes: emit.Arg("bytes"),
	}
	blocks := emit.Arg("blocks")
	var s *shared
	if f.setup != nil {
		s = f.setup(isa)
	}
	m.Tiles(f.tile, func(rows int) {
		parts := 16 / int(isa) // vectors of partial sums
		var acc [maxTile][]VecVirtual
		for r := range rows {
			for range parts {
				acc[r] = append(acc[r], isa.Zero())
			}
		}
		w := m.Walk(rows)
		left := GP64()
		MOVQ(blocks, left)
		loop := fmt.Sprintf("rows%dloop", rows)
		Label(loop)
		for r := range rows {
			at := w.Row(r)
			for line := 0; line < f.bytes; line += 64 {
				PREFETCHT1(at.Offset(emit.Ahead + line))
			}
			n := 0
			f.block(isa, s, at, func(v VecVirtual) {
				VMULPS(Mem{Base: w.At, Disp: 4 * int(isa) * n}, v, v)
				a := acc[r][n%parts]
				VADDPS(v, a, a)
				n++
			})
		}
		w.Advance(f.bytes, 4*f.cols)
		DECQ(left)
		JNZ(LabelRef(loop))
		for r := range rows {
			VMOVD(emit.FoldFloat32(acc[r]), Mem{Base: m.Dst, Disp: 4 * r})
		}
	})
	emit.End()
}

// decode writes the kernel that only decodes.
func (f format) decode(isa emit.ISA) {
	emit.Kernel("decode"+f.name+isa.String(), "func(dst *float32, src *byte, blocks int)",
		fmt.Sprintf("decodes blocks, one or more, of %d weights in %d bytes.", f.cols, f.bytes))
	dst, src, blocks := emit.Arg("dst"), emit.Arg("src"), emit.Arg("blocks")
	var s *shared
	if f.setup != nil {
		s = f.setup(isa)
	}
	Label("loop")
	at := 0
	f.block(isa, s, Mem{Base: src}, func(v VecVirtual) {
		VMOVUPS(v, Mem{Base: dst, Disp: at})
		at += 4 * int(isa)
	})
	ADDQ(I32(f.bytes), src)
	ADDQ(I32(4*f.cols), dst)
	DECQ(blocks)
	JNZ(LabelRef("loop"))
	emit.End()
}
