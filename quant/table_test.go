package quant

import (
	"strings"
	"testing"
)

// Block lengths and bytes as in the static assertions of ggml
// src/ggml-common.h (d99724f2), typed again and not taken from the table.
func TestTable(t *testing.T) {
	tests := []struct {
		typ              Type
		name             string
		len, bytes, tail int
		can              string // encode, decode, ternary
	}{
		{F32, "F32", 1, 4, 0, "ed"},
		{F16, "F16", 1, 2, 0, "ed"},
		{BF16, "BF16", 1, 2, 0, "ed"},
		{Q8_0, "Q8_0", 32, 34, 0, "ed"},
		{I2_S, "I2_S", 128, 32, 32, "edt"},
		{TQ1_0, "TQ1_0", 256, 54, 0, "edt"},
		{TQ2_0, "TQ2_0", 256, 66, 0, "edt"},
		{Q4_0, "Q4_0", 32, 18, 0, "ed"},
		{Q4_1, "Q4_1", 32, 20, 0, "ed"},
		{Q5_0, "Q5_0", 32, 22, 0, "ed"},
		{Q5_1, "Q5_1", 32, 24, 0, "ed"},
		{Q4_K, "Q4_K", 256, 144, 0, "ed"},
		{Q5_K, "Q5_K", 256, 176, 0, "ed"},
		{Q6_K, "Q6_K", 256, 210, 0, "ed"},
		{Q2_K, "Q2_K", 256, 84, 0, "d"},
		{Q3_K, "Q3_K", 256, 110, 0, "d"},
		{Q8_K, "Q8_K", 256, 292, 0, "d"},
		{F64, "F64", 1, 8, 0, ""},
		{I8, "I8", 1, 1, 0, ""},
		{I16, "I16", 1, 2, 0, ""},
		{I32, "I32", 1, 4, 0, ""},
		{I64, "I64", 1, 8, 0, ""},
		{Q8_1, "Q8_1", 32, 36, 0, ""},
		{IQ1_S, "IQ1_S", 256, 50, 0, ""},
		{IQ1_M, "IQ1_M", 256, 56, 0, ""},
		{IQ2_XXS, "IQ2_XXS", 256, 66, 0, ""},
		{IQ2_XS, "IQ2_XS", 256, 74, 0, ""},
		{IQ2_S, "IQ2_S", 256, 82, 0, ""},
		{IQ3_XXS, "IQ3_XXS", 256, 98, 0, ""},
		{IQ3_S, "IQ3_S", 256, 110, 0, ""},
		{IQ4_NL, "IQ4_NL", 32, 18, 0, ""},
		{IQ4_XS, "IQ4_XS", 256, 136, 0, ""},
		{Q4_0_4_4, "Q4_0_4_4", 32, 18, 0, ""},
		{Q4_0_4_8, "Q4_0_4_8", 32, 18, 0, ""},
		{Q4_0_8_8, "Q4_0_8_8", 32, 18, 0, ""},
		{IQ4_NL_4_4, "IQ4_NL_4_4", 32, 18, 0, ""},
		{IQ4_NL_4_8, "IQ4_NL_4_8", 32, 18, 0, ""},
		{IQ4_NL_8_8, "IQ4_NL_8_8", 32, 18, 0, ""},
		{MXFP4, "MXFP4", 32, 17, 0, ""},
		{NVFP4, "NVFP4", 64, 36, 0, ""},
		{Q1_0, "Q1_0", 128, 18, 0, ""},
		{Q2_0, "Q2_0", 64, 18, 0, ""},
		{I8_S, "I8_S", 0, 0, 0, ""},
		{I2_S_64x16, "I2_S_64x16", 64, 16, 32, "edt"},
		{I2_S_4ROWS, "I2_S_4ROWS", 4, 1, 32, "t"},
		{TL1, "TL1", 4, 1, 32, ""},
		{TL2, "TL2", 0, 0, 0, ""},
	}
	if len(tests) != int(numTypes)-1 {
		t.Errorf("%d rows here, %d in the table", len(tests), numTypes-1)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := lookup(t, tt.typ)
			if c.Type != tt.typ || c.Name != tt.name || tt.typ.String() != tt.name {
				t.Errorf("type %d name %q, String %q", c.Type, c.Name, tt.typ)
			}
			if c.BlockLen != tt.len || c.BlockBytes != tt.bytes || c.Trailer != tt.tail {
				t.Errorf("%d weights in %d bytes and %d at the end, want %d, %d, %d",
					c.BlockLen, c.BlockBytes, c.Trailer, tt.len, tt.bytes, tt.tail)
			}
			can := ""
			if c.Encode != nil {
				can += "e"
			}
			if c.Decode != nil {
				can += "d"
			}
			if c.Ternary() && c.UnpackTrits != nil {
				can += "t"
			}
			if can != tt.can {
				t.Errorf("can %q, want %q", can, tt.can)
			}
			if has := c.PutTrailer != nil && c.GetTrailer != nil; has != strings.HasPrefix(tt.name, "I2_S") {
				t.Errorf("trailer functions present: %v", has)
			}
			if b, ok := ByName(tt.name); !ok || b.Type != tt.typ {
				t.Errorf("ByName gives type %d, %v", b.Type, ok)
			}
		})
	}
}

func TestLookupUnknown(t *testing.T) {
	for _, typ := range []Type{Invalid, numTypes, 65535} {
		if c, ok := Lookup(typ); ok {
			t.Errorf("Lookup(%d) gives %q", typ, c.Name)
		}
	}
	for _, name := range []string{"", "i2_s", "Q8_0 ", "Q9_0"} {
		if c, ok := ByName(name); ok {
			t.Errorf("ByName(%q) gives %q", name, c.Name)
		}
	}
	if s := numTypes.String(); s != "Type(48)" {
		t.Errorf("String of an unknown type: %q", s)
	}
}
