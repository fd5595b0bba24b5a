package verify

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/akadata/bitnet-tool/quant"
)

// scanWeights is how many weights are decoded at a time: they stay in the
// cache. Every block length divides it.
const scanWeights = 1 << 14

// tally is what the weights of a tensor, or of a part of one, come to.
type tally struct {
	weighed int64 // weights that were looked at

	badCode   *place // of the first code 3
	notFinite *place

	zeros     int64
	negative  int64
	squares   float64 // sum of w²; of I2_S of trits
	first     float32 // weight; of I2_S the trit
	same      bool    // all weights are like the first
	magnitude float32 // of the first weight that is not zero
	mixed     bool    // there are other magnitudes
	between   int64   // of a blurred type: weights of about half the magnitude of their block

	// Of ternary types: the smallest and largest scale of a block that has a
	// weight other than zero; of I2_S the scale of the tensor.
	low, high float32
	scaleErr  error
}

// place is a weight and where it is.
type place struct {
	element int64
	offset  int64 // from the start of the tensor, of the byte or the block
	value   float32
}

func newTally() tally {
	return tally{same: true, low: float32(math.Inf(1)), high: float32(math.Inf(-1))}
}

// add adds the part of the tensor that follows.
func (v *tally) add(p *tally) {
	v.low, v.high = min(v.low, p.low), max(v.high, p.high)
	if p.scaleErr != nil {
		v.scaleErr = p.scaleErr
	}
	if p.weighed == 0 && p.badCode == nil && p.notFinite == nil || v.badCode != nil || v.notFinite != nil {
		return
	}
	if v.weighed == 0 {
		v.first = p.first
	}
	v.same = v.same && p.same && v.first == p.first
	v.mixed = v.mixed || p.mixed || v.magnitude != 0 && p.magnitude != 0 && v.magnitude != p.magnitude
	if v.magnitude == 0 {
		v.magnitude = p.magnitude
	}
	v.weighed += p.weighed
	v.zeros, v.negative, v.squares = v.zeros+p.zeros, v.negative+p.negative, v.squares+p.squares
	v.between += p.between
	v.badCode, v.notFinite = p.badCode, p.notFinite
}

// scanner has the memory for looking at weights.
type scanner struct {
	codes  []byte
	values []float32
}

// scan tallies the weights in b, which begin at byte at of their tensor, and
// the trailer if it is given. It stops at the first impossible weight.
func (r *scanner) scan(v *tally, c *quant.Codec, at int64, b, trailer []byte) error {
	if len(trailer) > 0 {
		d, err := c.GetTrailer(trailer)
		v.low, v.high, v.scaleErr = float32(d), float32(d), err
	}
	if len(b) == 0 || c.Trailer > 0 && v.trits(b) {
		return nil
	}
	if r.values == nil {
		r.codes, r.values = make([]byte, scanWeights), make([]float32, scanWeights)
	}
	step := scanWeights / c.BlockLen * c.BlockBytes
	for ; len(b) > 0; at += int64(step) {
		chunk := b[:min(step, len(b))]
		b = b[len(chunk):]
		if more, err := r.chunk(v, c, at, chunk); err != nil || !more {
			return err
		}
	}
	return nil
}

// chunk tallies at most scanWeights and reports whether all are possible.
func (r *scanner) chunk(v *tally, c *quant.Codec, at int64, b []byte) (more bool, err error) {
	n := len(b) / c.BlockBytes * c.BlockLen
	first := at / int64(c.BlockBytes) * int64(c.BlockLen)
	codes, values := r.codes[:n], r.values[:n]
	if c.Ternary() {
		if err := c.UnpackTrits(codes, b); err != nil {
			if v.badCode = findCode3(c, b); v.badCode == nil {
				return false, err
			}
			v.badCode.element += first
			v.badCode.offset += at
			return false, nil
		}
	}
	if err := c.Decode(values, b, 0); err != nil {
		return false, err
	}
	if !v.floats(values) {
		e := first + firstNotFinite(values).element
		v.notFinite = &place{element: e, offset: e / int64(c.BlockLen) * int64(c.BlockBytes), value: values[e-first]}
		return false, nil
	}
	if c.Ternary() {
		v.blockScales(codes, values)
	}
	if blurred(c) {
		for ; len(values) > 0; values = values[c.BlockLen:] {
			v.between += halves(values[:c.BlockLen])
		}
	}
	return true, nil
}

// blurred reports whether blocks of the type give -m, 0 and m back as values near
// them only. Q8_0 gives exactly what it gives for the other weights too.
func blurred(c *quant.Codec) bool { return c.BlockLen > 1 && !c.Ternary() && c.Type != quant.Q8_0 }

// halves counts weights of about half the largest magnitude of their block.
// Blocks of trits have none, whatever type they are in; of normally distributed
// weights it is about one in five.
func halves(block []float32) (n int64) {
	var most float32
	for _, w := range block {
		most = max(most, w, -w)
	}
	for _, w := range block {
		if w = max(w, -w); w > 0.4*most && w < 0.6*most {
			n++
		}
	}
	return n
}

// masters reports whether the weights are more than the trits of a matrix, up to
// what their encoding does to those.
func (v *survey) masters() bool {
	if blurred(&v.codec) {
		return 20*v.between > v.weights()
	}
	return v.mixed
}

// trits counts weights whose scale is the tensor's, four of two bits a byte in
// whatever order, and reports whether all are trits.
func (v *tally) trits(packed []byte) bool {
	// Two tables, so that equal neighbours need not wait for each other.
	var even, odd [256]uint32
	for b := packed; ; b = b[8:] {
		if len(b) < 8 {
			for _, x := range b {
				even[x]++
			}
			break
		}
		w := binary.LittleEndian.Uint64(b)
		even[byte(w)]++
		odd[byte(w>>8)]++
		even[byte(w>>16)]++
		odd[byte(w>>24)]++
		even[byte(w>>32)]++
		odd[byte(w>>40)]++
		even[byte(w>>48)]++
		odd[byte(w>>56)]++
	}
	var n [4]int64
	for b := range even {
		times := int64(even[b]) + int64(odd[b])
		for i := range 4 {
			n[b>>(2*i)&3] += times
		}
	}
	if n[3] > 0 {
		return false
	}
	if v.weighed == 0 {
		for code, times := range n {
			if times > 0 {
				v.first = float32(code - 1)
			}
		}
	}
	all := 4 * int64(len(packed))
	v.weighed += all
	v.zeros, v.negative = v.zeros+n[1], v.negative+n[0]
	v.squares += float64(n[0] + n[2])
	v.same = v.same && n[int8(v.first)+1] == all
	return true
}

// floats tallies weights and reports whether all are finite. It has no branches
// that depend on them: the signs of weights cannot be foretold.
func (v *tally) floats(x []float32) bool {
	const sign, infinite = 1 << 31, 0x7f800000
	if v.same || !v.mixed {
		v.compare(x)
	}
	var nonzero, negative, most uint32
	for _, w := range x {
		bits := math.Float32bits(w)
		size := bits &^ sign
		negative += (-size & bits) >> 31 // -0 is not negative
		nonzero += -size >> 31
		most = max(most, size)
	}
	v.weighed += int64(len(x))
	v.zeros, v.negative = v.zeros+int64(len(x))-int64(nonzero), v.negative+int64(negative)
	v.squares += squares(x)
	return most < infinite
}

// compare finds out whether weights are equal, or of equal magnitude.
func (v *tally) compare(x []float32) {
	const sign = 1 << 31
	if v.weighed == 0 {
		v.first = x[0] + 0 // of -0 too it is +0
	}
	for i := 0; v.magnitude == 0 && i < len(x); i++ {
		v.magnitude = math.Float32frombits(math.Float32bits(x[i]) &^ sign)
	}
	first, magnitude := math.Float32bits(v.first), math.Float32bits(v.magnitude)
	var unlike, other uint32
	for _, w := range x {
		bits := math.Float32bits(w)
		size := bits &^ sign
		mask := uint32(-int32(size) >> 31) // all ones, of zero none
		unlike |= bits&mask ^ first
		other |= (size ^ magnitude) & mask
	}
	v.same, v.mixed = v.same && unlike == 0, v.mixed || other != 0
}

// squares gives Σ w².
func squares(x []float32) float64 {
	var a, b, c, d float64 // four sums, so that none waits for itself
	for ; len(x) >= 4; x = x[4:] {
		a += float64(x[0] * x[0])
		b += float64(x[1] * x[1])
		c += float64(x[2] * x[2])
		d += float64(x[3] * x[3])
	}
	for _, w := range x {
		a += float64(w * w)
	}
	return a + b + c + d
}

// blockScales notes the scales of blocks: a weight divided by its trit.
func (v *tally) blockScales(codes []byte, values []float32) {
	for i, c := range codes {
		if c == 1 {
			continue
		}
		d := values[i] * float32(int8(c)-1)
		v.low, v.high = min(v.low, d), max(v.high, d)
	}
}

func uniform(b []byte) bool { return bytes.Equal(b[1:], b[:len(b)-1]) }

// findCode3 finds the first weight whose two bits are both set. The bits of a
// weight are those that change with it when a block is packed, so no layout
// needs to be known here.
func findCode3(c *quant.Codec, packed []byte) *place {
	codes, base, probe := make([]byte, c.BlockLen), make([]byte, c.BlockBytes), make([]byte, c.BlockBytes)
	for b := 0; b*c.BlockBytes < len(packed); b++ {
		block := packed[b*c.BlockBytes:][:c.BlockBytes]
		if c.UnpackTrits(codes, block) == nil {
			continue
		}
		for i := range codes {
			codes[i] = 0
		}
		if c.PackTrits(base, codes, 0) != nil {
			return nil
		}
		for i := range codes {
			at, mask := -1, byte(0)
			for code := range byte(3) {
				codes[i] = code
				if c.PackTrits(probe, codes, 0) != nil {
					return nil
				}
				for j := range probe {
					if d := probe[j] ^ base[j]; d != 0 {
						at, mask = j, mask|d
					}
				}
			}
			codes[i] = 0
			if at >= 0 && block[at]&mask == mask {
				return &place{element: int64(b*c.BlockLen + i), offset: int64(b*c.BlockBytes + at)}
			}
		}
	}
	return nil
}
