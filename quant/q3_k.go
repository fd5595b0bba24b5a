package quant

// Q3_K: 256 weights in 110 bytes: 32 bytes of third bits, 64 bytes of low 2 bits
// as in [Q2_K], 12 bytes of 6-bit scales s for groups of 16, and an F16 number
// d; a weight is d·(s-32)·(q-4). Weight 32·k+i of the block has its third bit in
// bit k of byte i (ggml src/ggml-quants.c dequantize_row_q3_K, d99724f2). It is
// only read.
var q3_kCodec = byBlock("Q3_K", 256, 110, nil, decodeQ3_K)

func decodeQ3_K(dst []float32, src []byte) {
	d, scales := getF16(src[108:]), (*[12]byte)(src[96:])
	for j := range 16 {
		s := scales[j%8]>>(j/8*4)&15 | scales[8+j%4]>>(j/4*2)<<4&0x30
		scale := d * float32(int32(s)-32)
		h, shift, at := j/8, j%8/2*2, j%2*16
		x := (*[16]float32)(dst[16*j:])
		third, low := (*[16]byte)(src[at:]), (*[16]byte)(src[32+32*h+at:])
		for i := range x {
			q := low[i]>>shift&3 | third[i]>>(j/2)<<2&4
			x[i] = scale * float32(int32(q)-4)
		}
	}
}
