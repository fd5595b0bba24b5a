package quant

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"
)

// Weight e of a block b by the formulas of docs/formats/legacy.md and
// kquants.md, written out: each names every bit that belongs to the weight.
var formulas = map[Type]func(b []byte, e int) float32{
	Q4_0: func(b []byte, e int) float32 {
		return half(b, 0) * float32(int(b[2+e%16]>>(e/16*4)&15)-8)
	},
	Q4_1: func(b []byte, e int) float32 {
		return float32(half(b, 0)*float32(b[4+e%16]>>(e/16*4)&15)) + half(b, 2)
	},
	Q5_0: func(b []byte, e int) float32 {
		return half(b, 0) * float32(int(b[6+e%16]>>(e/16*4)&15)+16*bit(b[2:], e)-16)
	},
	Q5_1: func(b []byte, e int) float32 {
		return float32(half(b, 0)*float32(int(b[8+e%16]>>(e/16*4)&15)+16*bit(b[4:], e))) + half(b, 2)
	},
	Q2_K: func(b []byte, e int) float32 {
		q := b[16+e/128*32+e%32] >> (e % 128 / 32 * 2) & 3
		s := b[e/16]
		return float32(float32(half(b, 80)*float32(s&15))*float32(q)) - float32(half(b, 82)*float32(s>>4))
	},
	Q3_K: func(b []byte, e int) float32 {
		g := e / 16
		s := int(b[96+g%8]>>(g/8*4)&15) + 16*int(b[104+g%4]>>(g/4*2)&3)
		q := int(b[32+e/128*32+e%32]>>(e%128/32*2)&3) + 4*int(b[e%32]>>(e/32)&1)
		return half(b, 108) * float32(s-32) * float32(q-4)
	},
	Q4_K: func(b []byte, e int) float32 {
		s, m := sixBitPair(b[4:16], e/32)
		q := int(b[16+e/64*32+e%32] >> (e / 32 % 2 * 4) & 15)
		return float32(float32(half(b, 0)*float32(s))*float32(q)) - float32(half(b, 2)*float32(m))
	},
	Q5_K: func(b []byte, e int) float32 {
		s, m := sixBitPair(b[4:16], e/32)
		q := int(b[48+e/64*32+e%32]>>(e/32%2*4)&15) + 16*int(b[16+e%32]>>(e/32)&1)
		return float32(float32(half(b, 0)*float32(s))*float32(q)) - float32(half(b, 2)*float32(m))
	},
	Q6_K: func(b []byte, e int) float32 {
		h, k, i := e/128, e%128/32, e%32
		q := int(b[64*h+32*(k%2)+i]>>(k/2*4)&15) + 16*int(b[128+32*h+i]>>(2*k)&3)
		return half(b, 208) * float32(int8(b[192+e/16])) * float32(q-32)
	},
	Q8_K: func(b []byte, e int) float32 {
		return math.Float32frombits(binary.LittleEndian.Uint32(b)) * float32(int8(b[4+e]))
	},
}

func half(b []byte, at int) float32 { return halfToFloat(binary.LittleEndian.Uint16(b[at:])) }

func bit(b []byte, n int) int { return int(b[n/8] >> (n % 8) & 1) }

func sixBitPair(b []byte, j int) (s, m int) {
	if j < 4 {
		return int(b[j] & 63), int(b[j+4] & 63)
	}
	return int(b[j+4]&15) + 16*int(b[j-4]>>6), int(b[j+4]>>4) + 16*int(b[j]>>6)
}

func TestLayouts(t *testing.T) {
	const n = 64
	for typ, weight := range formulas {
		t.Run(typ.String(), func(t *testing.T) {
			c := lookup(t, typ)
			packed, x := make([]byte, n*c.BlockBytes), make([]float32, n*c.BlockLen)
			noise(packed, typ)
			if err := c.Decode(x, packed, 0); err != nil {
				t.Fatal(err)
			}
			for i, got := range x {
				b := i / c.BlockLen
				want := weight(packed[b*c.BlockBytes:][:c.BlockBytes], i%c.BlockLen)
				if math.Float32bits(got) != math.Float32bits(want) {
					t.Fatalf("block %d, weight %d is %v, the formula gives %v", b, i%c.BlockLen, got, want)
				}
			}
		})
	}
}

// Blocks without a scale: what becomes of zeros, and of weights so small that
// the inverse of their scale is beyond float32, where C code is undefined and
// ours gives the code of 0.
func TestBlocksOfNothing(t *testing.T) {
	eights := bytes.Repeat([]byte{0x88}, 16)
	tests := []struct {
		name string
		typ  Type
		x    float32
		want []byte // zeros follow
	}{
		{"zeros", Q4_0, 0, append([]byte{0, 0x80}, eights...)},
		{"tiny", Q4_0, 0x1p-130, append([]byte{0, 0x80}, eights...)},
		{"tiny and negative", Q4_0, -0x1p-130, append([]byte{0, 0}, eights...)},
		{"zeros", Q4_1, 0, nil},
		{"tiny", Q4_1, 0x1p-130, nil},
		{"zeros", Q5_0, 0, []byte{0, 0x80, 0xff, 0xff, 0xff, 0xff}},
		{"tiny", Q5_0, 0x1p-130, []byte{0, 0x80, 0xff, 0xff, 0xff, 0xff}},
		{"zeros", Q5_1, 0, nil},
		{"tiny", Q5_1, 0x1p-130, nil},
		{"zeros", Q4_K, 0, nil},
		{"zeros", Q5_K, 0, nil},
		{"zeros", Q6_K, 0, nil},
		{"below the smallest group", Q6_K, 0x1p-50, nil},
		{"below the smallest scale", Q6_K, 0x1p-49, nil},
	}
	for _, tt := range tests {
		t.Run(tt.typ.String()+" "+tt.name, func(t *testing.T) {
			c := lookup(t, tt.typ)
			x, got := make([]float32, c.BlockLen), bytes.Repeat([]byte{0xee}, c.BlockBytes)
			x[c.BlockLen/2] = tt.x
			if err := c.Encode(got, x, 0); err != nil {
				t.Fatal(err)
			}
			want := make([]byte, c.BlockBytes)
			copy(want, tt.want)
			if !bytes.Equal(got, want) {
				t.Errorf("got  %x\nwant %x", got, want)
			}
			if err := c.Decode(x, got, 0); err != nil {
				t.Fatal(err)
			}
			for i, v := range x {
				if v != 0 {
					t.Fatalf("weight %d is %v", i, v)
				}
			}
		})
	}
}
