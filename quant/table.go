package quant

import "fmt"

// The encodings. F32 to Q6_K can be encoded and decoded, Q2_K to Q8_K only
// decoded; the others are known by name and size, so that any file can be
// listed.
const (
	Invalid Type = iota
	F32
	F16
	BF16
	Q8_0
	I2_S
	TQ1_0
	TQ2_0
	Q4_0
	Q4_1
	Q5_0
	Q5_1
	Q4_K
	Q5_K
	Q6_K

	Q2_K
	Q3_K
	Q8_K

	F64
	I8
	I16
	I32
	I64
	Q8_1
	IQ1_S
	IQ1_M
	IQ2_XXS
	IQ2_XS
	IQ2_S
	IQ3_XXS
	IQ3_S
	IQ4_NL
	IQ4_XS
	Q4_0_4_4
	Q4_0_4_8
	Q4_0_8_8
	IQ4_NL_4_4
	IQ4_NL_4_8
	IQ4_NL_8_8
	MXFP4
	NVFP4
	Q1_0
	Q2_0
	I8_S
	I2_S_64x16
	I2_S_4ROWS
	TL1
	TL2
	numTypes
)

// Block sizes are those of the static assertions in ggml src/ggml-common.h
// (d99724f2); I2_S, TL1 and TL2 as in bitnet.cpp's ggml.c (0f0e7dae).
var table = [numTypes]Codec{
	F32:   f32Codec,
	F16:   f16Codec,
	BF16:  bf16Codec,
	Q8_0:  q8_0Codec,
	I2_S:  i2sCodec,
	TQ1_0: tq1_0Codec,
	TQ2_0: tq2_0Codec,
	Q4_0:  q4_0Codec,
	Q4_1:  q4_1Codec,
	Q5_0:  q5_0Codec,
	Q5_1:  q5_1Codec,
	Q4_K:  q4_kCodec,
	Q5_K:  q5_kCodec,
	Q6_K:  q6_kCodec,

	Q2_K: q2_kCodec,
	Q3_K: q3_kCodec,
	Q8_K: q8_kCodec,

	F64:        {Name: "F64", BlockLen: 1, BlockBytes: 8},
	I8:         {Name: "I8", BlockLen: 1, BlockBytes: 1},
	I16:        {Name: "I16", BlockLen: 1, BlockBytes: 2},
	I32:        {Name: "I32", BlockLen: 1, BlockBytes: 4},
	I64:        {Name: "I64", BlockLen: 1, BlockBytes: 8},
	Q8_1:       {Name: "Q8_1", BlockLen: 32, BlockBytes: 36},
	IQ1_S:      {Name: "IQ1_S", BlockLen: 256, BlockBytes: 50},
	IQ1_M:      {Name: "IQ1_M", BlockLen: 256, BlockBytes: 56},
	IQ2_XXS:    {Name: "IQ2_XXS", BlockLen: 256, BlockBytes: 66},
	IQ2_XS:     {Name: "IQ2_XS", BlockLen: 256, BlockBytes: 74},
	IQ2_S:      {Name: "IQ2_S", BlockLen: 256, BlockBytes: 82},
	IQ3_XXS:    {Name: "IQ3_XXS", BlockLen: 256, BlockBytes: 98},
	IQ3_S:      {Name: "IQ3_S", BlockLen: 256, BlockBytes: 110},
	IQ4_NL:     {Name: "IQ4_NL", BlockLen: 32, BlockBytes: 18},
	IQ4_XS:     {Name: "IQ4_XS", BlockLen: 256, BlockBytes: 136},
	Q4_0_4_4:   {Name: "Q4_0_4_4", BlockLen: 32, BlockBytes: 18},
	Q4_0_4_8:   {Name: "Q4_0_4_8", BlockLen: 32, BlockBytes: 18},
	Q4_0_8_8:   {Name: "Q4_0_8_8", BlockLen: 32, BlockBytes: 18},
	IQ4_NL_4_4: {Name: "IQ4_NL_4_4", BlockLen: 32, BlockBytes: 18},
	IQ4_NL_4_8: {Name: "IQ4_NL_4_8", BlockLen: 32, BlockBytes: 18},
	IQ4_NL_8_8: {Name: "IQ4_NL_8_8", BlockLen: 32, BlockBytes: 18},
	MXFP4:      {Name: "MXFP4", BlockLen: 32, BlockBytes: 17},
	NVFP4:      {Name: "NVFP4", BlockLen: 64, BlockBytes: 36},
	Q1_0:       {Name: "Q1_0", BlockLen: 128, BlockBytes: 18},
	Q2_0:       {Name: "Q2_0", BlockLen: 64, BlockBytes: 18},
	I8_S:       {Name: "I8_S"},
	I2_S_64x16: i2s64x16Codec,
	I2_S_4ROWS: i2s4RowsCodec,
	TL1:        {Name: "TL1", BlockLen: 4, BlockBytes: 1, Trailer: 32},
	TL2:        {Name: "TL2", bytes: tl2Bytes},
}

// Lookup gives the codec of t.
func Lookup(t Type) (Codec, bool) {
	if t == Invalid || t >= numTypes {
		return Codec{}, false
	}
	c := table[t]
	c.Type = t
	return c, true
}

// ByName gives the codec with exactly this name, such as "Q8_0".
func ByName(name string) (Codec, bool) {
	for t := Invalid + 1; t < numTypes; t++ {
		if table[t].Name == name {
			return Lookup(t)
		}
	}
	return Codec{}, false
}

// tl2Bytes follows ggml_nbytes of bitnet.cpp's ggml.c (0f0e7dae): all but the
// last 256 columns as triples in 5 bits, the last 256 as pairs in 4 bits,
// rounded up to 32, plus 32.
func tl2Bytes(rows, cols int64) (int64, error) {
	if cols < 256 {
		return 0, fmt.Errorf("%w: rows of %d weights are too short for TL2", ErrShape, cols)
	}
	triples, err := mul(cols-256, rows)
	if err != nil {
		return 0, err
	}
	if triples, err = mul(triples/3, 5); err != nil {
		return 0, err
	}
	pairs, err := mul(256/2*4/8, rows)
	if err != nil {
		return 0, err
	}
	n, err := add(triples/8, pairs)
	if err != nil {
		return 0, err
	}
	return add(n, 31+32-(n+31)%32)
}
