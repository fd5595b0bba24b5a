package runtime

import (
	"sync"
	"testing"

	"github.com/akadata/bitnet-tool/internal/testmodel"
	"github.com/akadata/bitnet-tool/quant"
)

// TestAheadTakes: whoever is idle takes a piece of its own, until all that is
// worth it is taken.
func TestAheadTakes(t *testing.T) {
	for _, size := range []int{0, 1, aheadStep - 1, aheadStep, 5*aheadStep + 7, aheadBytes, 2 * aheadBytes} {
		rows := make([]byte, size)
		var a ahead
		if a.take() != nil {
			t.Error("took of nothing")
		}
		a.set(&rows)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for piece := a.take(); piece != nil; piece = a.take() {
					for i := range piece {
						piece[i]++
					}
				}
			})
		}
		wg.Wait()
		for i, n := range rows {
			if want := byte(1); i >= aheadBytes && n != 0 || i < aheadBytes && n != want {
				t.Fatalf("%d bytes: byte %d was taken %d times", size, i, n)
			}
		}
	}
}

// TestAfter follows a token through the products of a model.
func TestAfter(t *testing.T) {
	f := testmodel.Random(t, testmodel.Params(t, "bitnet-b1.58"), testmodel.Types{Projection: quant.I2_S, Embedding: quant.F16}, 1)
	m, err := Load(f.Open(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	last := m.layers[len(m.layers)-1].down
	for i, l := range m.layers {
		next := m.head
		if l.down != last {
			next = m.layers[i+1].q
		}
		for _, pair := range [][2]*matrix{{l.v, l.o}, {l.o, l.gate}, {l.up, l.down}, {l.down, next}} {
			if m.after(pair[0]) != &pair[1].data {
				t.Errorf("layer %d: a matrix has another one after it", i)
			}
		}
	}
	if m.after(m.head) != nil {
		t.Error("something comes after the head")
	}
	use := &screen{rows: make([]byte, 1)}
	m.screening.made.Store(use)
	if m.after(last) != &use.rows {
		t.Error("the head is not read by way of its screen")
	}
}
