package quant

// Q4_1: 32 weights in 20 bytes, an F16 scale d, an F16 minimum m and 32 values
// q of 4 bits; a weight is d·q + m (ggml src/ggml-quants.c
// quantize_row_q4_1_ref, d99724f2).
var q4_1Codec = byBlock("Q4_1", 32, 20, encodeQ4_1, decodeQ4_1)

func encodeQ4_1(dst []byte, src []float32) error {
	m, most := bounds(src)
	d := (most - m) / 15
	id := inverse(d)
	if err := putF16(dst, "scale", d); err != nil {
		return err
	}
	if err := putF16(dst[2:], "minimum", m); err != nil {
		return err
	}
	x, q := (*[32]float32)(src), (*[16]byte)(dst[4:])
	for j := range q {
		lo := min(15, int32(float32((x[j]-m)*id)+0.5))
		hi := min(15, int32(float32((x[j+16]-m)*id)+0.5))
		q[j] = byte(lo | hi<<4)
	}
	return nil
}

func decodeQ4_1(dst []float32, src []byte) {
	d, m := getF16(src), getF16(src[2:])
	x, q := (*[32]float32)(dst), (*[16]byte)(src[4:])
	for j, v := range q {
		x[j] = float32(d*float32(v&15)) + m
		x[j+16] = float32(d*float32(v>>4)) + m
	}
}
