// Command attention writes the kernels of attention: scores of queries against
// pages of keys, and sums of weighted values.
package main

import (
	. "github.com/mmcloughlin/avo/build"

	"github.com/akadata/bitnet-tool/internal/kernels/_asm/emit"
)

func main() {
	scoresF32(emit.AVX512)
	scores512()
	scoresF32(emit.AVX2)
	scores256()
	weigh512(false)
	weigh512(true)
	weigh256(false)
	weigh256(true)
	Generate()
}
