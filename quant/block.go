package quant

import (
	"encoding/binary"
	"fmt"
	"math"
)

// byBlock builds the codec of a format whose blocks carry their own scales from
// what is done to a single block: encode gets blockLen finite weights, and dst
// and src are blockBytes long. Without encode the format can only be read.
func byBlock(name string, blockLen, blockBytes int,
	encode func(dst []byte, src []float32) error,
	decode func(dst []float32, src []byte),
) Codec {
	c := Codec{Name: name, BlockLen: blockLen, BlockBytes: blockBytes}
	if encode != nil {
		c.Encode = func(dst []byte, src []float32, _ Scale) error {
			n, err := blocks(len(src), len(dst), blockLen, blockBytes)
			if err != nil {
				return err
			}
			for b := range n {
				x, y := src[blockLen*b:][:blockLen], dst[blockBytes*b:][:blockBytes]
				err := allFinite(x)
				if err == nil {
					err = encode(y, x)
				}
				if err != nil {
					return fmt.Errorf("block %d: %w", b, err)
				}
			}
			return nil
		}
	}
	c.Decode = func(dst []float32, src []byte, _ Scale) error {
		n, err := blocks(len(dst), len(src), blockLen, blockBytes)
		if err != nil {
			return err
		}
		for b := range n {
			decode(dst[blockLen*b:][:blockLen], src[blockBytes*b:][:blockBytes])
		}
		return nil
	}
	return c
}

func allFinite(x []float32) error {
	for i, v := range x {
		if !finite(v) {
			return notFinite(i, v)
		}
	}
	return nil
}

// putF16 stores what belongs to a block, such as its scale. Finite weights can
// lead to a scale of Inf; that does not fit the format either.
func putF16(dst []byte, what string, x float32) error {
	if !finite(x) {
		return fmt.Errorf("%s: %w: %v is beyond F16", what, ErrRange, x)
	}
	h, err := toF16(x)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	binary.LittleEndian.PutUint16(dst, h)
	return nil
}

func getF16(src []byte) float32 { return fromF16(binary.LittleEndian.Uint16(src)) }

func magnitude(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }

// peak gives the first of the weights of largest magnitude, with its sign.
func peak(x []float32) float32 {
	var most, at float32
	for _, v := range x {
		if m := magnitude(v); m > most {
			most, at = m, v
		}
	}
	return at
}

// bounds gives the smallest and the largest weight, the first of equal ones: it
// matters for 0 and -0.
func bounds(x []float32) (lo, hi float32) {
	lo, hi = x[0], x[0]
	for _, v := range x {
		if v < lo {
			lo = v
		}
		if v > hi {
			hi = v
		}
	}
	return lo, hi
}
