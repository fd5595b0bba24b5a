package quant

import "testing"

// The shape of bitnet-b1.58-2B-4T's ffn_down: bytes a second are of float32
// weights.
const benchRows, benchCols = 2560, 6912

func BenchmarkEncode(b *testing.B) {
	x := weights(randomCodes(benchRows*benchCols, 1), 0.5)
	for _, typ := range encodable {
		b.Run(typ.String(), func(b *testing.B) {
			c, _ := Lookup(typ)
			dst := make([]byte, len(x)/c.BlockLen*c.BlockBytes)
			b.SetBytes(int64(4 * len(x)))
			for b.Loop() {
				if err := c.Encode(dst, x, 0.5); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	x := weights(randomCodes(benchRows*benchCols, 1), 0.5)
	for _, typ := range encodable {
		b.Run(typ.String(), func(b *testing.B) {
			c, _ := Lookup(typ)
			src := make([]byte, len(x)/c.BlockLen*c.BlockBytes)
			if err := c.Encode(src, x, 0.5); err != nil {
				b.Fatal(err)
			}
			dst := make([]float32, len(x))
			b.SetBytes(int64(4 * len(x)))
			for b.Loop() {
				if err := c.Decode(dst, src, 0.5); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Here bytes a second are of codes, one a weight.
func BenchmarkTrits(b *testing.B) {
	codes := randomCodes(benchRows*benchCols, 1)
	for _, typ := range ternary {
		c, _ := Lookup(typ)
		packed := make([]byte, len(codes)/c.BlockLen*c.BlockBytes)
		b.Run("Pack/"+c.Name, func(b *testing.B) {
			b.SetBytes(int64(len(codes)))
			for b.Loop() {
				if err := c.PackTrits(packed, codes, 0.5); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("Unpack/"+c.Name, func(b *testing.B) {
			b.SetBytes(int64(len(codes)))
			for b.Loop() {
				if err := c.UnpackTrits(codes, packed); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
