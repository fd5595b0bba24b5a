package quant

// Q4_K: 256 weights in 144 bytes, F16 numbers d and dmin, 12 bytes with eight
// 6-bit pairs (s, m), and 256 values q of 4 bits. A weight of group j, 32
// weights, is d·s[j]·q - dmin·m[j]. Groups 2g and 2g+1 share 32 bytes, the first
// in the low bits (ggml src/ggml-quants.c quantize_row_q4_K_ref, d99724f2).
var q4_kCodec = byBlock("Q4_K", 256, 144, encodeQ4_K, decodeQ4_K)

func encodeQ4_K(dst []byte, src []float32) error {
	var codes [256]byte
	if err := (affine{top: 15, first: -1, steps: 20}).encode(dst, src, &codes); err != nil {
		return err
	}
	for g := range 4 {
		c, q := (*[64]byte)(codes[64*g:]), (*[32]byte)(dst[16+32*g:])
		for i := range q {
			q[i] = c[i] | c[i+32]<<4
		}
	}
	return nil
}

func decodeQ4_K(dst []float32, src []byte) {
	d, dmin, packed := getF16(src), getF16(src[2:]), (*[12]byte)(src[4:])
	for j := range 8 {
		s, m := unpackScale(packed, j)
		scale, floor := d*float32(s), float32(dmin*float32(m))
		x, q := (*[32]float32)(dst[32*j:]), (*[32]byte)(src[16+j/2*32:])
		shift := j % 2 * 4
		for i, v := range q {
			x[i] = float32(scale*float32(v>>shift&15)) - floor
		}
	}
}
