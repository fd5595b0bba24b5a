package mmap

import "testing"

func TestPreferLarge(t *testing.T) {
	PreferLarge[byte](nil)
	all := make([]float32, 8<<20)
	for _, n := range []int{0, 1, 1023, 1024, 1025, 3000, len(all) - 5} {
		for from := range 5 {
			x := all[from : from+n]
			PreferLarge(x)
			for i := range x {
				x[i] = float32(i)
			}
			for i, v := range x {
				if v != float32(i) {
					t.Fatalf("%d elements: element %d is %v", n, i, v)
				}
			}
		}
	}
}
