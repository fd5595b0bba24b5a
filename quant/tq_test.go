package quant

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every byte decodes to five trits below 3. The 243 values that the encoder
// writes come back as themselves, the other 13 as the value below.
func TestTQ1_0Bytes(t *testing.T) {
	c := lookup(t, TQ1_0)
	canonical := 0
	for v := range 256 {
		packed := bytes.Repeat([]byte{byte(v)}, 54)
		copy(packed[52:], []byte{0, 0x3c})
		codes := unpack(t, c, packed)
		for i, code := range codes {
			if code > 2 {
				t.Fatalf("byte %#x: weight %d has the code %d", v, i, code)
			}
		}
		switch again := pack(t, c, codes, 1)[0]; again {
		case byte(v):
			canonical++
		case byte(v) - 1:
		default:
			t.Errorf("byte %#x comes back as %#x", v, again)
		}
	}
	if canonical != 243 {
		t.Errorf("%d bytes come back as themselves, want 3^5", canonical)
	}
}

func TestTQNearestOfThree(t *testing.T) {
	in := []float32{1, 0.5, 0.49999997, -0.5, -0.49999997, -1, 0.75, 0}
	want := []byte{2, 2, 1, 0, 1, 0, 2, 1}
	for _, typ := range []Type{TQ1_0, TQ2_0} {
		t.Run(typ.String(), func(t *testing.T) {
			c := lookup(t, typ)
			src, dst := make([]float32, 256), make([]byte, c.BlockBytes)
			copy(src, in)
			if err := c.Encode(dst, src, 0); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, unpack(t, c, dst)[:len(want)]); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTQScale(t *testing.T) {
	tests := []struct {
		name string
		s    Scale
		want uint16
		err  error
	}{
		{"one", 1, 0x3c00, nil},
		{"rounded to even", 0.1, 0x2e66, nil},
		{"smallest", 0x1p-24, 0x0001, nil},
		{"would vanish", 0x1p-25, 0, ErrRange},
		{"overflow", 65520, 0, ErrRange},
		{"negative", -1, 0, ErrRange},
		{"NaN", Scale(nan), 0, ErrRange},
		{"Inf", Scale(inf), 0, ErrRange},
	}
	for _, typ := range []Type{TQ1_0, TQ2_0} {
		for _, tt := range tests {
			t.Run(typ.String()+" "+tt.name, func(t *testing.T) {
				c := lookup(t, typ)
				dst := make([]byte, c.BlockBytes)
				err := c.PackTrits(dst, randomCodes(256, 5), tt.s)
				if !errors.Is(err, tt.err) {
					t.Fatalf("got %v, want %v", err, tt.err)
				}
				if got := binary.LittleEndian.Uint16(dst[c.BlockBytes-2:]); got != tt.want {
					t.Errorf("scale %#04x, want %#04x", got, tt.want)
				}
			})
		}
	}
}

// A block too small for F16 decodes to zeros, and its codes say so too.
func TestTQTinyBlock(t *testing.T) {
	for _, typ := range []Type{TQ1_0, TQ2_0} {
		c := lookup(t, typ)
		src, dst := make([]float32, 256), make([]byte, c.BlockBytes)
		src[3], src[4] = 0x1p-130, -0x1p-130 // 1/d is Inf
		if err := c.Encode(dst, src, 0); err != nil {
			t.Fatal(err)
		}
		if got := unpack(t, c, dst); !bytes.Equal(got, bytes.Repeat([]byte{1}, 256)) {
			t.Errorf("%s: codes %v", typ, got)
		}
		if err := c.Decode(src, dst, 0); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(make([]float32, 256), src); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", typ, diff)
		}
	}
}
