package quant

import "fmt"

// Other arrangements of I2_S codes (microsoft/BitNet src/ggml-bitnet-mad.cpp
// quantize_i2_s, 16da220a: its branches for ARM NEON and for builds without
// ACT_PARALLEL). Size, scale and type number are those of I2_S, and nothing in
// a file tells them apart: they are types of their own here, which a reader
// gets only where somebody has said so.

// I2_S_64x16 packs 64 weights in 16 bytes.
var i2s64x16Codec = i2sAlongRows("I2_S_64x16", 16)

// I2_S_4ROWS packs one column of four neighbouring rows in a byte, the first
// row in the highest bits. Decode and Encode are missing: whoever works on
// weights in row-major order would take them for rows.
var i2s4RowsCodec = Codec{
	Name: "I2_S_4ROWS", BlockLen: 4, BlockBytes: 1, Trailer: 32, Interleave: 4,
	PackTrits:   func(dst, codes []byte, _ Scale) error { return packI2S(dst, codes, 1) },
	UnpackTrits: func(codes, src []byte) error { return unpackI2S(codes, src, 1) },
	PutTrailer:  putI2STrailer, GetTrailer: getI2STrailer,
	bytes: func(rows, cols int64) (int64, error) {
		if rows%4 != 0 {
			return 0, fmt.Errorf("%w: %d rows do not divide into groups of four", ErrShape, rows)
		}
		n, err := mul(rows/4, cols)
		if err != nil {
			return 0, err
		}
		return add(n, 32)
	},
}

// RowMajor puts the weights of whole groups of Interleave rows, as they come
// out of UnpackTrits, into row-major order. len(dst) and len(src) are the same
// multiple of Interleave·cols. For other codecs it is a copy.
func (c Codec) RowMajor(dst, src []byte, cols int) {
	g := c.Interleave
	if g < 2 {
		copy(dst, src)
		return
	}
	for len(src) >= g*cols {
		for r := range g {
			row := dst[r*cols : (r+1)*cols]
			for i := range row {
				row[i] = src[i*g+r]
			}
		}
		dst, src = dst[g*cols:], src[g*cols:]
	}
}
