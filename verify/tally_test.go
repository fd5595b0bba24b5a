package verify

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akadata/bitnet-tool/quant"
)

// TestTally holds what the scanner counts without branches against counting
// one by one, whole and in parts.
func TestTally(t *testing.T) {
	negZero := float32(math.Copysign(0, -1))
	var many []float32
	for i := range 3*scanWeights + 5 {
		many = append(many, float32(math.Sin(float64(i)))) // of both signs, never again the same
	}
	for name, x := range map[string][]float32{
		"mixed":           {1, -2, 0, 3, 0.5},
		"one":             {-2},
		"zeros":           {0, negZero, 0},
		"minus zero":      {negZero, 0, negZero, 1},
		"constant":        {-3, -3, -3, -3, -3, -3},
		"ternary":         {0, 0, 2, -2, 0, 2, negZero},
		"two halves":      {3, -3, 3, 2, 2, -2},
		"late":            {0, 0, 0, 0, 0, 0, 5, -7},
		"largest":         {math.MaxFloat32, -math.MaxFloat32},
		"smallest":        {math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 0},
		"more than a run": many,
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := quant.Lookup(quant.F32)
			var b []byte
			for _, w := range x {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(w))
			}
			want := counted(x)
			for _, cut := range []int{0, 1, len(x) / 2, len(x)} {
				got := newTally()
				for _, part := range [][2]int{{0, cut}, {cut, len(x)}} {
					p := newTally()
					if err := new(scanner).scan(&p, &c, int64(4*part[0]), b[4*part[0]:4*part[1]], nil); err != nil {
						t.Fatal(err)
					}
					got.add(&p)
				}
				if math.Abs(got.squares-want.squares) > 1e-6*want.squares {
					t.Errorf("cut at %d: squares %v, want %v", cut, got.squares, want.squares)
				}
				got.squares, got.low, got.high = want.squares, 0, 0
				if d := cmp.Diff(want, got, cmp.AllowUnexported(tally{}, place{})); d != "" {
					t.Errorf("cut at %d (-want +got):\n%s", cut, d)
				}
			}
		})
	}
}

// counted counts one by one.
func counted(x []float32) tally {
	v := tally{weighed: int64(len(x)), first: x[0] + 0, same: true}
	for _, w := range x {
		v.same = v.same && w == x[0]
		if w == 0 {
			v.zeros++
			continue
		}
		if w < 0 {
			v.negative++
		}
		size := float32(math.Abs(float64(w)))
		if v.magnitude == 0 {
			v.magnitude = size
		}
		v.mixed = v.mixed || size != v.magnitude
		v.squares += float64(w * w)
	}
	return v
}

// TestTallyStops: the first weight that is no number is found, whichever part
// has it, and what follows does not count.
func TestTallyStops(t *testing.T) {
	c, _ := quant.Lookup(quant.F32)
	for name, bad := range map[string]float64{"NaN": math.NaN(), "+Inf": math.Inf(1), "-Inf": math.Inf(-1)} {
		for _, at := range []int{0, 7, scanWeights - 1, scanWeights, 3 * scanWeights} {
			x := slices.Repeat([]float32{1, -1}, 2*scanWeights)
			x[at], x[at+1] = float32(bad), float32(math.NaN())
			var b []byte
			for _, w := range x {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(w))
			}
			half := len(b) / 2
			got := newTally()
			for _, part := range [][2]int{{0, half}, {half, len(b)}} {
				p := newTally()
				if err := new(scanner).scan(&p, &c, int64(part[0]), b[part[0]:part[1]], nil); err != nil {
					t.Fatal(err)
				}
				got.add(&p)
			}
			if p := got.notFinite; p == nil || p.element != int64(at) || p.offset != int64(4*at) || math.Float32bits(p.value)&^(1<<22) != math.Float32bits(x[at])&^(1<<22) {
				t.Errorf("%s at %d: %+v", name, at, p)
			}
		}
	}
}
