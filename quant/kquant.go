package quant

import "math"

// What the K formats share: 256 weights a block in groups of 16 or 32, whose
// scales are themselves small integers times one or two F16 numbers of the
// block. Q4_K and Q5_K also share how a group is fitted and how scales are
// packed. All of it follows ggml src/ggml-quants.c (d99724f2) without an
// importance matrix, in float32, one rounding an operation, in its order.

// nearest rounds to the nearest integer, halves to even, as the reference's
// nearest_int does: after adding 1.5·2^23 the integer is in the mantissa. Beyond
// ±4194303 the result has no meaning but is the same; callers clamp it.
func nearest(x float32) int32 {
	return int32(math.Float32bits(x+0x1.8p23)&0x7fffff) - 0x400000
}

func clamp(q, lo, hi int32) int32 { return max(lo, min(hi, q)) }

// affine is a format of 8 groups of 32 weights scale·q - floor, with q from 0 to
// top. The search for the best scale of a group tries that many steps, the
// first of which takes top+first for the largest code, each next one 0.1 more.
type affine struct {
	top, first float32
	steps      int
}

// encode chooses the codes of a block and writes its first 16 bytes: d, dmin
// and the packed scales and floors, which are 6-bit multiples of d and dmin.
func (a affine) encode(dst []byte, src []float32, codes *[256]byte) error {
	var scales, floors [8]float32
	var maxScale, maxFloor float32
	for j := range 8 {
		scales[j], floors[j] = a.fit((*[32]float32)(src[32*j:]), (*[32]byte)(codes[32*j:]))
		if scales[j] > maxScale {
			maxScale = scales[j]
		}
		if floors[j] > maxFloor {
			maxFloor = floors[j]
		}
	}
	if err := putF16(dst, "scale", maxScale/63); err != nil {
		return err
	}
	if err := putF16(dst[2:], "minimum", maxFloor/63); err != nil {
		return err
	}
	packed := (*[12]byte)(dst[4:])
	packScales(packed, sixBits(&scales, maxScale), sixBits(&floors, maxFloor))

	// The scales have been rounded, so choose the codes again. Where a scale
	// became 0 the codes mean nothing, and those of the search stay.
	d, dmin := getF16(dst), getF16(dst[2:])
	for j := range 8 {
		s, m := unpackScale(packed, j)
		scale, floor := d*float32(s), float32(dmin*float32(m))
		if scale == 0 {
			continue
		}
		for i := 32 * j; i < 32*j+32; i++ {
			codes[i] = byte(clamp(nearest((src[i]+floor)/scale), 0, int32(a.top)))
		}
	}
	return nil
}

// sixBits gives v as multiples of most/63, at most 63. A negative value would wrap
// around first, as in the reference.
func sixBits(v *[8]float32, most float32) (q [8]byte) {
	var inv float32
	if most > 0 {
		inv = 63 / most
	}
	for j, x := range v {
		q[j] = min(63, byte(nearest(float32(inv*x))))
	}
	return q
}

// packScales puts eight pairs of 6 bits into 12 bytes: pairs 0–3 whole in the
// low 6 bits of bytes 0–7, the low 4 bits of pairs 4–7 in bytes 8–11, and their
// upper 2 bits on top of bytes 0–7.
func packScales(dst *[12]byte, scales, floors [8]byte) {
	for j := range 4 {
		dst[j] = scales[j] | scales[j+4]>>4<<6
		dst[j+4] = floors[j] | floors[j+4]>>4<<6
		dst[j+8] = scales[j+4]&15 | floors[j+4]<<4
	}
}

func unpackScale(src *[12]byte, j int) (scale, floor byte) {
	if j < 4 {
		return src[j] & 63, src[j+4] & 63
	}
	return src[j+4]&15 | src[j-4]>>6<<4, src[j+4]>>4 | src[j]>>6<<4
}

// fit finds codes, scale and floor of a group by a weighted least squares search
// (make_qkx2_quants). Large weights count more. The codes must be 0 before.
func (a affine) fit(x *[32]float32, codes *[32]byte) (scale, floor float32) {
	var w [32]float32
	importance(&w, x)
	lo, hi := x[0], x[0]
	sumW, sumX := w[0], float32(w[0]*x[0])
	for i := 1; i < 32; i++ {
		if x[i] < lo {
			lo = x[i]
		}
		if x[i] > hi {
			hi = x[i]
		}
		sumW += w[i]
		sumX += float32(w[i] * x[i])
	}
	if lo > 0 {
		lo = 0
	}
	if hi == lo {
		return 0, -lo
	}
	inv := a.top / (hi - lo)
	scale = 1 / inv
	a.assign(codes, x, &w, inv, lo)
	least := misfit(x, &w, codes, scale, lo)
	var trial [32]byte
	for s := 0; s <= a.steps; s++ {
		inv = (a.first + float32(0.1*float32(s)) + a.top) / (hi - lo)
		sumQ, sumQQ, sumQX := a.assign(&trial, x, &w, inv, lo)
		det := float32(sumW*sumQQ) - float32(sumQ*sumQ)
		if !(det > 0) { // NaN is no fit either
			continue
		}
		slope := (float32(sumW*sumQX) - float32(sumX*sumQ)) / det
		base := (float32(sumQQ*sumX) - float32(sumQ*sumQX)) / det
		if base > 0 {
			base, slope = 0, sumQX/sumQQ
		}
		if e := misfit(x, &w, &trial, slope, base); e < least {
			least, scale, lo = e, slope, base
			*codes = trial
		}
	}
	return scale, -lo
}

// importance gives a weight of the group its magnitude plus the root mean square
// of the group.
func importance(w, x *[32]float32) {
	var sum float32
	for _, v := range x {
		sum += float32(v * v)
	}
	rms := float32(math.Sqrt(float64(sum / 32)))
	for i, v := range x {
		w[i] = rms + magnitude(v)
	}
}

// assign gives every weight the code nearest to inv·(x-lo), and the sums of
// w·q, w·q² and w·q·x.
func (a affine) assign(codes *[32]byte, x, w *[32]float32, inv, lo float32) (sumQ, sumQQ, sumQX float32) {
	top := int32(a.top)
	for i, v := range x {
		c := clamp(nearest(float32(inv*(v-lo))), 0, top)
		codes[i] = byte(c)
		q := float32(c)
		wq := float32(w[i] * q)
		sumQ += wq
		sumQQ += float32(wq * q)
		sumQX += float32(wq * v)
	}
	return sumQ, sumQQ, sumQX
}

// misfit is the weighted sum of squared errors of scale·q + lo.
func misfit(x, w *[32]float32, codes *[32]byte, scale, lo float32) float32 {
	var sum float32
	for i, v := range x {
		e := float32(scale*float32(codes[i])) + lo - v
		sum += float32(w[i] * float32(e*e))
	}
	return sum
}
