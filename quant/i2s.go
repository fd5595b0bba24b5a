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
var i2sCodec = i2sAlongRows("I2_S", 32)

// i2sAlongRows builds the codec of an I2_S layout whose blocks are 4·width
// weights of one row in width bytes: weight e is in byte e mod width, the
// earlier ones in the higher bits.
func i2sAlongRows(name string, width int) Codec {
	c := Codec{
		Name: name, BlockLen: 4 * width, BlockBytes: width, Trailer: 32,
		PutTrailer: putI2STrailer, GetTrailer: getI2STrailer,
	}
	c.PackTrits = func(dst, codes []byte, _ Scale) error { return packI2S(dst, codes, width) }
	c.UnpackTrits = func(codes, src []byte) error { return unpackI2S(codes, src, width) }
	c.Encode = func(dst []byte, src []float32, s Scale) error {
		codes, err := i2sCodes(src, s)
		if err != nil {
			return err
		}
		return packI2S(dst, codes, width)
	}
	c.Decode = func(dst []float32, src []byte, s Scale) error {
		codes := make([]byte, len(dst))
		if err := unpackI2S(codes, src, width); err != nil {
			return err
		}
		for i, c := range codes {
			dst[i] = float32(s) * float32(int8(c)-1)
		}
		return nil
	}
	return c
}

func packI2S(dst, codes []byte, width int) error {
	n, err := blocks(len(codes), len(dst), 4*width, width)
	if err != nil {
		return err
	}
	if width == 32 && fast().PackI2S(dst, codes) <= 2 {
		return nil
	}
	for b := range n {
		x, y := codes[4*width*b:][:4*width], dst[width*b:][:width]
		x0, x1, x2, x3 := x[:width], x[width:2*width], x[2*width:3*width], x[3*width:]
		for i := range y {
			if max(x0[i], x1[i], x2[i], x3[i]) > 2 {
				return fmt.Errorf("block %d: %w", b, ErrCode)
			}
			y[i] = x0[i]<<6 | x1[i]<<4 | x2[i]<<2 | x3[i]
		}
	}
	return nil
}

func unpackI2S(codes, src []byte, width int) error {
	n, err := blocks(len(codes), len(src), 4*width, width)
	if err != nil {
		return err
	}
	for b := range n {
		x, y := codes[4*width*b:][:4*width], src[width*b:][:width]
		x0, x1, x2, x3 := x[:width], x[width:2*width], x[2*width:3*width], x[3*width:]
		for i, v := range y {
			if v&(v>>1)&0x55 != 0 {
				return fmt.Errorf("block %d, byte %d: %w", b, i, ErrCode)
			}
			x0[i], x1[i], x2[i], x3[i] = v>>6, v>>4&3, v>>2&3, v&3
		}
	}
	return nil
}

// i2sCodes gives the codes of weights that are -s, 0 and s.
func i2sCodes(src []float32, s Scale) ([]byte, error) {
	codes := make([]byte, len(src))
	for i, x := range src {
		switch {
		case x == 0:
			codes[i] = 1
		case !finite(x):
			return nil, notFinite(i, x)
		case x == float32(s):
			codes[i] = 2
		case x == -float32(s):
			codes[i] = 0
		default:
			return nil, fmt.Errorf("weight %d: %w: %v with scale %v", i, ErrTernary, x, float32(s))
		}
	}
	return codes, nil
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
