package quant

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Q8_0: 32 weights in 34 bytes, an F16 scale d and 32 int8 values q; a weight
// is d·q (ggml src/ggml-quants.c quantize_row_q8_0_ref, d99724f2).
var q8_0Codec = Codec{
	Name: "Q8_0", BlockLen: 32, BlockBytes: 34,
	Encode: encodeQ8_0,
	Decode: decodeQ8_0,

	EncodeTrits: encodeTritsQ8_0,
}

func encodeQ8_0(dst []byte, src []float32, _ Scale) error {
	n, err := blocks(len(src), len(dst), 32, 34)
	if err != nil {
		return err
	}
	if below(127*65504, src) { // so that no scale can round to Inf
		fast().EncodeQ8(dst, src)
		return nil
	}
	for b := range n {
		x, y := src[32*b:32*b+32], dst[34*b:34*b+34]
		amax, err := absMax(x)
		if err != nil {
			return fmt.Errorf("block %d: %w", b, err)
		}
		d := amax / 127
		id := inverse(d) // of the scale before it is rounded to F16
		h, err := toF16(d)
		if err != nil {
			return fmt.Errorf("block %d: scale: %w", b, err)
		}
		binary.LittleEndian.PutUint16(y, h)
		for i, v := range x {
			y[2+i] = byte(roundAway(v * id))
		}
	}
	return nil
}

// encodeTritsQ8_0 finds out once what becomes of a block with a weight of
// magnitude s: the scale is the same in all of them, and q is -127, 0 or 127.
func encodeTritsQ8_0(dst, codes []byte, s Scale) error {
	if _, err := blocks(len(codes), len(dst), 32, 34); err != nil {
		return err
	}
	x, y := [32]float32{float32(s)}, [34]byte{}
	if pack := fast().PackQ8; pack != nil && encodeQ8_0(y[:], x[:], 0) == nil && y[2] == 127 {
		if pack(dst, codes, binary.LittleEndian.Uint16(y[:])) <= 2 {
			return nil
		}
	}
	for b := 0; b < len(codes)/32; b++ {
		for i, c := range codes[32*b : 32*b+32] {
			if c > 2 {
				return fmt.Errorf("block %d, weight %d: %w", b, i, ErrCode)
			}
			x[i] = float32(s) * float32(int8(c)-1)
		}
		if err := encodeQ8_0(dst[34*b:34*b+34], x[:], 0); err != nil {
			return fmt.Errorf("block %d: %w", b, err)
		}
	}
	return nil
}

func decodeQ8_0(dst []float32, src []byte, _ Scale) error {
	n, err := blocks(len(dst), len(src), 32, 34)
	if err != nil {
		return err
	}
	for b := range n {
		x, y := dst[32*b:32*b+32], src[34*b:34*b+34]
		d := fromF16(binary.LittleEndian.Uint16(y))
		for i := range x {
			x[i] = d * float32(int8(y[2+i]))
		}
	}
	return nil
}

// absMax gives the largest magnitude of x and refuses NaN and Inf.
func absMax(x []float32) (float32, error) {
	var m float32
	for i, v := range x {
		if !finite(v) {
			return 0, notFinite(i, v)
		}
		m = max(m, float32(math.Abs(float64(v))))
	}
	return m, nil
}

// inverse gives 1/d, or 0 where that is not finite: for 0, as the reference
// does, and below 2^-128, where it converts Inf and NaN to an integer, which C
// leaves undefined. F16(d) is 0 there, so every code decodes to 0 anyway.
func inverse(d float32) float32 {
	if id := 1 / d; finite(id) {
		return id
	}
	return 0
}

// roundAway is C's roundf for values in int8 range: halves away from zero.
func roundAway(x float32) int8 { return int8(math.Round(float64(x))) }
