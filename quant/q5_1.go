package quant

import "encoding/binary"

// Q5_1: 32 weights in 24 bytes, an F16 scale d, an F16 minimum m, the fifth bits
// of all values as one number of 32 bits, and their low 4 bits; a weight is
// d·q + m (ggml src/ggml-quants.c quantize_row_q5_1_ref, d99724f2).
var q5_1Codec = byBlock("Q5_1", 32, 24, encodeQ5_1, decodeQ5_1)

func encodeQ5_1(dst []byte, src []float32) error {
	m, most := bounds(src)
	d := (most - m) / 31
	id := inverse(d)
	if err := putF16(dst, "scale", d); err != nil {
		return err
	}
	if err := putF16(dst[2:], "minimum", m); err != nil {
		return err
	}
	x, q := (*[32]float32)(src), (*[16]byte)(dst[8:])
	var fifth uint32
	for j := range q {
		lo := uint32(float32((x[j]-m)*id) + 0.5)
		hi := uint32(float32((x[j+16]-m)*id) + 0.5)
		q[j] = byte(lo&15 | hi<<4)
		fifth |= lo>>4<<j | hi>>4<<(j+16)
	}
	binary.LittleEndian.PutUint32(dst[4:], fifth)
	return nil
}

func decodeQ5_1(dst []float32, src []byte) {
	d, m, fifth := getF16(src), getF16(src[2:]), binary.LittleEndian.Uint32(src[4:])
	x, q := (*[32]float32)(dst), (*[16]byte)(src[8:])
	for j, v := range q {
		x[j] = float32(d*float32(uint32(v&15)|fifth>>j<<4&16)) + m
		x[j+16] = float32(d*float32(uint32(v>>4)|fifth>>(j+16)<<4&16)) + m
	}
}
