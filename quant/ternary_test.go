package quant

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var ternary = []Type{I2_S, I2_S_64x16, TQ1_0, TQ2_0}

func TestTritsRoundTrip(t *testing.T) {
	for _, typ := range ternary {
		t.Run(typ.String(), func(t *testing.T) {
			c := lookup(t, typ)
			codes := randomCodes(8*c.BlockLen, 1)
			packed := pack(t, c, codes, 0.5)
			if diff := cmp.Diff(codes, unpack(t, c, packed)); diff != "" {
				t.Errorf("codes (-in +out):\n%s", diff)
			}
			// The float path writes and reads the same.
			x := weights(codes, 0.5)
			encoded := make([]byte, len(packed))
			if err := c.Encode(encoded, x, 0.5); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(encoded, packed) {
				t.Error("Encode and PackTrits write different bytes")
			}
			back := make([]float32, len(x))
			if err := c.Decode(back, packed, 0.5); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(x, back); diff != "" {
				t.Errorf("weights (-in +out):\n%s", diff)
			}
		})
	}
}

func pack(t *testing.T, c Codec, codes []byte, s Scale) []byte {
	t.Helper()
	packed := make([]byte, len(codes)/c.BlockLen*c.BlockBytes)
	if err := c.PackTrits(packed, codes, s); err != nil {
		t.Fatal(err)
	}
	return packed
}

func unpack(t *testing.T, c Codec, packed []byte) []byte {
	t.Helper()
	codes := make([]byte, len(packed)/c.BlockBytes*c.BlockLen)
	if err := c.UnpackTrits(codes, packed); err != nil {
		t.Fatal(err)
	}
	return codes
}

// Every code at every place of a block, alone among others: no two places
// share bits.
func TestEveryPlaceOfABlock(t *testing.T) {
	for _, typ := range ternary {
		t.Run(typ.String(), func(t *testing.T) {
			c := lookup(t, typ)
			for at := range c.BlockLen {
				for _, code := range []byte{0, 2} {
					codes := bytes.Repeat([]byte{1}, c.BlockLen)
					codes[at] = code
					if got := unpack(t, c, pack(t, c, codes, 1)); !bytes.Equal(got, codes) {
						t.Fatalf("code %d at %d does not come back", code, at)
					}
				}
			}
		})
	}
}

func TestTQ1AndTQ2HoldTheSame(t *testing.T) {
	one, two := lookup(t, TQ1_0), lookup(t, TQ2_0)
	codes := randomCodes(16*256, 2)
	copy(codes[256:512], bytes.Repeat([]byte{1}, 256)) // a block of zeros
	const s = 0.0123
	p1, p2 := pack(t, one, codes, s), pack(t, two, codes, s)
	if got := pack(t, two, unpack(t, one, p1), s); !bytes.Equal(got, p2) {
		t.Error("TQ1_0 to TQ2_0 differs from direct TQ2_0")
	}
	if got := pack(t, one, unpack(t, two, p2), s); !bytes.Equal(got, p1) {
		t.Error("TQ2_0 to TQ1_0 differs from direct TQ1_0")
	}
	x1, x2 := make([]float32, len(codes)), make([]float32, len(codes))
	if err := errors.Join(one.Decode(x1, p1, 0), two.Decode(x2, p2, 0)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(x1, x2); diff != "" {
		t.Errorf("decoded (-TQ1_0 +TQ2_0):\n%s", diff)
	}
	// A block without weights has no scale.
	for _, d := range [][]byte{p1[2*54-2 : 2*54], p2[2*66-2 : 2*66]} {
		if !bytes.Equal(d, []byte{0, 0}) {
			t.Errorf("block of zeros has the scale %x", d)
		}
	}
}

func TestPackRefusesCode3(t *testing.T) {
	for _, typ := range ternary {
		c := lookup(t, typ)
		for _, code := range []byte{3, 4, 255} {
			for _, at := range []int{0, c.BlockLen - 1, c.BlockLen + 7} {
				codes := make([]byte, 2*c.BlockLen)
				codes[at] = code
				err := c.PackTrits(make([]byte, 2*c.BlockBytes), codes, 1)
				if !errors.Is(err, ErrCode) {
					t.Errorf("%s: code %d at %d: %v, want ErrCode", typ, code, at, err)
				}
			}
		}
	}
}

func TestUnpackRefusesCode3(t *testing.T) {
	for _, typ := range []Type{I2_S, TQ2_0} {
		c := lookup(t, typ)
		body := c.BlockLen / 4
		for at := range body {
			for slot := range 4 {
				packed := pack(t, c, randomCodes(c.BlockLen, 3), 1)
				packed[at] |= 3 << (2 * slot)
				if err := c.UnpackTrits(make([]byte, c.BlockLen), packed); !errors.Is(err, ErrCode) {
					t.Fatalf("%s: UnpackTrits of byte %d = %#x: %v, want ErrCode", typ, at, packed[at], err)
				}
				if err := c.Decode(make([]float32, c.BlockLen), packed, 1); !errors.Is(err, ErrCode) {
					t.Fatalf("%s: Decode of byte %d = %#x: %v, want ErrCode", typ, at, packed[at], err)
				}
			}
		}
	}
}

// A tensor may be worked on in chunks of whole blocks.
func TestBlocksAreIndependent(t *testing.T) {
	for _, typ := range encodable {
		t.Run(typ.String(), func(t *testing.T) {
			c := lookup(t, typ)
			x := weights(randomCodes(6*c.BlockLen, 4), 0.25)
			whole := make([]byte, 6*c.BlockBytes)
			if err := c.Encode(whole, x, 0.25); err != nil {
				t.Fatal(err)
			}
			var chunks []byte
			for _, n := range []int{1, 3, 2} {
				part := make([]byte, n*c.BlockBytes)
				if err := c.Encode(part, x[:n*c.BlockLen], 0.25); err != nil {
					t.Fatal(err)
				}
				chunks, x = append(chunks, part...), x[n*c.BlockLen:]
			}
			if !bytes.Equal(whole, chunks) {
				t.Error("chunks differ from the whole")
			}
		})
	}
}
