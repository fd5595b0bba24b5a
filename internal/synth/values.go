package synth

import (
	"encoding/binary"
	"hash/fnv"
	"sync"

	"github.com/akadata/bitnet-tool/quant"
)

// values is the rule of a tensor's elements.
type values struct {
	kind         kind
	mean, centre float32
}

type kind int

const (
	bell     kind = iota // centre plus a near-normal number of magnitude mean on average
	trits                // -mean, 0 and mean, 3 zeros in 8
	packed               // a byte of four codes 0, 1, 2, with 3 ones in 8
	constant             // centre
)

// table maps 16 random bits to an element: the bytes of element i are those
// from width·i on.
type table struct {
	width int
	bytes []byte
}

const tableSize = 1 << 16

// table fills in the rule. All of its numbers are exact or the result of one
// rounding, so they are the same on every machine.
func (v values) table(dtype string) (*table, error) {
	t := &table{width: int(widths[dtype])}
	t.bytes = make([]byte, t.width*tableSize)
	if v.kind == packed {
		for i := range t.bytes {
			for shift := 0; shift < 8; shift += 2 {
				t.bytes[i] |= byte(1+trit(i>>(2*shift))) << shift
			}
		}
		return t, nil
	}
	numbers := make([]float32, tableSize)
	unit := v.mean / bellMean
	for i := range numbers {
		switch v.kind {
		case bell:
			numbers[i] = v.centre + float32(float32(bells()[i])*unit)
		case trits:
			numbers[i] = float32(trit(i)) * v.mean
		default:
			numbers[i] = v.centre
		}
	}
	codec, _ := quant.ByName(dtype)
	return t, codec.Encode(t.bytes, numbers, 0)
}

// trit maps four bits to -1, 0 or 1.
func trit(bits int) int {
	switch n := bits & 15; {
	case n < 5:
		return -1
	case n < 11:
		return 0
	}
	return 1
}

// bellMean is the mean magnitude of bells, rounded.
const bellMean = 119.465

// bells has 65,536 integers whose distribution is that of the sum of four
// bytes, less its middle: the (i+½)/65536 quantile at i.
var bells = sync.OnceValue(func() []int16 {
	counts := []uint64{1} // ways to get each sum
	for range 4 {
		next := make([]uint64, len(counts)+255)
		for sum, n := range counts {
			for b := range 256 {
				next[sum+b] += n
			}
		}
		counts = next
	}
	out := make([]int16, tableSize)
	below, sum := counts[0], 0
	for i := range out {
		for below <= uint64(i)<<16+1<<15 { // of 2^32 ways
			sum++
			below += counts[sum]
		}
		out[i] = int16(sum - 2*255)
	}
	return out
})

// source draws the elements of one tensor.
type source struct {
	table *table
	key   uint64
}

func newSource(t *tensor, seed uint64) (*source, error) {
	tab, err := t.values.table(t.dtype)
	h := fnv.New64a()
	h.Write([]byte(t.name))
	return &source{table: tab, key: mix(seed) ^ h.Sum64()}, err
}

// fill writes the elements from number first on, a multiple of 4. Every four
// take one number, which depends on nothing but its index.
func (s *source) fill(dst []byte, first int64) {
	tab, width := s.table.bytes, s.table.width
	n := uint64(first) / 4
	switch width {
	case 1:
		for ; len(dst) >= 4; dst, n = dst[4:], n+1 {
			r := s.draw(n)
			dst[0], dst[1], dst[2], dst[3] = tab[r&0xffff], tab[r>>16&0xffff], tab[r>>32&0xffff], tab[r>>48]
		}
	case 2:
		for ; len(dst) >= 8; dst, n = dst[8:], n+1 {
			r := s.draw(n)
			v := uint64(half(tab, r)) | uint64(half(tab, r>>16))<<16 | uint64(half(tab, r>>32))<<32 | uint64(half(tab, r>>48))<<48
			binary.LittleEndian.PutUint64(dst, v)
		}
	}
	for r := s.draw(n); len(dst) > 0; r >>= 16 {
		at := int(r&0xffff) * width
		dst = dst[copy(dst, tab[at:at+width]):]
	}
}

func half(tab []byte, r uint64) uint16 { return binary.LittleEndian.Uint16(tab[2*(r&0xffff):]) }

// draw gives 64 random bits.
func (s *source) draw(n uint64) uint64 { return mix(s.key + n*0x9e3779b97f4a7c15) }

// mix is the output function of SplitMix64 (Steele, Lea and Flood, "Fast
// splittable pseudorandom number generators", 2014).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
