package quant

import (
	"math"
	"sync"

	"github.com/akadata/bitnet-tool/internal/kernels"
)

// fast gives the kernels of this machine. They are called when the input is
// known to be in order; else plain Go finds and names what is not.
var fast = sync.OnceValue(kernels.Default)

// maxF16 is the smallest magnitude that rounds to Inf in F16.
const maxF16 = 65520

// maxBF16 is the largest bfloat16.
const maxBF16 = 0x1.fep127

// below reports whether all weights are finite and of magnitudes below limit.
func below(limit float32, x []float32) bool {
	_, _, most := fast().Magnitudes(x)
	return most < math.Float32bits(limit)
}
