package quant

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/akadata/bitnet-tool/internal/kernels"
	"github.com/x448/float16"
)

// The unquantized formats: one value is one block, little-endian.
var (
	f32Codec = Codec{
		Name: "F32", BlockLen: 1, BlockBytes: 4,
		Encode: func(dst []byte, src []float32, _ Scale) error {
			if err := sized(len(dst), len(src), 4); err != nil {
				return err
			}
			for i, x := range src {
				if !finite(x) {
					return notFinite(i, x)
				}
				binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(x))
			}
			return nil
		},
		Decode: func(dst []float32, src []byte, _ Scale) error {
			if err := sized(len(src), len(dst), 4); err != nil {
				return err
			}
			for i := range dst {
				dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
			}
			return nil
		},
	}
	f16Codec = halfCodec("F16", maxF16, toF16,
		func(k *kernels.Backend) halfKernels { return halfKernels{k.EncodeF16, k.DecodeF16} })
	bf16Codec = halfCodec("BF16", maxBF16, toBF16,
		func(k *kernels.Backend) halfKernels { return halfKernels{k.EncodeBF16, k.DecodeBF16} })
)

// halfKernels convert to 16 bits and back.
type halfKernels struct {
	encode func(dst []byte, src []float32)
	decode func(dst []float32, src []byte)
}

// halfCodec builds the codec of a format of 16 bits from what is done to a weight, for
// weights of which some may not fit, and the kernels for those below limit.
func halfCodec(name string, limit float32, encode func(float32) (uint16, error), kernel func(k *kernels.Backend) halfKernels) Codec {
	return Codec{
		Name: name, BlockLen: 1, BlockBytes: 2,
		Encode: func(dst []byte, src []float32, _ Scale) error {
			if err := sized(len(dst), len(src), 2); err != nil {
				return err
			}
			if below(limit, src) {
				kernel(fast()).encode(dst, src)
				return nil
			}
			for i, x := range src {
				h, err := encode(x)
				if err != nil {
					return fmt.Errorf("weight %d: %w", i, err)
				}
				binary.LittleEndian.PutUint16(dst[2*i:], h)
			}
			return nil
		},
		Decode: func(dst []float32, src []byte, _ Scale) error {
			if err := sized(len(src), len(dst), 2); err != nil {
				return err
			}
			kernel(fast()).decode(dst, src)
			return nil
		},
	}
}

// sized checks a buffer of bytes against a number of unquantized values.
func sized(bytes, values, width int) error {
	if bytes != values*width {
		return fmt.Errorf("%w: %d bytes for %d values of %d", ErrSize, bytes, values, width)
	}
	return nil
}

func finite(x float32) bool { return math.Float32bits(x)&0x7f800000 != 0x7f800000 }

func notFinite(i int, x float32) error {
	return fmt.Errorf("weight %d: %w: %v", i, ErrNotFinite, x)
}

// toF16 rounds to nearest, halves to even, keeping subnormals. A finite value
// beyond the range of F16 is [ErrRange]: it would become Inf.
func toF16(x float32) (uint16, error) {
	if !finite(x) {
		return 0, fmt.Errorf("%w: %v", ErrNotFinite, x)
	}
	h := float16.Fromfloat32(x).Bits()
	if h&0x7c00 == 0x7c00 {
		return 0, fmt.Errorf("%w: %v is beyond F16", ErrRange, x)
	}
	return h, nil
}

func fromF16(h uint16) float32 { return float16.Frombits(h).Float32() }

// toBF16 rounds to nearest, halves to even, keeping subnormals. A finite value
// that would round up to Inf is [ErrRange].
func toBF16(x float32) (uint16, error) {
	if !finite(x) {
		return 0, fmt.Errorf("%w: %v", ErrNotFinite, x)
	}
	b := math.Float32bits(x)
	h := uint16((b + 0x7fff + b>>16&1) >> 16)
	if h&0x7f80 == 0x7f80 {
		return 0, fmt.Errorf("%w: %v is beyond BF16", ErrRange, x)
	}
	return h, nil
}
