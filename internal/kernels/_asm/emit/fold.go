package emit

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// SumInt32 adds up all int32 of v into the lowest of the result.
func SumInt32(v VecVirtual) Register {
	return Fold([]VecVirtual{v}, func(a, b, c Op) { VPADDD(a, b, c) })
}

// FoldFloat32 adds up the sixteen float32 of v, one vector or two, in halves
// into the lowest of the result.
func FoldFloat32(v []VecVirtual) Register {
	return Fold(v, func(a, b, c Op) { VADDPS(a, b, c) })
}

// Fold joins the elements, of four bytes, of one vector or two in halves into
// the lowest of the result.
func Fold(v []VecVirtual, join func(a, b, c Op)) Register {
	x, t := halves(v, join)
	VPSHUFD(U8(0x4e), x, t)
	join(t, x, x)
	VPSHUFD(U8(0xb1), x, t)
	join(t, x, x)
	return x
}

// FoldFloat64 adds up the sixteen float64 of v, two vectors or four, in halves
// into the lowest of the result.
func FoldFloat64(v []VecVirtual) Register {
	add := func(a, b, c Op) { VADDPD(a, b, c) }
	if len(v) == 4 {
		VADDPD(v[2], v[0], v[0])
		VADDPD(v[3], v[1], v[1])
		v = v[:2]
	} else {
		VADDPD(v[1], v[0], v[0])
		v = v[:1]
	}
	x, t := halves(v, add)
	VPSHUFD(U8(0x4e), x, t)
	VADDPD(t, x, x)
	return x
}

// halves joins the upper halves with the lower ones until an XMM is left.
func halves(v []VecVirtual, join func(a, b, c Op)) (x, t VecVirtual) {
	x, t = XMM(), XMM()
	y := YMM()
	switch {
	case len(v) == 2:
		join(v[1], v[0], y)
		VEXTRACTF128(U8(1), y, x)
	case v[0].Size() == 64:
		VEXTRACTF64X4(U8(1), v[0], y)
		join(y, v[0].AsY(), y)
		VEXTRACTF32X4(U8(1), y, x)
	default:
		VEXTRACTF128(U8(1), v[0], x)
		join(x, v[0].AsX(), x)
		return x, t
	}
	join(x, y.AsX(), x)
	return x, t
}
