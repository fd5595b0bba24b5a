package quant

import (
	"encoding/binary"
	"math"
)

// Q8_K: 256 weights in 292 bytes: an F32 scale d, 256 int8 values q, and 16
// int16 sums of 16 values each, which only serve dot products; a weight is d·q
// (ggml src/ggml-quants.c dequantize_row_q8_K, d99724f2). ggml quantizes
// activations to it and does not write it to files; it is only read.
var q8_kCodec = byBlock("Q8_K", 256, 292, nil, func(dst []float32, src []byte) {
	d := math.Float32frombits(binary.LittleEndian.Uint32(src))
	q := (*[256]byte)(src[4:])
	for i, v := range q {
		dst[i] = d * float32(int8(v))
	}
})
