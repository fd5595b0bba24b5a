package quant

import "encoding/binary"

// Q5_0: 32 weights in 22 bytes, an F16 scale d, the fifth bits of all values as
// one number of 32 bits, and their low 4 bits; a weight is d·(q-16) (ggml
// src/ggml-quants.c quantize_row_q5_0_ref, d99724f2). The scale is chosen as in
// Q4_0.
var q5_0Codec = byBlock("Q5_0", 32, 22, encodeQ5_0, decodeQ5_0)

func encodeQ5_0(dst []byte, src []float32) error {
	d := peak(src) / -16
	id := inverse(d)
	if err := putF16(dst, "scale", d); err != nil {
		return err
	}
	x, q := (*[32]float32)(src), (*[16]byte)(dst[6:])
	var fifth uint32
	for j := range q {
		lo := uint32(min(31, int32(float32(x[j]*id)+16.5)))
		hi := uint32(min(31, int32(float32(x[j+16]*id)+16.5)))
		q[j] = byte(lo&15 | hi<<4)
		fifth |= lo>>4<<j | hi>>4<<(j+16)
	}
	binary.LittleEndian.PutUint32(dst[2:], fifth)
	return nil
}

func decodeQ5_0(dst []float32, src []byte) {
	d, fifth := getF16(src), binary.LittleEndian.Uint32(src[2:])
	x, q := (*[32]float32)(dst), (*[16]byte)(src[6:])
	for j, v := range q {
		x[j] = d * float32(int32(uint32(v&15)|fifth>>j<<4&16)-16)
		x[j+16] = d * float32(int32(uint32(v>>4)|fifth>>(j+16)<<4&16)-16)
	}
}
