package quant

// Q4_0: 32 weights in 18 bytes, an F16 scale d and 32 values q of 4 bits; a
// weight is d·(q-8) (ggml src/ggml-quants.c quantize_row_q4_0_ref, d99724f2).
//
// d is an eighth of the weight of largest magnitude, with the other sign: that
// weight gets q = 0, and there is no code for its negative.
var q4_0Codec = byBlock("Q4_0", 32, 18, encodeQ4_0, decodeQ4_0)

func encodeQ4_0(dst []byte, src []float32) error {
	d := peak(src) / -8
	id := inverse(d) // of the scale before it is rounded to F16
	if err := putF16(dst, "scale", d); err != nil {
		return err
	}
	x, q := (*[32]float32)(src), (*[16]byte)(dst[2:])
	for j := range q {
		lo := min(15, int32(float32(x[j]*id)+8.5))
		hi := min(15, int32(float32(x[j+16]*id)+8.5))
		q[j] = byte(lo | hi<<4)
	}
	return nil
}

func decodeQ4_0(dst []float32, src []byte) {
	d := getF16(src)
	x, q := (*[32]float32)(dst), (*[16]byte)(src[2:])
	for j, v := range q {
		x[j] = d * float32(int32(v&15)-8)
		x[j+16] = d * float32(int32(v>>4)-8)
	}
}
