package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/akadata/bitnet-tool/internal/kernels/_asm/emit"
)

// q6k is the kernel for blocks of 256 weights of six bits.
type q6k struct {
	isa                 emit.ISA
	four, two           VecVirtual    // masks of the low and upper bits of a weight
	pick                Mem           // which scales go with which words
	picks               [2]VecVirtual // the same (AVX-512)
	scales              Mem           // of a block, as words, on the stack
	leftward, rightward VecVirtual    // by how much upper bits are shifted (AVX-512)
	planes, pairs, cols Register
	high, low           []VecVirtual
}

// estimateQ6K multiplies weights as unsigned bytes, 32 more than they are, two
// at a time, takes that off by pairs, and multiplies with the scale of sixteen.
func estimateQ6K(isa emit.ISA) {
	emit.Kernel("estimateQ6K"+isa.String(), "func(dst *float32, rows *byte, planes *int8, pairs *int16, n, bytes, blocks int)",
		`multiplies n rows of Q6_K, blocks blocks each, with a token x in fixed
point. pairs holds -32 times the sum of every two of planes:

	for r := range n {
		var s [16]float32
		for b := range blocks {
			for k := range 16 {
				sum := Σ scale[r][b][i/16] * (q[r][256*b+i] - 32) * x[256*b+i], i/4%16 == k
				s[k] += d[r][b] * float32(sum)
			}
		}
		dst[r] = fold(s)
	}`)
	m := emit.Matrix{
		Dst: emit.Arg("dst"), Rows: emit.Arg("rows"), Once: emit.Arg("planes"),
		N: emit.Arg("n"), Bytes: emit.Arg("bytes"),
	}
	pairs, blocks := emit.Arg("pairs"), emit.Arg("blocks")
	k := q6k{isa: isa, scales: AllocLocal(32), cols: GP64()}
	MOVQ(blocks, k.cols)
	SHLQ(U8(8), k.cols)
	k.masks()
	parts := 16 / int(isa)
	m.Tiles(1, func(int) {
		var sum []VecVirtual
		for range parts {
			sum = append(sum, isa.Zero())
		}
		w := m.Walk(1)
		from, left := GP64(), GP64()
		MOVQ(pairs, from)
		MOVQ(blocks, left)
		k.planes, k.pairs = w.At, from
		Label("row")
		at := w.Row(0)
		for line := 0; line < 210; line += 64 {
			PREFETCHT1(at.Offset(emit.Ahead + line))
		}
		k.high, k.low = nil, nil
		for range parts {
			k.high, k.low = append(k.high, isa.Zero()), append(k.low, isa.Zero())
		}
		k.block(at)
		d := half(isa, at.Offset(208))
		for i := range parts {
			VPSLLD(U8(8), k.high[i], k.high[i])
			VPADDD(k.high[i], k.low[i], k.low[i])
			addScaled(k.low[i], d, sum[i])
		}
		w.Advance(210, 256)
		ADDQ(I32(256), from)
		DECQ(left)
		JNZ(LabelRef("row"))
		VMOVD(emit.FoldFloat32(sum), Mem{Base: m.Dst})
	})
	emit.End()
}

// masks makes what is the same for all blocks. pick is a list of shuffles: the
// n-th takes the n-th scales of eight, one for each 16 bytes.
func (k *q6k) masks() {
	k.four, k.two = k.isa.Broadcast(0x0f0f0f0f), k.isa.Broadcast(0x30303030)
	k.pick = GLOBL("scalesOf"+k.isa.String(), RODATA|NOPTR)
	for i := range 8 {
		word := uint64(0x0100 + 0x0202*i)
		DATA(16*i, U64(word*0x0001000100010001))
		DATA(16*i+8, U64(word*0x0001000100010001))
	}
	if k.isa == emit.AVX2 {
		return
	}
	upper := K()
	KMOVW(emit.Const(0xff00).As32(), upper)
	shifts := func(lower, above uint32) VecVirtual {
		v := k.isa.Broadcast(lower * 0x00010001)
		VPBROADCASTD(emit.Const(above*0x00010001).As32(), upper, v)
		return v
	}
	k.leftward, k.rightward = shifts(4, 2), shifts(0, 2)
	for i := range k.picks {
		k.picks[i] = ZMM()
		VMOVDQU64(k.pick.Offset(64*i), k.picks[i])
	}
}

// block adds up the products of the block at p.
func (k *q6k) block(p Mem) {
	words := YMM()
	VPMOVSXBW(p.Offset(192), words)
	VMOVDQU(words, k.scales)
	for h := range 2 {
		if k.isa == emit.AVX512 {
			k.half512(p, h)
		} else {
			k.half256(p, h)
		}
	}
}

// half512 unpacks 64 weights at a time: the upper bits of the first 32 and of
// the others are two bits apart.
func (k *q6k) half512(p Mem, h int) {
	low, top, scales := ZMM(), ZMM(), ZMM()
	VMOVDQU64(p.Offset(64*h), low)
	VBROADCASTI64X4(p.Offset(128+32*h), top)
	VBROADCASTI64X2(k.scales.Offset(16*h), scales)
	for i := range 2 {
		x, t := ZMM(), ZMM()
		if i == 0 {
			VPANDD(k.four, low, x)
			VPSLLVW(k.leftward, top, t)
		} else {
			VPSRLW(U8(4), low, x)
			VPANDD(k.four, x, x)
			VPSRLVW(k.rightward, top, t)
		}
		VPTERNLOGD(U8(0xf8), k.two, t, x) // x | t & two
		k.multiply(x, scales, k.picks[i], 64*(2*h+i), 0)
	}
}

// half256 unpacks 32 weights at a time.
func (k *q6k) half256(p Mem, h int) {
	top, scales := YMM(), YMM()
	VMOVDQU(p.Offset(128+32*h), top)
	VBROADCASTI128(k.scales.Offset(16*h), scales)
	for i := range 4 {
		x, t := YMM(), YMM()
		VMOVDQU(p.Offset(64*h+i%2*32), x)
		if i >= 2 {
			VPSRLW(U8(4), x, x)
		}
		VPAND(k.four, x, x)
		switch i { // bits 2i and 2i+1 to 4 and 5
		case 0:
			VPSLLW(U8(4), top, t)
			VPAND(k.two, t, t)
		case 1:
			VPSLLW(U8(2), top, t)
			VPAND(k.two, t, t)
		case 2:
			VPAND(k.two, top, t)
		case 3:
			VPSRLW(U8(2), top, t)
			VPAND(k.two, t, t)
		}
		VPOR(t, x, x)
		k.multiply(x, scales, k.pick.Offset(32*i), 128*h+32*i, i%2)
	}
}

// multiply adds the products of the weights x with those of the block's
// activations from index at on, which are scaled by what pick finds in scales,
// to the sums of part.
func (k *q6k) multiply(x, scales VecVirtual, pick Op, at, part int) {
	s := k.isa.Vec()
	VPSHUFB(pick, scales, s)
	for i, sum := range []VecVirtual{k.high[part], k.low[part]} {
		planes, pairs := Mem{Base: k.planes, Disp: at}, Mem{Base: k.pairs, Disp: at}
		if i == 1 {
			planes, pairs = indexed(k.planes, k.cols, at), indexed(k.pairs, k.cols, at)
		}
		v := k.isa.Vec()
		VPMADDUBSW(planes, x, v)
		VPADDW(pairs, v, v)
		if k.isa == emit.AVX512 {
			VPDPWSSD(s, v, sum)
		} else {
			VPMADDWD(s, v, v)
			VPADDD(v, sum, sum)
		}
	}
}
