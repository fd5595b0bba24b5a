package quant

// Q2_K: 256 weights in 84 bytes: 16 bytes with a 4-bit scale s (low) and a 4-bit
// minimum m (high) for each group of 16, 64 bytes of 2-bit values q, F16 numbers
// d and dmin; a weight is d·s·q - dmin·m. Each half of 128 weights fills 32
// bytes; weight 32·k+i of a half is in byte i, bits 2k and 2k+1 (ggml
// src/ggml-quants.c dequantize_row_q2_K, d99724f2). It is only read.
var q2_kCodec = byBlock("Q2_K", 256, 84, nil, decodeQ2_K)

func decodeQ2_K(dst []float32, src []byte) {
	d, dmin := getF16(src[80:]), getF16(src[82:])
	for j, s := range src[:16] {
		scale, floor := d*float32(s&15), float32(dmin*float32(s>>4))
		h, shift, at := j/8, j%8/2*2, j%2*16
		x, q := (*[16]float32)(dst[16*j:]), (*[16]byte)(src[16+32*h+at:])
		for i, v := range q {
			x[i] = float32(scale*float32(v>>shift&3)) - floor
		}
	}
}
