package quant

import "testing"

// Block lengths and bytes as in the static assertions of ggml
// src/ggml-common.h (d99724f2), typed again and not taken from the table.
func TestTable(t *testing.T) {
	tests := []struct {
		typ                Type
		name               string
		len, bytes, tail   int
		encodable, ternary bool
	}{
		{F32, "F32", 1, 4, 0, true, false},
		{F16, "F16", 1, 2, 0, true, false},
		{BF16, "BF16", 1, 2, 0, true, false},
		{Q8_0, "Q8_0", 32, 34, 0, true, false},
		{I2_S, "I2_S", 128, 32, 32, true, true},
		{TQ1_0, "TQ1_0", 256, 54, 0, true, true},
		{TQ2_0, "TQ2_0", 256, 66, 0, true, true},
		{F64, "F64", 1, 8, 0, false, false},
		{I8, "I8", 1, 1, 0, false, false},
		{I16, "I16", 1, 2, 0, false, false},
		{I32, "I32", 1, 4, 0, false, false},
		{I64, "I64", 1, 8, 0, false, false},
		{Q4_0, "Q4_0", 32, 18, 0, false, false},
		{Q4_1, "Q4_1", 32, 20, 0, false, false},
		{Q5_0, "Q5_0", 32, 22, 0, false, false},
		{Q5_1, "Q5_1", 32, 24, 0, false, false},
		{Q8_1, "Q8_1", 32, 36, 0, false, false},
		{Q2_K, "Q2_K", 256, 84, 0, false, false},
		{Q3_K, "Q3_K", 256, 110, 0, false, false},
		{Q4_K, "Q4_K", 256, 144, 0, false, false},
		{Q5_K, "Q5_K", 256, 176, 0, false, false},
		{Q6_K, "Q6_K", 256, 210, 0, false, false},
		{Q8_K, "Q8_K", 256, 292, 0, false, false},
		{IQ1_S, "IQ1_S", 256, 50, 0, false, false},
		{IQ1_M, "IQ1_M", 256, 56, 0, false, false},
		{IQ2_XXS, "IQ2_XXS", 256, 66, 0, false, false},
		{IQ2_XS, "IQ2_XS", 256, 74, 0, false, false},
		{IQ2_S, "IQ2_S", 256, 82, 0, false, false},
		{IQ3_XXS, "IQ3_XXS", 256, 98, 0, false, false},
		{IQ3_S, "IQ3_S", 256, 110, 0, false, false},
		{IQ4_NL, "IQ4_NL", 32, 18, 0, false, false},
		{IQ4_XS, "IQ4_XS", 256, 136, 0, false, false},
		{Q4_0_4_4, "Q4_0_4_4", 32, 18, 0, false, false},
		{Q4_0_4_8, "Q4_0_4_8", 32, 18, 0, false, false},
		{Q4_0_8_8, "Q4_0_8_8", 32, 18, 0, false, false},
		{IQ4_NL_4_4, "IQ4_NL_4_4", 32, 18, 0, false, false},
		{IQ4_NL_4_8, "IQ4_NL_4_8", 32, 18, 0, false, false},
		{IQ4_NL_8_8, "IQ4_NL_8_8", 32, 18, 0, false, false},
		{MXFP4, "MXFP4", 32, 17, 0, false, false},
		{NVFP4, "NVFP4", 64, 36, 0, false, false},
		{Q1_0, "Q1_0", 128, 18, 0, false, false},
		{Q2_0, "Q2_0", 64, 18, 0, false, false},
		{I8_S, "I8_S", 0, 0, 0, false, false},
		{TL1, "TL1", 4, 1, 32, false, false},
		{TL2, "TL2", 0, 0, 0, false, false},
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
			if (c.Encode != nil) != tt.encodable || (c.Decode != nil) != tt.encodable {
				t.Errorf("has Encode %v, Decode %v, want %v", c.Encode != nil, c.Decode != nil, tt.encodable)
			}
			if c.Ternary() != tt.ternary || (c.UnpackTrits != nil) != tt.ternary {
				t.Errorf("Ternary is %v, want %v", c.Ternary(), tt.ternary)
			}
			if has := c.PutTrailer != nil && c.GetTrailer != nil; has != (tt.encodable && tt.tail > 0) {
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
	if s := numTypes.String(); s != "Type(46)" {
		t.Errorf("String of an unknown type: %q", s)
	}
}
