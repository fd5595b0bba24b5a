package kernels_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/akadata/bitnet-tool/internal/kernels"
	"github.com/x448/float16"
)

// same tells whether two results are the same bits, or both NaN.
func same(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

func compare(t *testing.T, got, want []float32) {
	t.Helper()
	for i := range want {
		if !same(got[i], want[i]) {
			t.Fatalf("element %d is %v, want %v", i, got[i], want[i])
		}
	}
}

// normals fills x with numbers of every size that occurs, a few of them 0.
func normals(r *rand.Rand, x []float32) []float32 {
	for i := range x {
		if x[i] = float32(r.NormFloat64()); r.IntN(50) == 0 {
			x[i] = 0
		}
	}
	return x
}

// halves fills b with the same as F16.
func halves(r *rand.Rand, b []byte) []byte {
	for i := 0; i < len(b); i += 2 {
		binary.LittleEndian.PutUint16(b[i:], float16.Fromfloat32(float32(r.NormFloat64())).Bits())
	}
	return b
}

func TestScores(t *testing.T) {
	backends(t, func(t *testing.T, b, generic *Backend) {
		r := rand.New(rand.NewPCG(3, 4))
		for _, d := range []int{1, 2, 7, 16, 64, 100, 128} {
			for n := range 10 {
				isolated(t, func(t *testing.T) {
					slack := (n + d) % 3
					stride := Page + 3*slack
					q := normals(r, guarded[float32](t, n*d, slack))
					k := normals(r, guarded[float32](t, d*Page, slack))
					half := halves(r, guarded[byte](t, 2*d*Page, 2*slack))
					if slack == 2 {
						k[r.IntN(len(k))] = float32(math.Inf(1))
						k[r.IntN(len(k))] = float32(math.NaN())
					}
					got := guarded[float32](t, max(0, (n-1)*stride+Page), slack)
					want := make([]float32, len(got))
					copy(want, got) // between rows nothing may change
					b.Scores(got, stride, q, d, k)
					generic.Scores(want, stride, q, d, k)
					compare(t, got, want)
					b.ScoresF16(got, stride, q, d, half)
					generic.ScoresF16(want, stride, q, d, half)
					compare(t, got, want)
				})
			}
		}
	})
}

func TestWeigh(t *testing.T) {
	backends(t, func(t *testing.T, b, generic *Backend) {
		r := rand.New(rand.NewPCG(5, 6))
		for _, d := range []int{1, 8, 15, 16, 31, 32, 48, 64, 80, 100, 128, 192} {
			for n := range 7 {
				for _, positions := range []int{0, 1, 2, 13, 64} {
					isolated(t, func(t *testing.T) {
						slack := (n + d + positions) % 3
						stride, width := positions+slack, d+5*slack
						last := max(0, (positions-1)*width+d)
						p := normals(r, guarded[float32](t, max(0, (n-1)*stride+positions), slack))
						v := normals(r, guarded[float32](t, last, slack))
						half := halves(r, guarded[byte](t, 2*last, 2*slack))
						got := normals(r, guarded[float32](t, n*d, slack))
						want := make([]float32, len(got))
						copy(want, got)
						b.Weigh(got, d, p, stride, positions, v, width)
						generic.Weigh(want, d, p, stride, positions, v, width)
						compare(t, got, want)
						b.WeighF16(got, d, p, stride, positions, half, width)
						generic.WeighF16(want, d, p, stride, positions, half, width)
						compare(t, got, want)
					})
				}
			}
		}
	})
}

func BenchmarkAttention(b *testing.B) {
	const d, kvHeads, group = 128, 5, 4
	r := rand.New(rand.NewPCG(1, 1))
	q, a := normals(r, make([]float32, group*d)), make([]float32, group*d)
	k, v := normals(r, make([]float32, d*Page)), normals(r, make([]float32, kvHeads*d*Page))
	kh, vh := halves(r, make([]byte, 2*d*Page)), halves(r, make([]byte, 2*kvHeads*d*Page))
	p := make([]float32, group*Page)
	for _, be := range Available() {
		for _, n := range []int{1, group} {
			run := func(name string, f func()) {
				b.Run(fmt.Sprintf("%s/%d queries/%s", name, n, be.Name), func(b *testing.B) {
					for b.Loop() {
						f()
					}
					b.ReportMetric(float64(n*d*Page*b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
				})
			}
			run("scores F32", func() { be.Scores(p, Page, q[:n*d], d, k) })
			run("scores F16", func() { be.ScoresF16(p, Page, q[:n*d], d, kh) })
			run("weigh F32", func() { be.Weigh(a[:n*d], d, p, Page, Page, v, kvHeads*d) })
			run("weigh F16", func() { be.WeighF16(a[:n*d], d, p, Page, Page, vh, kvHeads*d) })
		}
	}
}
