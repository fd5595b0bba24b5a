package runtime

import (
	"math"
	"slices"
)

// best finds the k largest of many numbers. It never holds more than twice as
// many and drops the smaller half when full.
type best struct {
	k     int
	kept  []float32
	least float32 // what a number must beat, once k are there
}

func (b *best) reset(k int) {
	b.k, b.kept, b.least = k, b.kept[:0], float32(math.Inf(-1))
}

func (b *best) add(v float32) {
	if v > b.least { // not if it is a NaN
		if b.kept = append(b.kept, v); len(b.kept) == 2*b.k {
			b.drop()
		}
	}
}

// drop forgets all but k.
func (b *best) drop() {
	slices.Sort(b.kept)
	n := copy(b.kept, b.kept[len(b.kept)-b.k:])
	b.kept = b.kept[:n]
	b.least = b.kept[0]
}

// last gives the k-th largest number, -Inf if there are less.
func (b *best) last() float32 {
	if len(b.kept) > b.k {
		b.drop()
	}
	if len(b.kept) < b.k {
		return float32(math.Inf(-1))
	}
	return slices.Min(b.kept)
}
