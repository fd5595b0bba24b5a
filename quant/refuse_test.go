package quant

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// encodable lists the types that have an encoder, decodable those with a decoder.
var (
	encodable = []Type{F32, F16, BF16, Q8_0, I2_S, I2_S_64x16, TQ1_0, TQ2_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K}
	decodable = append(slices.Clone(encodable), Q2_K, Q3_K, Q8_K)
)

func TestEncodeRefusesNonFinite(t *testing.T) {
	for _, typ := range encodable {
		for name, bad := range map[string]float32{"NaN": nan, "+Inf": inf, "-Inf": -inf} {
			t.Run(typ.String()+" "+name, func(t *testing.T) {
				c := lookup(t, typ)
				src := make([]float32, 3*c.BlockLen)
				// The second block, so that its number or the weight's shows.
				at := c.BlockLen + c.BlockLen/2
				src[at] = bad
				err := c.Encode(make([]byte, 3*c.BlockBytes), src, 1)
				if !errors.Is(err, ErrNotFinite) {
					t.Fatalf("got %v, want ErrNotFinite", err)
				}
				where := map[Type]string{
					F32: "weight 1:", F16: "weight 1:", BF16: "weight 1:", I2_S: "weight 192:", I2_S_64x16: "weight 96:",
				}[typ]
				if where == "" {
					where = fmt.Sprintf("block 1: weight %d:", c.BlockLen/2)
				}
				if !strings.Contains(err.Error(), where) {
					t.Errorf("%q does not say %q", err, where)
				}
			})
		}
	}
}

func TestEncodeRefusesOverflow(t *testing.T) {
	tests := []struct {
		name string
		typ  Type
		x    float32
		ok   bool
	}{
		{"largest F16", F16, 65519.996, true},
		{"F16 overflow", F16, 65520, false},
		{"F16 negative overflow", F16, -65520, false},
		{"largest BF16", BF16, math.Float32frombits(0x7f7f7fff), true},
		{"BF16 overflow", BF16, math.Float32frombits(0x7f7f8000), false},
		{"BF16 of the largest float", BF16, -math.MaxFloat32, false},
		{"largest Q8_0 scale", Q8_0, 65504 * 127, true},
		{"Q8_0 scale overflow", Q8_0, 65520 * 127, false},
		{"largest TQ1_0 scale", TQ1_0, 65504, true},
		{"TQ1_0 scale overflow", TQ1_0, -65520, false},
		{"largest TQ2_0 scale", TQ2_0, 65504, true},
		{"TQ2_0 scale overflow", TQ2_0, 1e9, false},
		{"largest Q4_0 scale", Q4_0, 65519 * 8, true},
		{"Q4_0 scale overflow", Q4_0, -65520 * 8, false},
		{"largest Q4_1 scale", Q4_1, 65519 * 15, true},
		{"Q4_1 scale overflow", Q4_1, 65520 * 15, false},
		{"largest Q4_1 minimum", Q4_1, -65519, true},
		{"Q4_1 minimum overflow", Q4_1, -65520, false},
		{"largest Q5_0 scale", Q5_0, 65519 * 16, true},
		{"Q5_0 scale overflow", Q5_0, -65520 * 16, false},
		{"largest Q5_1 scale", Q5_1, 65519 * 31, true},
		{"Q5_1 scale overflow", Q5_1, 65520 * 31, false},
		{"Q5_1 minimum overflow", Q5_1, -65520, false},
		{"large Q4_K scale", Q4_K, 65000 * 63 * 15, true},
		{"Q4_K scale overflow", Q4_K, 66000 * 63 * 15, false},
		{"large Q4_K minimum", Q4_K, -65000 * 63, true},
		{"Q4_K minimum overflow", Q4_K, -66000 * 63, false},
		{"large Q5_K scale", Q5_K, 65000 * 63 * 31, true},
		{"Q5_K scale overflow", Q5_K, 66000 * 63 * 31, false},
		{"Q5_K minimum overflow", Q5_K, -66000 * 63, false},
		{"large Q6_K scale", Q6_K, -65000 * 128 * 32, true},
		{"Q6_K scale overflow", Q6_K, -66000 * 128 * 32, false},
		{"Q6_K sum overflows", Q6_K, 1e13, false},
		{"Q6_K quotient of sums is NaN", Q6_K, 1e18, false},
		{"Q6_K squares overflow", Q6_K, math.MaxFloat32, false},
		{"Q4_K squares overflow", Q4_K, math.MaxFloat32, false},
		{"Q5_K squares overflow", Q5_K, -math.MaxFloat32, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := lookup(t, tt.typ)
			src := make([]float32, c.BlockLen)
			src[c.BlockLen-1] = tt.x
			err := c.Encode(make([]byte, c.BlockBytes), src, 0)
			if tt.ok && err != nil {
				t.Errorf("refused: %v", err)
			}
			if !tt.ok && !errors.Is(err, ErrRange) {
				t.Errorf("got %v, want ErrRange", err)
			}
		})
	}
}

// The difference of two weights may be beyond float32.
func TestEncodeRefusesWideRange(t *testing.T) {
	for _, typ := range []Type{Q4_1, Q5_1, Q4_K, Q5_K} {
		t.Run(typ.String(), func(t *testing.T) {
			c := lookup(t, typ)
			src := make([]float32, c.BlockLen)
			src[3], src[4] = math.MaxFloat32, -math.MaxFloat32
			if err := c.Encode(make([]byte, c.BlockBytes), src, 0); !errors.Is(err, ErrRange) {
				t.Errorf("got %v, want ErrRange", err)
			}
		})
	}
}

func TestWrongBufferSizes(t *testing.T) {
	for _, typ := range decodable {
		c := lookup(t, typ)
		tests := []struct {
			name           string
			weights, bytes int
		}{
			{"a byte short", 2 * c.BlockLen, 2*c.BlockBytes - 1},
			{"a byte more", 2 * c.BlockLen, 2*c.BlockBytes + 1},
			{"a block short", 2 * c.BlockLen, c.BlockBytes},
			{"a block more", c.BlockLen, 2 * c.BlockBytes},
			{"no bytes", c.BlockLen, 0},
			{"no weights", 0, c.BlockBytes},
			{"part of a block", c.BlockLen/2 + 2*c.BlockLen, 2 * c.BlockBytes},
		}
		for _, tt := range tests {
			if tt.weights/c.BlockLen*c.BlockBytes == tt.bytes && tt.weights%c.BlockLen == 0 {
				continue // formats of one weight a block have no part of a block
			}
			t.Run(typ.String()+" "+tt.name, func(t *testing.T) {
				packed, x := make([]byte, tt.bytes), make([]float32, tt.weights)
				if c.Encode != nil {
					if err := c.Encode(packed, x, 1); !errors.Is(err, ErrSize) {
						t.Errorf("Encode: %v, want ErrSize", err)
					}
				}
				if err := c.Decode(x, packed, 1); !errors.Is(err, ErrSize) {
					t.Errorf("Decode: %v, want ErrSize", err)
				}
				if !c.Ternary() {
					return
				}
				codes := make([]byte, tt.weights)
				if err := c.PackTrits(packed, codes, 1); !errors.Is(err, ErrSize) {
					t.Errorf("PackTrits: %v, want ErrSize", err)
				}
				if err := c.UnpackTrits(codes, packed); !errors.Is(err, ErrSize) {
					t.Errorf("UnpackTrits: %v, want ErrSize", err)
				}
			})
		}
	}
}

func TestNoBlocksIsNoError(t *testing.T) {
	for _, typ := range decodable {
		c := lookup(t, typ)
		if c.Encode != nil {
			if err := c.Encode(nil, nil, 1); err != nil {
				t.Errorf("%s: Encode: %v", typ, err)
			}
		}
		if err := c.Decode(nil, nil, 1); err != nil {
			t.Errorf("%s: Decode: %v", typ, err)
		}
	}
}
