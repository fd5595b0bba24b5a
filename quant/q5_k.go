package quant

// Q5_K: 256 weights in 176 bytes, as [Q4_K] with one more bit a value: after the
// scales come 32 bytes with the fifth bits, group j in bit j, and then the low 4
// bits (ggml src/ggml-quants.c quantize_row_q5_K_ref, d99724f2).
var q5_kCodec = byBlock("Q5_K", 256, 176, encodeQ5_K, decodeQ5_K)

func encodeQ5_K(dst []byte, src []float32) error {
	var codes [256]byte
	if err := (affine{top: 31, first: -0.5, steps: 15}).encode(dst, src, &codes); err != nil {
		return err
	}
	fifth := (*[32]byte)(dst[16:])
	clear(fifth[:])
	for g := range 4 {
		c, q := (*[64]byte)(codes[64*g:]), (*[32]byte)(dst[48+32*g:])
		for i := range q {
			q[i] = c[i]&15 | c[i+32]<<4
			fifth[i] |= c[i]>>4<<(2*g) | c[i+32]>>4<<(2*g+1)
		}
	}
	return nil
}

func decodeQ5_K(dst []float32, src []byte) {
	d, dmin, packed := getF16(src), getF16(src[2:]), (*[12]byte)(src[4:])
	fifth := (*[32]byte)(src[16:])
	for j := range 8 {
		s, m := unpackScale(packed, j)
		scale, floor := d*float32(s), float32(dmin*float32(m))
		x, q := (*[32]float32)(dst[32*j:]), (*[32]byte)(src[48+j/2*32:])
		shift := j % 2 * 4
		for i, v := range q {
			x[i] = float32(scale*float32(v>>shift&15|fifth[i]>>j<<4&16)) - floor
		}
	}
}
