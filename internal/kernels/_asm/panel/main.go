// Command panel writes the kernels for many tokens: those that unpack the codes
// of sixteen rows into the order of a panel, and those that multiply a panel
// with int8 activations.
//
// A panel holds 64 rows as bytes, for each 4 columns 64 rows of 4 bytes.
package main

import (
	. "github.com/mmcloughlin/avo/build"

	"github.com/akadata/bitnet-tool/internal/kernels/_asm/emit"
)

const panelRows = 64

func main() {
	for _, isa := range []emit.ISA{emit.AVX2, emit.AVX512} {
		i2s.unpack(isa)
		tq2.unpack(isa)
		unpackTQ1(isa)
	}
	multiply256()
	multiply512()
	Generate()
}
