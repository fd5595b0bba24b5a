package quant

import (
	"errors"
	"fmt"
	"math/bits"
)

// Type names a tensor encoding. The values are this package's own and never
// appear in a file.
type Type uint16

// String gives the name people use for the type, such as "I2_S".
func (t Type) String() string {
	if c, ok := Lookup(t); ok {
		return c.Name
	}
	return fmt.Sprintf("Type(%d)", uint16(t))
}

// Scale is the one multiplier of a whole tensor. Formats that carry their
// scales inside their blocks ignore it.
type Scale float32

// Errors that encoders and decoders wrap.
var (
	ErrSize      = errors.New("wrong buffer size")
	ErrNotFinite = errors.New("weight is not finite")
	ErrRange     = errors.New("value does not fit the format")
	ErrCode      = errors.New("code 3 in ternary data")
	ErrTernary   = errors.New("weight is not -scale, 0 or +scale")
	ErrShape     = errors.New("shape does not fit the type")
)

// Codec describes one tensor encoding.
//
// All functions work on whole blocks, any number of them: len(src) weights are
// len(src)/BlockLen blocks, and blocks of a tensor lie back to back in
// row-major order. Except for the trailer no block depends on another, so a
// tensor may be encoded and decoded in chunks by several goroutines.
type Codec struct {
	Type       Type
	Name       string
	BlockLen   int // weights a block; 0: layout unknown, no size can be given
	BlockBytes int // bytes a block
	Trailer    int // bytes after the last block of a tensor

	// Interleave is the number of rows that share a block, 0 where blocks lie
	// along rows. Weights then come and go column by column: those of column 0
	// of all rows of a group, those of column 1, …; see [Codec.RowMajor].
	Interleave int

	// Encode writes the blocks of src to dst. It refuses NaN and Inf
	// ([ErrNotFinite]), and values and scales that would become Inf in the
	// format ([ErrRange]).
	// I2_S, whose scale is the tensor's, takes only -s, 0 and s ([ErrTernary]).
	Encode func(dst []byte, src []float32, s Scale) error

	// Decode writes the weights of the blocks in src to dst.
	Decode func(dst []float32, src []byte, s Scale) error

	// PackTrits and UnpackTrits exist for ternary formats only. Codes are one
	// byte a weight: 0, 1, 2 for -1, 0, +1. UnpackTrits reports code 3 as
	// [ErrCode].
	PackTrits   func(dst, codes []byte, s Scale) error
	UnpackTrits func(codes, src []byte) error

	// EncodeTrits is Encode of the values -s, 0 and s for the codes 0, 1 and 2, to
	// the same bytes, for formats that have a faster way; else nil.
	EncodeTrits func(dst, codes []byte, s Scale) error

	// PutTrailer and GetTrailer write and read the bytes after the last block;
	// nil when Trailer is 0. A scale that is NaN, Inf or negative is an error.
	PutTrailer func(dst []byte, s Scale) error
	GetTrailer func(src []byte) (Scale, error)

	// bytes replaces the block arithmetic for types that do not follow it.
	bytes func(rows, cols int64) (int64, error)
}

// Ternary reports whether the format holds nothing but -1, 0 and +1 times a
// scale.
func (c Codec) Ternary() bool { return c.PackTrits != nil }

// Size gives the bytes of a tensor of rows × cols weights, cols being the
// contiguous dimension and rows the product of all others. It fails with
// [ErrShape] when a row does not divide into blocks, and when the size of the
// type is not known or overflows int64.
func (c Codec) Size(rows, cols int64) (int64, error) {
	if rows <= 0 || cols <= 0 {
		return 0, fmt.Errorf("%w: %d rows of %d weights", ErrShape, rows, cols)
	}
	if c.bytes != nil {
		return c.bytes(rows, cols)
	}
	if c.BlockLen == 0 {
		return 0, fmt.Errorf("%w: size of type %s is not known", ErrShape, c.Name)
	}
	if cols%int64(c.BlockLen) != 0 {
		return 0, fmt.Errorf("%w: rows of %d weights do not divide into %s blocks of %d", ErrShape, cols, c.Name, c.BlockLen)
	}
	n, err := mul(rows, cols/int64(c.BlockLen))
	if err != nil {
		return 0, err
	}
	if n, err = mul(n, int64(c.BlockBytes)); err != nil {
		return 0, err
	}
	return add(n, int64(c.Trailer))
}

// mul and add work on sizes, which are never negative.
func mul(a, b int64) (int64, error) {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi != 0 || lo > 1<<63-1 {
		return 0, fmt.Errorf("%w: size overflows", ErrShape)
	}
	return int64(lo), nil
}

func add(a, b int64) (int64, error) {
	if a > 1<<63-1-b {
		return 0, fmt.Errorf("%w: size overflows", ErrShape)
	}
	return a + b, nil
}

// blocks checks that weights and bytes are the same whole number of blocks and
// gives that number.
func blocks(weights, bytes, blockLen, blockBytes int) (int, error) {
	n := weights / blockLen
	if weights%blockLen != 0 || bytes != n*blockBytes {
		return 0, fmt.Errorf("%w: %d bytes for %d weights, blocks are %d bytes for %d weights",
			ErrSize, bytes, weights, blockBytes, blockLen)
	}
	return n, nil
}
