package quant

import (
	"encoding/binary"
	"math"
	"testing"
)

// bfloat is BF16 by its definition: the upper half of a float32.
func bfloat(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

func TestBF16RoundsToNearestEven(t *testing.T) {
	for h := range uint16(0x7f7f) {
		half := math.Float32frombits(uint32(h)<<16 | 0x8000)
		checkRounding(t, BF16, h, bfloat(h), bfloat(h+1), half)
	}
	half := math.Float32frombits(0x7f7f8000)
	checkRounding(t, BF16, 0x7f7f, bfloat(0x7f7f), inf, half)
}

func TestBF16DecodeAll(t *testing.T) {
	src := make([]byte, 2<<16)
	for h := range 1 << 16 {
		binary.LittleEndian.PutUint16(src[2*h:], uint16(h))
	}
	dst := make([]float32, 1<<16)
	if err := lookup(t, BF16).Decode(dst, src, 0); err != nil {
		t.Fatal(err)
	}
	for h, x := range dst {
		if !same(x, bfloat(uint16(h))) {
			t.Fatalf("%#04x decodes to %v, want %v", h, x, bfloat(uint16(h)))
		}
	}
}

func TestBF16Known(t *testing.T) {
	tests := []struct {
		name string
		x    float32
		want uint16
	}{
		{"one", 1, 0x3f80},
		{"a third", 1.0 / 3, 0x3eab},
		{"a latent weight of 1e-34", 1e-34, 0x0705},
		{"subnormal", 0x1p-133, 0x0001},
		{"half a subnormal goes to even", 0x1p-134, 0x0000},
		{"negative zero", float32(math.Copysign(0, -1)), 0x8000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dst := make([]byte, 2)
			if err := lookup(t, BF16).Encode(dst, []float32{tt.x}, 0); err != nil {
				t.Fatal(err)
			}
			if got := binary.LittleEndian.Uint16(dst); got != tt.want {
				t.Errorf("got %#04x, want %#04x", got, tt.want)
			}
		})
	}
}
