package quant

import (
	"math"
	"testing"
)

func TestNearest(t *testing.T) {
	tests := []struct {
		name string
		x    float32
		want int32
	}{
		{"half to even, down", 0.5, 0},
		{"half to even, up", 1.5, 2},
		{"negative half to even", -2.5, -2},
		{"just above a half", 2.5000002, 3},
		{"just below a half", 1.4999999, 1},
		{"largest", 4194303, 4194303},
		{"smallest", -4194304, -4194304},
		{"beyond wraps", 4194304, -4194304},
		{"Inf", inf, -4194304},
		{"-Inf", -inf, -4194304},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := nearest(tt.x); got != tt.want {
				t.Errorf("nearest(%v) = %d, want %d", tt.x, got, tt.want)
			}
		})
	}
	for i := -40000; i <= 40000; i++ {
		x := float32(i) / 256
		if got, want := nearest(x), int32(math.RoundToEven(float64(x))); got != want {
			t.Fatalf("nearest(%v) = %d, want %d", x, got, want)
		}
	}
}

// Every pair of 6-bit numbers at every place, alone among others.
func TestPackScales(t *testing.T) {
	for j := range 8 {
		for s := range byte(64) {
			for m := range byte(64) {
				scales, floors := [8]byte{1, 62, 3, 60, 5, 58, 7, 56}, [8]byte{63, 0, 61, 2, 59, 4, 57, 6}
				scales[j], floors[j] = s, m
				var packed [12]byte
				packScales(&packed, scales, floors)
				for k := range 8 {
					if gs, gm := unpackScale(&packed, k); gs != scales[k] || gm != floors[k] {
						t.Fatalf("pair %d is %d, %d, want %d, %d", k, gs, gm, scales[k], floors[k])
					}
				}
			}
		}
	}
}

// What is negative wraps around: -1 is 255, which is above 63.
func TestSixBits(t *testing.T) {
	got := sixBits(&[8]float32{0, 63, 31.5, 32.5, -1, 62.6, 1e-9, 0.5}, 63)
	if want := [8]byte{0, 63, 32, 32, 63, 63, 0, 0}; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := sixBits(&[8]float32{0, -1}, 0); got != [8]byte{} {
		t.Errorf("nothing positive: %v", got)
	}
}

// More bits, less error: the root of the mean square of the errors on weights
// as they are in models falls from one format to the next.
func TestErrorsFallWithSize(t *testing.T) {
	last, lastName := math.Inf(1), "nothing"
	for _, typ := range []Type{Q4_0, Q4_1, Q4_K, Q5_0, Q5_1, Q5_K, Q6_K, Q8_0} {
		c := lookup(t, typ)
		var sum, squares float64
		for seed := range uint64(4) {
			x := sample(96, seed)
			for b := 2 * 256; b < len(x); b += 12 * 256 { // BF16 of one magnitude
				x, y := x[b:b+256], make([]float32, 256)
				packed := make([]byte, 256/c.BlockLen*c.BlockBytes)
				if err := c.Encode(packed, x, 0); err != nil {
					t.Fatal(err)
				}
				if err := c.Decode(y, packed, 0); err != nil {
					t.Fatal(err)
				}
				for i := range x {
					d := float64(x[i]) - float64(y[i])
					sum += d * d
					squares += float64(x[i]) * float64(x[i])
				}
			}
		}
		e := math.Sqrt(sum / squares)
		t.Logf("%s: relative error %.4f", typ, e)
		if !(e < last) {
			t.Errorf("%s has the relative error %.4f, %s had %.4f", typ, e, lastName, last)
		}
		last, lastName = e, c.Name
	}
}
