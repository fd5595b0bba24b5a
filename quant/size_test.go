package quant

import (
	"errors"
	"math"
	"testing"
)

func TestSize(t *testing.T) {
	tests := []struct {
		name       string
		typ        Type
		rows, cols int64
		want       int64 // -1: ErrShape
	}{
		{"one weight", F32, 1, 1, 4},
		{"F16 embedding", F16, 128256, 2560, 656670720},
		{"Q8_0", Q8_0, 6912, 2560, 6912 * 2560 / 32 * 34},
		{"TQ1_0", TQ1_0, 2560, 6912, 2560 * 6912 / 256 * 54},
		{"TQ2_0", TQ2_0, 2560, 6912, 2560 * 6912 / 256 * 66},
		{"Q4_0", Q4_0, 2560, 6912, 2560 * 6912 / 32 * 18},
		{"Q4_1", Q4_1, 2560, 6912, 2560 * 6912 / 32 * 20},
		{"Q5_0", Q5_0, 2560, 6912, 2560 * 6912 / 32 * 22},
		{"Q5_1", Q5_1, 2560, 6912, 2560 * 6912 / 32 * 24},
		{"Q4_K", Q4_K, 2560, 6912, 2560 * 6912 / 256 * 144},
		{"Q5_K", Q5_K, 2560, 6912, 2560 * 6912 / 256 * 176},
		{"Q6_K", Q6_K, 2560, 6912, 2560 * 6912 / 256 * 210},
		{"I2_S is n/4 + 32", I2_S, 2560, 6912, 2560*6912/4 + 32},
		{"I2_S of one block", I2_S, 1, 128, 64},
		{"TL1 is n/4 + 32", TL1, 2560, 6912, 2560*6912/4 + 32},
		// (6912-256)*2560/3*5/8 + 256*2560/2*4/8 = 3,549,866 + 163,840 =
		// 3,713,706, rounded up to 3,713,728, plus 32.
		{"TL2", TL2, 2560, 6912, 3713760},
		// 64 + 32: no triples.
		{"TL2 of 256 columns", TL2, 1, 256, 96},
		// (257-256)*1/3 = 0 triples, 64, + 32.
		{"TL2 divides before it multiplies", TL2, 1, 257, 96},
		// 3/3*5/8 = 0; 9/3*5/8 = 1, 65 → 96, + 32.
		{"TL2 rounds up to 32", TL2, 1, 256 + 9, 128},

		{"I2_S row of 67.5 blocks", I2_S, 3200, 8640, -1},
		{"I2_S rows that share a block", I2_S, 2, 64, -1},
		{"TQ1_0 640 columns", TQ1_0, 1, 640, -1},
		{"TQ2_0 640 columns", TQ2_0, 1, 640, -1},
		{"I2_S 640 columns", I2_S, 1, 640, 192},
		{"Q8_0 33 columns", Q8_0, 1, 33, -1},
		{"Q5_0 33 columns", Q5_0, 1, 33, -1},
		{"Q4_K 640 columns", Q4_K, 1, 640, -1},
		{"Q6_K rows that share a block", Q6_K, 2, 128, -1},
		{"TL2 too short", TL2, 1, 255, -1},
		{"size of I8_S is not known", I8_S, 1, 128, -1},
		{"no rows", F32, 0, 1, -1},
		{"no columns", F32, 1, 0, -1},
		{"negative rows", F32, -1, 1, -1},
		{"negative columns", I2_S, 1, -128, -1},

		{"largest I8", I8, math.MaxInt64, 1, math.MaxInt64},
		{"F16 one too many", F16, 1 << 62, 1, -1},
		{"F16 largest", F16, 1<<62 - 1, 1, 1<<63 - 2},
		{"F32 wraps to 0", F32, 1 << 31, 1 << 31, -1},
		{"F32 wraps to a small number", F32, 1<<42 + 1, 1 << 20, -1},
		{"weights beyond 2^64", F32, math.MaxInt64, math.MaxInt64, -1},
		{"I2_S blocks fit, trailer does not", I2_S, 1<<58 - 1, 128, -1},
		{"I2_S largest", I2_S, 1<<58 - 2, 128, 1<<63 - 32},
		{"TQ2_0 weights beyond 2^63, bytes not", TQ2_0, 1 << 56, 256, 66 << 56},
		{"TL1 trailer overflows", TL1, math.MaxInt64, 4, -1},
		{"TL2 product overflows", TL2, 1 << 40, 1 << 40, -1},
		{"TL2 triples times 5 overflow", TL2, 1 << 31, 1<<32 - 1 + 256, -1},
		{"TL2 pairs overflow", TL2, 1 << 58, 256, -1},
		{"TL2 largest", TL2, 1<<57 - 1, 256, 1<<63 - 32},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := lookup(t, tt.typ).Size(tt.rows, tt.cols)
			if tt.want == -1 {
				if !errors.Is(err, ErrShape) {
					t.Fatalf("got %d, %v, want ErrShape", got, err)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Fatalf("got %d, %v, want %d", got, err, tt.want)
			}
		})
	}
}
