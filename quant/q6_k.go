package quant

// Q6_K: 256 weights in 210 bytes, values q of 6 bits, an int8 scale s for each
// group of 16 and an F16 number d; a weight is d·s·(q-32) (ggml
// src/ggml-quants.c quantize_row_q6_K_ref, d99724f2).
//
// Weight 32·k+i of a half, 128 weights, has its low 4 bits in byte 32·(k mod 2)+i
// of the half's 64 bytes, the low ones for k < 2, and its upper 2 bits in bits
// 2k and 2k+1 of byte i of the half's 32 bytes.
var q6_kCodec = byBlock("Q6_K", 256, 210, encodeQ6_K, decodeQ6_K)

// tinyGroup is the magnitude below which a group counts as zero (GROUP_MAX_EPS).
const tinyGroup = 1e-15

func encodeQ6_K(dst []byte, src []float32) error {
	var codes [256]byte
	var scales [16]float32
	for j := range scales {
		scales[j] = fitQ6_K((*[16]float32)(src[16*j:]), (*[16]byte)(codes[16*j:]))
	}
	most := peak(scales[:])
	if magnitude(most) < tinyGroup {
		clear(dst)
		return nil
	}
	inv := -128 / most
	if err := putF16(dst[208:], "scale", 1/inv); err != nil {
		return err
	}
	// The scales are rounded, so choose the codes again. Where a scale became 0
	// the codes mean nothing, and those of the search stay.
	d := getF16(dst[208:])
	for j, s := range scales {
		rounded := int8(min(127, nearest(float32(inv*s))))
		dst[192+j] = byte(rounded)
		scale := d * float32(rounded)
		if scale == 0 {
			continue
		}
		for i := 16 * j; i < 16*j+16; i++ {
			codes[i] = byte(clamp(nearest(src[i]/scale), -32, 31) + 32)
		}
	}
	for h := range 2 {
		c := (*[128]byte)(codes[128*h:])
		low, high := (*[64]byte)(dst[64*h:]), (*[32]byte)(dst[128+32*h:])
		for i := range high {
			low[i] = c[i]&15 | c[i+64]<<4
			low[i+32] = c[i+32]&15 | c[i+96]<<4
			high[i] = c[i]>>4 | c[i+32]>>4<<2 | c[i+64]>>4<<4 | c[i+96]>>4<<6
		}
	}
	return nil
}

func decodeQ6_K(dst []float32, src []byte) {
	d := getF16(src[208:])
	for j := range 16 {
		h, k, at := j/8, j%8/2, j%2*16
		scale := d * float32(int8(src[192+j]))
		x := (*[16]float32)(dst[16*j:])
		low, high := (*[16]byte)(src[64*h+k%2*32+at:]), (*[16]byte)(src[128+32*h+at:])
		for i := range x {
			q := low[i]>>(k/2*4)&15 | high[i]>>(2*k)<<4&0x30
			x[i] = scale * float32(int32(q)-32)
		}
	}
}

// fitQ6_K finds codes and scale of a group by a least squares search in which a
// weight counts by its square (make_qx_quants). The codes must be 0 before; those
// of a group of zeros stay 0, since with a scale of 0 they mean nothing.
func fitQ6_K(x *[16]float32, codes *[16]byte) float32 {
	m := peak(x[:])
	if magnitude(m) < tinyGroup {
		return 0
	}
	sumQX, sumQQ := assignQ6_K(codes, x, -32/m)
	var scale float32
	if sumQQ != 0 {
		scale = sumQX / sumQQ
	}
	best := scale * sumQX
	var trial [16]byte
	for s := -9; s <= 9; s++ {
		if s == 0 {
			continue
		}
		sumQX, sumQQ = assignQ6_K(&trial, x, -(32+float32(0.1*float32(s)))/m)
		if sumQQ > 0 && float32(sumQX*sumQX) > float32(best*sumQQ) {
			*codes, scale = trial, sumQX/sumQQ
			best = scale * sumQX
		}
	}
	if !finite(scale) {
		// The sums overflow for weights far beyond what F16 can scale. Comparisons
		// ignore NaN, so without this the group would be taken for zeros.
		return m / -32
	}
	return scale
}

// assignQ6_K gives every weight the code nearest to inv·x, and the sums of
// w·x·q and w·q² with w = x².
func assignQ6_K(codes *[16]byte, x *[16]float32, inv float32) (sumQX, sumQQ float32) {
	for i, v := range x {
		c := clamp(nearest(float32(inv*v)), -32, 31)
		codes[i] = byte(c + 32)
		q, w := float32(c), float32(v*v)
		sumQX += float32(float32(w*v) * q)
		sumQQ += float32(float32(w*q) * q)
	}
	return sumQX, sumQQ
}
