package kernels

import "encoding/binary"

// PanelRows is how many rows of a matrix a panel holds.
const PanelRows = 64

// Ternary is the part of a [Backend] that multiplies the codes of ternary
// matrices with int8 activations. All sums are exact.
//
// For one token there are kernels that read rows as they are. For several there
// is the panel: the codes of 64 rows as bytes, in an order that suits the
// multiplication with any number of tokens. Code c of row r is byte
// 256·(c/4) + 4·r + c mod 4.
//
// Those that meet scales in the blocks they read leave them out, and say
// whether they may: ok means that all blocks have the same finite scale, and
// that sums are small enough to be exact as float32. If not, nothing is done;
// [DotTQ2_0] and [DotTQ1_0] know what to do. The scale of I2_S, which has none,
// is 1.
type Ternary struct {
	// MulI2S and MulTQ2_0 multiply len(dst) rows with one token:
	// dst[r] = Σ code(r, i)·q[i].
	MulI2S, MulTQ2_0 func(dst []int32, rows []byte, q []int8) (scale float32, ok bool)

	// MulQ8 multiplies len(dst) rows of Q8_0 with one token:
	// dst[r] = Σ w(r, i)·q[i], w being the int8 of the file. It is here for
	// ternary models in that format; sums may be too large for float32.
	MulQ8 func(dst []int32, rows []byte, q []int8) (scale float32, ok bool)

	// PanelI2S and its like fill a panel of cols columns with 64 rows, or less:
	// what is missing is 0.
	PanelI2S, PanelTQ2_0, PanelTQ1_0 func(panel, rows []byte, cols int) (scale float32, ok bool)

	// MulPanel multiplies a panel of cols columns, a multiple of 128, with
	// len(q)/cols tokens: dst[64·t+r] = Σ code(r, i)·q[cols·t+i].
	MulPanel func(dst []int32, panel []byte, q []int8, cols int)
}

func ternary() Ternary {
	return Ternary{
		MulI2S:     mulI2S,
		MulTQ2_0:   mulTQ2,
		MulQ8:      mulQ8,
		PanelI2S:   packing{128, 32, codesI2S, false}.panel,
		PanelTQ2_0: packing{256, 66, codesTQ2, true}.panel,
		PanelTQ1_0: packing{256, 54, codesTQ1, true}.panel,
		MulPanel:   mulPanel,
	}
}

// maxExact is how many columns a row may have for any sum of codes times int8 to
// be exact as float32: 3 · 128 · 2^15 < 2^24.
const maxExact = 1 << 15

// packing is a format of codes: blocks of cols weights in bytes, which codes
// unpacks. If scaled, the last two bytes of a block are an F16 scale.
type packing struct {
	cols, bytes int
	codes       func(dst *[256]byte, block []byte)
	scaled      bool
}

// row gives the bytes of a row.
func (p packing) row(cols int) int { return cols / p.cols * p.bytes }

// scale gives that of all blocks, if it is one.
func (p packing) scale(rows []byte, cols int) (scale float32, ok bool) {
	if !p.scaled {
		return 1, true
	}
	if len(rows) == 0 || cols > maxExact {
		return 0, len(rows) == 0
	}
	first := binary.LittleEndian.Uint16(rows[p.bytes-2:])
	for at := p.bytes; at < len(rows); at += p.bytes {
		if binary.LittleEndian.Uint16(rows[at+p.bytes-2:]) != first {
			return 0, false
		}
	}
	return f16(first), finite(first)
}

// finite says whether a half float is neither Inf nor NaN.
func finite(h uint16) bool { return h&0x7c00 != 0x7c00 }

func (p packing) panel(panel, rows []byte, cols int) (scale float32, ok bool) {
	if scale, ok = p.scale(rows, cols); ok {
		clear(panel)
		p.fill(panel, rows, cols)
	}
	return scale, ok
}

// fill unpacks rows into a panel, from row 0 on.
func (p packing) fill(panel, rows []byte, cols int) {
	var codes [256]byte
	for r := 0; r*p.row(cols) < len(rows); r++ {
		row := rows[r*p.row(cols):][:p.row(cols)]
		for at := 0; at < cols; at += p.cols {
			p.codes(&codes, row[at/p.cols*p.bytes:][:p.bytes])
			for c := 0; c < p.cols; c += 4 {
				copy(panel[64*(at+c)+4*r:][:4], codes[c:])
			}
		}
	}
}

func codesI2S(dst *[256]byte, block []byte) {
	for i, b := range block[:32] {
		dst[i], dst[32+i], dst[64+i], dst[96+i] = b>>6, b>>4&3, b>>2&3, b&3
	}
}

func codesTQ2(dst *[256]byte, block []byte) {
	for h := range 2 {
		x := dst[128*h:][:128]
		for i, b := range block[32*h : 32*h+32] {
			x[i], x[32+i], x[64+i], x[96+i] = b&3, b>>2&3, b>>4&3, b>>6
		}
	}
}

func codesTQ1(dst *[256]byte, block []byte) {
	digits(dst[:160], block[:32], 5)
	digits(dst[160:240], block[32:48], 5)
	digits(dst[240:], block[48:52], 4)
}

// digits unpacks n codes a byte: code k of byte m goes to k·len(packed)+m.
func digits(dst, packed []byte, n int) {
	for m, b := range packed {
		for k := range n {
			dst[k*len(packed)+m] = byte(uint16(b) * 3 >> 8)
			b *= 3
		}
	}
}

func mulI2S(dst []int32, rows []byte, q []int8) (scale float32, ok bool) {
	n := len(q) / 4
	for r := range dst {
		DotI2S(dst[r:r+1], rows[r*n:][:n], q)
	}
	return 1, true
}

func mulTQ2(dst []int32, rows []byte, q []int8) (scale float32, ok bool) {
	p := packing{256, 66, codesTQ2, true}
	if scale, ok = p.scale(rows, len(q)); !ok {
		return 0, false
	}
	var codes [256]byte
	n := p.row(len(q))
	for r := range dst {
		dst[r] = 0
		for at := 0; at < len(q); at += 256 {
			codesTQ2(&codes, rows[r*n+at/256*66:])
			for i, c := range codes {
				dst[r] += int32(c) * int32(q[at+i])
			}
		}
	}
	return scale, true
}

func mulQ8(dst []int32, rows []byte, q []int8) (scale float32, ok bool) {
	n := len(q) / 32 * 34
	if len(rows) == 0 || len(q) > maxExact {
		clear(dst)
		return 0, len(rows) == 0
	}
	first := binary.LittleEndian.Uint16(rows)
	for r := range dst {
		dst[r] = 0
		for at := 0; at < len(q); at += 32 {
			block := rows[r*n+at/32*34:][:34]
			ok = binary.LittleEndian.Uint16(block) == first && (ok || r+at == 0)
			for i, b := range block[2:] {
				dst[r] += int32(int8(b)) * int32(q[at+i])
			}
		}
	}
	return f16(first), ok && finite(first)
}

func mulPanel(dst []int32, panel []byte, q []int8, cols int) {
	clear(dst)
	for t := 0; t*PanelRows < len(dst); t++ {
		sums, x := (*[PanelRows]int32)(dst[t*PanelRows:]), q[t*cols:][:cols]
		for c := 0; c < cols; c += 4 {
			y, p := (*[4]int8)(x[c:]), (*[4 * PanelRows]byte)(panel[PanelRows*c:])
			for r := range sums {
				sums[r] += int32(p[4*r])*int32(y[0]) + int32(p[4*r+1])*int32(y[1]) +
					int32(p[4*r+2])*int32(y[2]) + int32(p[4*r+3])*int32(y[3])
			}
		}
	}
}
