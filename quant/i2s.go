package quant

import (
	"encoding/binary"
	"fmt"
	"math"
)

// I2_S: two bits a weight, one F32 scale a tensor (bitnet.cpp
// src/ggml-bitnet-mad.cpp quantize_i2_s, 16da220a, x86 layout "128/32").
//
// A block is 128 weights in 32 bytes. Weight e is in byte e mod 32; weights
// 0–31 are in bits 7–6, 32–63 in bits 5–4, 64–95 in bits 3–2, 96–127 in bits
// 1–0. The codes 0, 1, 2 are -1, 0, +1. After the last block come the scale as
// F32 and 28 bytes that are written as zero and ignored when read.
var i2sCodec = Codec{
	Name: "I2_S", BlockLen: 128, BlockBytes: 32, Trailer: 32,
	Encode:      encodeI2S,
	Decode:      decodeI2S,
	PackTrits:   packI2S,
	UnpackTrits: unpackI2S,
	PutTrailer:  putI2STrailer,
	GetTrailer:  getI2STrailer,
}

func packI2S(dst, codes []byte, _ Scale) error {
	n, err := blocks(len(codes), len(dst), 128, 32)
	if err != nil {
		return err
	}
	for b := range n {
		x, y := codes[128*b:128*b+128], dst[32*b:32*b+32]
		for i := range y {
			if max(x[i], x[32+i], x[64+i], x[96+i]) > 2 {
				return fmt.Errorf("block %d: %w", b, ErrCode)
			}
			y[i] = x[i]<<6 | x[32+i]<<4 | x[64+i]<<2 | x[96+i]
		}
	}
	return nil
}

func unpackI2S(codes, src []byte) error {
	n, err := blocks(len(codes), len(src), 128, 32)
	if err != nil {
		return err
	}
	for b := range n {
		x, y := codes[128*b:128*b+128], src[32*b:32*b+32]
		for i, v := range y {
			if v&(v>>1)&0x55 != 0 {
				return fmt.Errorf("block %d, byte %d: %w", b, i, ErrCode)
			}
			x[i], x[32+i], x[64+i], x[96+i] = v>>6, v>>4&3, v>>2&3, v&3
		}
	}
	return nil
}

func encodeI2S(dst []byte, src []float32, s Scale) error {
	codes := make([]byte, len(src))
	for i, x := range src {
		switch {
		case x == 0:
			codes[i] = 1
		case !finite(x):
			return notFinite(i, x)
		case x == float32(s):
			codes[i] = 2
		case x == -float32(s):
			codes[i] = 0
		default:
			return fmt.Errorf("weight %d: %w: %v with scale %v", i, ErrTernary, x, float32(s))
		}
	}
	return packI2S(dst, codes, s)
}

func decodeI2S(dst []float32, src []byte, s Scale) error {
	codes := make([]byte, len(dst))
	if err := unpackI2S(codes, src); err != nil {
		return err
	}
	for i, c := range codes {
		dst[i] = float32(s) * float32(int8(c)-1)
	}
	return nil
}

func putI2STrailer(dst []byte, s Scale) error {
	if len(dst) != 32 {
		return fmt.Errorf("%w: I2_S trailer of %d bytes", ErrSize, len(dst))
	}
	if err := checkScale(s); err != nil {
		return err
	}
	clear(dst)
	binary.LittleEndian.PutUint32(dst, math.Float32bits(float32(s)))
	return nil
}

func getI2STrailer(src []byte) (Scale, error) {
	if len(src) != 32 {
		return 0, fmt.Errorf("%w: I2_S trailer of %d bytes", ErrSize, len(src))
	}
	s := Scale(math.Float32frombits(binary.LittleEndian.Uint32(src)))
	return s, checkScale(s)
}

func checkScale(s Scale) error {
	if !finite(float32(s)) || s < 0 {
		return fmt.Errorf("%w: scale %v", ErrRange, float32(s))
	}
	return nil
}
