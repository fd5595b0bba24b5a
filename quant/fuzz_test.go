package quant

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"
)

// Any bytes decode or are refused, never a panic; what decodes to finite
// weights encodes again, for a format without scales to the same bytes and for a
// ternary format to bytes that then stay.
func FuzzDecode(f *testing.F) {
	for i, typ := range decodable {
		c, _ := Lookup(typ)
		f.Add(uint8(i), float32(1), bytes.Repeat([]byte{0x55}, 2*c.BlockBytes))
		f.Add(uint8(i), float32(0.01), bytes.Repeat([]byte{0xff}, c.BlockBytes))
		f.Add(uint8(i), float32(0), make([]byte, c.BlockBytes+1))
	}
	f.Fuzz(func(t *testing.T, which uint8, scale float32, src []byte) {
		c, s := lookup(t, decodable[int(which)%len(decodable)]), Scale(scale)
		if len(src)%c.BlockBytes != 0 {
			if c.Decode(make([]float32, len(src)/c.BlockBytes*c.BlockLen), src, s) == nil {
				t.Fatalf("%s: %d bytes accepted", c.Name, len(src))
			}
			return
		}
		x := make([]float32, len(src)/c.BlockBytes*c.BlockLen)
		if c.Decode(x, src, s) != nil || c.Encode == nil {
			return
		}
		once := make([]byte, len(src))
		if c.Encode(once, x, s) != nil {
			return // not finite, or beyond F16
		}
		if c.BlockLen == 1 {
			if !bytes.Equal(once, src) {
				t.Fatalf("%s: %x decodes to %v, which encodes to %x", c.Name, src, x, once)
			}
			return
		}
		y, twice := make([]float32, len(x)), make([]byte, len(src))
		if err := c.Decode(y, once, s); err != nil {
			t.Fatalf("%s: own output: %v", c.Name, err)
		}
		if !c.Ternary() {
			return
		}
		for i := range x {
			if x[i] != y[i] {
				t.Fatalf("%s: weight %d: %v became %v", c.Name, i, x[i], y[i])
			}
		}
		if err := c.Encode(twice, y, s); err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%s: %x then %x, %v", c.Name, once, twice, err)
		}
	})
}

// Any weights are encoded or refused; the result decodes to weights no further
// away than half a step and the rounding of the scale.
func FuzzEncode(f *testing.F) {
	f.Add(uint8(0), float32(1), []byte{0, 0, 128, 63, 0, 0, 0, 0, 0, 0, 128, 191})
	f.Add(uint8(3), float32(1), []byte{255, 255, 127, 127})
	f.Add(uint8(5), float32(1), []byte{1, 0, 0, 0})
	for i := range encodable {
		var bell []byte
		for _, v := range sample(12, 1)[256*(i%12):][:256] {
			bell = binary.LittleEndian.AppendUint32(bell, math.Float32bits(v))
		}
		f.Add(uint8(i), float32(1), bell)
	}
	f.Fuzz(func(t *testing.T, which uint8, scale float32, data []byte) {
		c := lookup(t, encodable[int(which)%len(encodable)])
		n := min(len(data)/4, 512)
		x := make([]float32, (n+c.BlockLen-1)/c.BlockLen*c.BlockLen)
		for i := range n {
			x[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
		dst, y := make([]byte, len(x)/c.BlockLen*c.BlockBytes), make([]float32, len(x))
		if c.Encode(dst, x, Scale(scale)) != nil {
			return
		}
		if err := c.Decode(y, dst, Scale(scale)); err != nil {
			t.Fatalf("%s: own output: %v", c.Name, err)
		}
		for i := range x {
			block := x[i/c.BlockLen*c.BlockLen:][:c.BlockLen]
			if limit := tolerance(c.Type, x[i], block); math.Abs(float64(x[i])-float64(y[i])) > limit {
				t.Fatalf("%s: weight %d: %v became %v, limit %v", c.Name, i, x[i], y[i], limit)
			}
		}
	})
}

// tolerance gives how far a decoded weight may be from x in its block. F16
// rounds by 2^-11 of a value, or by 2^-25 where it is subnormal.
func tolerance(typ Type, x float32, block []float32) float64 {
	var lo, hi float64 // of the block and 0
	for _, v := range block {
		lo, hi = min(lo, float64(v)), max(hi, float64(v))
	}
	amax, span := max(-lo, hi), hi-lo
	switch typ {
	case F16:
		return max(math.Abs(float64(x))*0x1p-11, 0x1p-25)
	case BF16:
		return max(math.Abs(float64(x))*0x1p-8, 0x1p-134)
	case Q8_0:
		return amax/127*0.5001 + max(amax*0x1p-11, 127*0x1p-25)
	case TQ1_0, TQ2_0:
		return amax*0.5001 + max(amax*0x1p-11, 0x1p-25)
	case Q4_0: // a whole step: the peak's negative has no code
		return amax/8*1.0001 + max(amax*0x1p-11, 8*0x1p-25)
	case Q5_0:
		return amax/16*1.0001 + max(amax*0x1p-11, 16*0x1p-25)
	case Q4_1:
		return span/15*0.5001 + 2*max(span*0x1p-11, 16*0x1p-25)
	case Q5_1:
		return span/31*0.5001 + 2*max(span*0x1p-11, 32*0x1p-25)
	case Q4_K, Q5_K:
		// The search never does worse than codes half a step away in the sum of
		// squares weighted by rms + |x|, which lets a single weight be 4 steps
		// away. Then scale and minimum become multiples of 1/63.
		top := map[Type]float64{Q4_K: 15, Q5_K: 31}[typ]
		return span*(4/top+2./63) + 63*(top+1)*0x1p-25
	case Q6_K: // up to 2 steps where the codes end; scales are multiples of 1/128
		return amax*(2./32+2./128) + 32*128*0x1p-25
	}
	return 0
}
