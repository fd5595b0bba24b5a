package quant

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Element e of the tensor is in byte 32·(e/128) + e mod 32, at bit
// 6 - 2·((e mod 128)/32): the formula of docs/formats/i2_s.md, written out.
func TestI2SIndex(t *testing.T) {
	c := lookup(t, I2_S)
	codes := randomCodes(5*128, 6)
	packed := pack(t, c, codes, 1)
	for e, want := range codes {
		got := packed[32*(e/128)+e%32] >> (6 - 2*(e%128/32)) & 3
		if got != want {
			t.Fatalf("element %d: code %d, want %d", e, got, want)
		}
	}
}

func TestI2SWantsTernary(t *testing.T) {
	tests := []struct {
		name string
		x    float32
		s    Scale
		err  error
	}{
		{"plus", 0.7, 0.7, nil},
		{"minus", -0.7, 0.7, nil},
		{"zero", 0, 0.7, nil},
		{"negative zero", float32(math.Copysign(0, -1)), 0.7, nil},
		{"below the reference's 1e-6", 1e-7, 1e-7, nil},
		{"an ulp off", math.Nextafter32(0.7, 1), 0.7, ErrTernary},
		{"real-valued master", 0.3, 0.7, ErrTernary},
		{"no scale", 0.7, 0, ErrTernary},
		{"NaN scale", 0.7, Scale(nan), ErrTernary},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := lookup(t, I2_S)
			src := make([]float32, 128)
			src[100] = tt.x
			packed := make([]byte, 32)
			if err := c.Encode(packed, src, tt.s); !errors.Is(err, tt.err) {
				t.Fatalf("got %v, want %v", err, tt.err)
			}
			if tt.err != nil {
				return
			}
			back := make([]float32, 128)
			if err := c.Decode(back, packed, tt.s); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(src, back); diff != "" {
				t.Errorf("(-in +out):\n%s", diff)
			}
		})
	}
}

func TestI2STrailer(t *testing.T) {
	c := lookup(t, I2_S)
	for _, s := range []Scale{0, 1.21875, 1e-7, math.MaxFloat32, math.SmallestNonzeroFloat32} {
		b := make([]byte, 32)
		if err := c.PutTrailer(b, s); err != nil {
			t.Fatal(err)
		}
		// What follows the scale is not initialized by bitnet.cpp's packer.
		copy(b[4:], bytes.Repeat([]byte{0xee}, 28))
		if got, err := c.GetTrailer(b); err != nil || got != s {
			t.Errorf("scale %v comes back as %v, %v", s, got, err)
		}
	}
	for _, s := range []Scale{-1, Scale(nan), Scale(inf), Scale(-inf)} {
		b := make([]byte, 32)
		if err := c.PutTrailer(b, s); !errors.Is(err, ErrRange) {
			t.Errorf("PutTrailer(%v): %v, want ErrRange", s, err)
		}
		binary.LittleEndian.PutUint32(b, math.Float32bits(float32(s)))
		if _, err := c.GetTrailer(b); !errors.Is(err, ErrRange) {
			t.Errorf("GetTrailer of %v: %v, want ErrRange", s, err)
		}
	}
	for _, n := range []int{0, 4, 31, 33} {
		if err := c.PutTrailer(make([]byte, n), 1); !errors.Is(err, ErrSize) {
			t.Errorf("PutTrailer to %d bytes: %v, want ErrSize", n, err)
		}
		if _, err := c.GetTrailer(make([]byte, n)); !errors.Is(err, ErrSize) {
			t.Errorf("GetTrailer from %d bytes: %v, want ErrSize", n, err)
		}
	}
}
