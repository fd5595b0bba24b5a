// Command ternary writes the kernels that multiply rows of 2-bit codes with one
// token of int8 activations, straight from the bytes of the file.
package main

import (
	. "github.com/mmcloughlin/avo/build"

	"github.com/akadata/bitnet-tool/internal/kernels/_asm/emit"
)

func main() {
	for _, f := range formats {
		f.kernel256()
		f.kernel512()
	}
	q8(emit.AVX2)
	q8(emit.AVX512)
	Generate()
}
