//go:build darwin || linux

package atomicfile

import (
	"math"
	"testing"
)

func TestProduct(t *testing.T) {
	for _, tt := range []struct {
		blocks, size uint64
		want         int64
	}{
		{0, 4096, 0},
		{3, 4096, 12288},
		{1 << 50, 1 << 12, 1 << 62},
		{1 << 51, 1 << 12, math.MaxInt64},
		{math.MaxUint64, 1 << 17, math.MaxInt64}, // of FUSE file systems without an end
	} {
		if got := product(tt.blocks, tt.size); got != tt.want {
			t.Errorf("%d blocks of %d: %d, want %d", tt.blocks, tt.size, got, tt.want)
		}
	}
}
