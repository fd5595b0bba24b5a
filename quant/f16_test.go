package quant

import (
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"github.com/x448/float16"
)

// halfToFloat is binary16 by its definition: sign, 5 bits of exponent with
// bias 15, 10 bits of fraction, subnormals without the hidden bit.
func halfToFloat(h uint16) float32 {
	sign := 1.0
	if h>>15 == 1 {
		sign = -1
	}
	exp, frac := int(h>>10&31), float64(h&1023)
	switch exp {
	case 0:
		return float32(math.Copysign(math.Ldexp(frac, -24), sign))
	case 31:
		if frac != 0 {
			return nan
		}
		return float32(math.Inf(int(sign)))
	}
	return float32(sign * math.Ldexp(1024+frac, exp-25))
}

func TestF16DecodeAll(t *testing.T) {
	src := make([]byte, 2<<16)
	for h := range 1 << 16 {
		binary.LittleEndian.PutUint16(src[2*h:], uint16(h))
	}
	dst := make([]float32, 1<<16)
	if err := lookup(t, F16).Decode(dst, src, 0); err != nil {
		t.Fatal(err)
	}
	for h, x := range dst {
		if want := halfToFloat(uint16(h)); !same(x, want) {
			t.Fatalf("%#04x decodes to %v, want %v", h, x, want)
		}
		if want := float16.Frombits(uint16(h)).Float32(); !same(x, want) {
			t.Fatalf("%#04x decodes to %v, x448/float16 says %v", h, x, want)
		}
	}
}

// same compares bit by bit, but takes every NaN for the same.
func same(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

// Between every two neighbours among the finite F16 values lie a half and, on
// either side of it, numbers that belong to one neighbour.
func TestF16RoundsToNearestEven(t *testing.T) {
	for h := range uint16(0x7bff) {
		lo, hi := halfToFloat(h), halfToFloat(h+1)
		checkRounding(t, F16, h, lo, hi, (lo+hi)/2)
	}
	checkRounding(t, F16, 0x7bff, 65504, inf, 65520)
}

// checkRounding encodes values from lo, which is the 16-bit value h, to hi,
// the next one, with both signs. hi = Inf stands for what the type cannot hold.
func checkRounding(t *testing.T, typ Type, h uint16, lo, hi, half float32) {
	t.Helper()
	even := h + h&1
	tests := []struct {
		x    float32
		want uint16
	}{
		{lo, h},
		{math.Nextafter32(lo, hi), h},
		{math.Nextafter32(half, lo), h},
		{half, even},
		{math.Nextafter32(half, hi), h + 1},
		{math.Nextafter32(hi, lo), h + 1},
	}
	c, dst := lookup(t, typ), make([]byte, 2)
	for _, tt := range tests {
		for _, sign := range []uint16{0, 0x8000} {
			x := tt.x
			if sign != 0 {
				x = -x
			}
			err := c.Encode(dst, []float32{x}, 0)
			if hi == inf && tt.want > h {
				if !errors.Is(err, ErrRange) {
					t.Fatalf("%v: error %v, want ErrRange", x, err)
				}
				continue
			}
			if got := binary.LittleEndian.Uint16(dst); err != nil || got != tt.want|sign {
				t.Fatalf("%v (%#08x) encodes to %#04x, %v, want %#04x", x, math.Float32bits(x), got, err, tt.want|sign)
			}
		}
	}
}

func TestF16Known(t *testing.T) {
	tests := []struct {
		name string
		x    float32
		want uint16
	}{
		{"one", 1, 0x3c00},
		{"minus two", -2, 0xc000},
		{"a third", 1.0 / 3, 0x3555},
		{"largest", 65504, 0x7bff},
		{"smallest normal", 0x1p-14, 0x0400},
		{"smallest subnormal", 0x1p-24, 0x0001},
		{"half of it goes to even", 0x1p-25, 0x0000},
		{"a latent weight of 1e-34", 1e-34, 0x0000},
		{"negative zero", float32(math.Copysign(0, -1)), 0x8000},
		{"negative underflow keeps its sign", -1e-34, 0x8000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dst := make([]byte, 2)
			if err := lookup(t, F16).Encode(dst, []float32{tt.x}, 0); err != nil {
				t.Fatal(err)
			}
			if got := binary.LittleEndian.Uint16(dst); got != tt.want {
				t.Errorf("got %#04x, want %#04x", got, tt.want)
			}
		})
	}
}
