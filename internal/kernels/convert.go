package kernels

import (
	"encoding/binary"
	"math"
)

// Converter is the part of a [Backend] that turns weights into other encodings.
// Lengths are whole blocks where an encoding has blocks.
type Converter struct {
	// DecodeBF16 and DecodeF16 widen len(dst) weights. What becomes of the bits
	// of a NaN is not defined.
	DecodeBF16 func(dst []float32, src []byte)
	DecodeF16  func(dst []float32, src []byte)

	// EncodeF16 rounds to the nearest half float, halves to even. All x are
	// below 65520 in magnitude, or they would become Inf.
	EncodeF16 func(dst []byte, x []float32)

	// EncodeBF16 rounds to the nearest bfloat16, halves to even. No x is a NaN.
	EncodeBF16 func(dst []byte, x []float32)

	// Magnitudes sums |x| in float64 in the order of [DotF32] and gives the
	// bits of the smallest |x| above 0 and of the largest |x|. Without any
	// above 0 both are 0. As bits magnitudes compare like integers: those of
	// Inf and NaN are 0x7f800000 and more.
	Magnitudes func(x []float32) (sum float64, least, most uint32)

	// Ternarize rounds x·inv to -1, 0 or 1, halves to 0, and stores 0, 1 or 2.
	// It counts the zeros, and the |x·inv| within 1e-6 of one half.
	Ternarize func(codes []byte, x []float32, inv float32) (zeros, near int)

	// Plane takes two bits of every byte: codes[i] = packed[i]>>shift & 3. It
	// gives the largest code and the number of ones. Codes may be packed.
	Plane func(codes, packed []byte, shift int) (largest byte, ones int)

	// Trits sets dst to -m, 0, m for the codes 0, 1, 2.
	Trits func(dst []float32, codes []byte, m float32)

	// PackI2S, PackTQ2 and PackTQ1 pack blocks of 128, 256 and 256 codes into
	// 32, 66 and 54 bytes, and give the largest code. A block whose codes are
	// all 1 gets the scale 0, others d. Packed codes above 2 mean nothing.
	PackI2S func(dst, codes []byte) byte
	PackTQ2 func(dst, codes []byte, d uint16) byte
	PackTQ1 func(dst, codes []byte, d uint16) byte

	// PackQ8 packs blocks of 32 codes into 34 bytes: a scale, and -127, 0 or 127
	// each. Largest code, scale, and codes above 2 are as above. It may be nil.
	PackQ8 func(dst, codes []byte, d uint16) byte

	// EncodeQ8 packs blocks of 32 finite weights into 34 bytes: a scale, 1/127
	// of the largest magnitude, which must fit a half float, and 32 int8.
	EncodeQ8 func(dst []byte, x []float32)
}

func converter() Converter {
	return Converter{
		DecodeBF16: DecodeBF16,
		DecodeF16:  DecodeF16,
		EncodeF16:  encodeF16,
		EncodeBF16: encodeBF16,
		Magnitudes: magnitudes,
		Ternarize:  ternarize,
		Plane:      plane,
		Trits:      tritValues,
		PackI2S:    packI2S,
		PackTQ2:    packTQ2,
		PackTQ1:    packTQ1,
		PackQ8:     packQ8,
		EncodeQ8:   encodeQ8,
	}
}

func encodeF16(dst []byte, x []float32) {
	dst = dst[:2*len(x)]
	for i, v := range x {
		binary.LittleEndian.PutUint16(dst[2*i:], half(v))
	}
}

// half rounds to a half float. Below 2^-14, where those are subnormal, adding
// one half makes the float32 addition round at the right bit.
func half(x float32) uint16 {
	b := math.Float32bits(x)
	sign, b := uint16(b>>16&0x8000), b&0x7fffffff
	if b < 0x38800000 {
		return sign | uint16(math.Float32bits(math.Float32frombits(b)+0.5)-0x3f000000)
	}
	return sign | uint16((b-0x38000000+0xfff+b>>13&1)>>13)
}

func encodeBF16(dst []byte, x []float32) {
	dst = dst[:2*len(x)]
	for i, v := range x {
		b := math.Float32bits(v)
		binary.LittleEndian.PutUint16(dst[2*i:], uint16((b+0x7fff+b>>16&1)>>16))
	}
}

func magnitudes(x []float32) (sum float64, least, most uint32) {
	var lanes [8]float64
	least = math.MaxUint32
	least, most = addMagnitudes(&lanes, x, least, most)
	return reduce(&lanes), least + 1, most
}

// addMagnitudes adds x[i] to lane i mod 8. least is one below the smallest
// magnitude so far, so that 0 is the largest number there is.
func addMagnitudes(lanes *[8]float64, x []float32, least, most uint32) (uint32, uint32) {
	for i, v := range x {
		b := math.Float32bits(v) &^ (1 << 31)
		lanes[i&7] += float64(math.Float32frombits(b))
		least, most = min(least, b-1), max(most, b)
	}
	return least, most
}

// reduce adds up lanes as [DotF32] does.
func reduce(s *[8]float64) float64 {
	return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))
}

// nearHalf is how close to one half a weight is close.
const nearHalf = 1e-6

func ternarize(codes []byte, x []float32, inv float32) (zeros, near int) {
	codes = codes[:len(x)]
	for i, v := range x {
		y := v * inv
		switch {
		case y > 0.5:
			codes[i] = 2
		case y < -0.5:
			codes[i] = 0
		default:
			codes[i] = 1
			zeros++
		}
		if math.Abs(math.Abs(float64(y))-0.5) <= nearHalf {
			near++
		}
	}
	return zeros, near
}

func plane(codes, packed []byte, shift int) (largest byte, ones int) {
	codes = codes[:len(packed)]
	for i, b := range packed {
		c := b >> shift & 3
		codes[i], largest = c, max(largest, c)
		if c == 1 {
			ones++
		}
	}
	return largest, ones
}

func tritValues(dst []float32, codes []byte, m float32) {
	codes = codes[:len(dst)]
	for i, c := range codes {
		dst[i] = m * float32(int8(c)-1)
	}
}

func packI2S(dst, codes []byte) (largest byte) {
	for len(codes) >= 128 {
		x, y := codes[:128], dst[:32]
		for i := range y {
			largest = max(largest, x[i], x[32+i], x[64+i], x[96+i])
			y[i] = x[i]<<6 | x[32+i]<<4 | x[64+i]<<2 | x[96+i]
		}
		codes, dst = codes[128:], dst[32:]
	}
	return largest
}

func packTQ2(dst, codes []byte, d uint16) (largest byte) {
	for len(codes) >= 256 {
		for h := range 2 {
			x, y := codes[128*h:][:128], dst[32*h:][:32]
			for i := range y {
				largest = max(largest, x[i], x[32+i], x[64+i], x[96+i])
				y[i] = x[i] | x[32+i]<<2 | x[64+i]<<4 | x[96+i]<<6
			}
		}
		putScale(dst[64:], codes[:256], d)
		codes, dst = codes[256:], dst[66:]
	}
	return largest
}

func putScale(dst, codes []byte, d uint16) {
	for _, c := range codes {
		if c != 1 {
			binary.LittleEndian.PutUint16(dst, d)
			return
		}
	}
	binary.LittleEndian.PutUint16(dst, 0)
}

func packTQ1(dst, codes []byte, d uint16) (largest byte) {
	for len(codes) >= 256 {
		for _, c := range codes[:256] {
			largest = max(largest, c)
		}
		for i := range 32 {
			dst[i] = pack5(codes[i], codes[32+i], codes[64+i], codes[96+i], codes[128+i])
		}
		for i := range 16 {
			dst[32+i] = pack5(codes[160+i], codes[176+i], codes[192+i], codes[208+i], codes[224+i])
		}
		for i := range 4 {
			dst[48+i] = pack5(codes[240+i], codes[244+i], codes[248+i], codes[252+i], 0)
		}
		putScale(dst[52:], codes[:256], d)
		codes, dst = codes[256:], dst[54:]
	}
	return largest
}

// pack5 gives five trits as a fraction of 256, rounded up.
func pack5(a, b, c, d, e byte) byte {
	v := (((uint16(a)*3+uint16(b))*3+uint16(c))*3+uint16(d))*3 + uint16(e)
	return byte((uint32(v)*256 + 242) / 243)
}

func packQ8(dst, codes []byte, d uint16) (largest byte) {
	for len(codes) >= 32 {
		putScale(dst, codes[:32], d)
		for i, c := range codes[:32] {
			largest = max(largest, c)
			dst[2+i] = 127 * (c - 1)
		}
		codes, dst = codes[32:], dst[34:]
	}
	return largest
}

func encodeQ8(dst []byte, x []float32) {
	for len(x) >= 32 {
		var most uint32
		for _, v := range x[:32] {
			most = max(most, math.Float32bits(v)&^(1<<31))
		}
		d := math.Float32frombits(most) / 127
		id := 1 / d
		if !(id <= math.MaxFloat32) {
			id = 0 // d is 0 or so small that all weights decode to 0
		}
		binary.LittleEndian.PutUint16(dst, half(d))
		for i, v := range x[:32] {
			dst[2+i] = byte(int8(math.Round(float64(v * id))))
		}
		x, dst = x[32:], dst[34:]
	}
}
