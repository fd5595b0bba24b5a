package convert

import (
	"fmt"

	"github.com/akadata/bitnet-tool/gguf"
)

// errLayoutUnknown is the error for I2_S tensors of a file that does not state
// how their codes are arranged.
func errLayoutUnknown() error {
	return fmt.Errorf("%w: the file has no key %s and nothing else in it tells. Builds for x86 and the published files have %s, llama-quantize for ARM since November 2025 %s, x86 builds without ACT_PARALLEL %s",
		ErrLayout, gguf.LayoutKey, gguf.Layout128x32, gguf.Layout64x16, gguf.Layout4Rows)
}
