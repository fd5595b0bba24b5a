package quant

import (
	"encoding/binary"
	"fmt"

	"github.com/akadata/bitnet-tool/internal/kernels"
)

// What TQ1_0 and TQ2_0 share: 256 weights a block with one F16 scale d at the
// block's end, d being the largest magnitude of the block. They differ in how
// the 256 codes become bytes (ggml src/ggml-quants.c, d99724f2).

// tqCodec builds a codec from a way to pack 256 codes and to unpack them, and the
// kernel that packs many blocks and gives the largest code.
func tqCodec(name string, size int, pack, unpack func(codes, packed []byte), kernel func(k *kernels.Backend) func(dst, codes []byte, d uint16) byte) Codec {
	c := Codec{Name: name, BlockLen: 256, BlockBytes: size}
	body := size - 2

	// Encode is the reference's nearest-of-three. It is not how a ternary model
	// is made from its masters: those are ternarized with one scale a tensor
	// first.
	c.Encode = func(dst []byte, src []float32, _ Scale) error {
		n, err := blocks(len(src), len(dst), 256, size)
		if err != nil {
			return err
		}
		var codes [256]byte
		for b := range n {
			x, y := src[256*b:256*b+256], dst[size*b:size*b+size]
			d, err := absMax(x)
			if err != nil {
				return fmt.Errorf("block %d: %w", b, err)
			}
			id := inverse(d)
			for i, v := range x {
				codes[i] = byte(1 + roundAway(v*id))
			}
			h, err := toF16(d)
			if err != nil {
				return fmt.Errorf("block %d: scale: %w", b, err)
			}
			pack(codes[:], y[:body])
			binary.LittleEndian.PutUint16(y[body:], h)
		}
		return nil
	}

	c.Decode = func(dst []float32, src []byte, _ Scale) error {
		n, err := blocks(len(dst), len(src), 256, size)
		if err != nil {
			return err
		}
		var codes [256]byte
		for b := range n {
			x, y := dst[256*b:256*b+256], src[size*b:size*b+size]
			if err := unpackTQ(codes[:], y[:body], unpack, b); err != nil {
				return err
			}
			d := fromF16(binary.LittleEndian.Uint16(y[body:]))
			for i, t := range codes {
				x[i] = d * float32(int8(t)-1)
			}
		}
		return nil
	}

	// PackTrits gives a block without a single non-zero weight the scale 0, as
	// the reference does. A scale that F16 rounds to 0 is refused: it would
	// erase the tensor.
	c.PackTrits = func(dst, codes []byte, s Scale) error {
		n, err := blocks(len(codes), len(dst), 256, size)
		if err != nil {
			return err
		}
		if err := checkScale(s); err != nil {
			return err
		}
		h, err := toF16(float32(s))
		if err == nil && h == 0 && s != 0 {
			err = fmt.Errorf("%w: %v rounds to 0 in F16", ErrRange, float32(s))
		}
		if err != nil {
			return fmt.Errorf("scale: %w", err)
		}
		if kernel(fast())(dst, codes, h) <= 2 {
			return nil
		}
		for b := range n {
			x, y := codes[256*b:256*b+256], dst[size*b:size*b+size]
			d := uint16(0)
			for _, t := range x {
				if t > 2 {
					return fmt.Errorf("block %d: %w", b, ErrCode)
				}
				if t != 1 {
					d = h
				}
			}
			pack(x, y[:body])
			binary.LittleEndian.PutUint16(y[body:], d)
		}
		return nil
	}

	c.UnpackTrits = func(codes, src []byte) error {
		n, err := blocks(len(codes), len(src), 256, size)
		if err != nil {
			return err
		}
		for b := range n {
			if err := unpackTQ(codes[256*b:256*b+256], src[size*b:size*b+body], unpack, b); err != nil {
				return err
			}
		}
		return nil
	}
	return c
}

func unpackTQ(codes, packed []byte, unpack func(codes, packed []byte), block int) error {
	unpack(codes, packed)
	for i, t := range codes {
		if t > 2 {
			return fmt.Errorf("block %d, weight %d: %w", block, i, ErrCode)
		}
	}
	return nil
}
