package kernels_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	. "github.com/akadata/bitnet-tool/internal/kernels"
	"github.com/akadata/bitnet-tool/quant"
)

// benchmark runs f for every backend, on rows as long as those of
// BitNet-b1.58-2B-4T that stay in a cache, and on many that do not; bytes are
// those of a row.
func benchmark(b *testing.B, bytes func(cols int) int, f func(b *testing.B, k *Backend, rows []byte, n, cols int)) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, place := range []struct {
		name string
		size int
	}{{"L2", 320 << 10}, {"memory", 512 << 20}} {
		for _, cols := range []int{2560, 6912} {
			n := place.size / bytes(cols)
			rows := make([]byte, n*bytes(cols))
			copy(rows, fill(r, make([]byte, min(len(rows), 1<<20))))
			for at := 1 << 20; at < len(rows); at *= 2 {
				copy(rows[at:], rows[:at])
			}
			for _, k := range Available() {
				b.Run(fmt.Sprintf("%s/%s/cols=%d", k.Name, place.name, cols), func(b *testing.B) {
					b.SetBytes(int64(len(rows)))
					f(b, k, rows, n, cols)
				})
			}
		}
	}
}

func BenchmarkMulI2S(b *testing.B) {
	benchmark(b, func(cols int) int { return cols / 4 }, func(b *testing.B, k *Backend, rows []byte, n, cols int) {
		benchmarkTernary(b, k.MulI2S, rows, n, cols)
	})
}

func BenchmarkMulTQ2_0(b *testing.B) {
	benchmark(b, func(cols int) int { return cols / 256 * 66 }, func(b *testing.B, k *Backend, rows []byte, n, cols int) {
		anyCodes(rand.New(rand.NewPCG(1, 1)), quant.Codec{Type: quant.TQ2_0, BlockBytes: 66}, rows, 0x3c00)
		benchmarkTernary(b, k.MulTQ2_0, rows, n, cols)
	})
}

func benchmarkTernary(b *testing.B, mul func(dst []int32, rows []byte, q []int8) (float32, bool), rows []byte, n, cols int) {
	dst, q := make([]int32, n), make([]int8, cols)
	tokensOf(rand.New(rand.NewPCG(9, 10)), q, false)
	for b.Loop() {
		mul(dst, rows, q)
	}
}

// BenchmarkMul is of formats that are multiplied with float32.
func BenchmarkMul(b *testing.B) {
	for _, kernel := range floatKernels {
		c, _ := quant.Lookup(kernel.typ)
		b.Run(kernel.typ.String(), func(b *testing.B) {
			benchmark(b, func(cols int) int { return cols / c.BlockLen * c.BlockBytes }, func(b *testing.B, k *Backend, rows []byte, n, cols int) {
				dst, x := make([]float32, n), make([]float32, cols)
				for b.Loop() {
					kernel.of(k)(dst, rows, x)
				}
			})
		})
	}
}

// BenchmarkProducts reports multiply-adds a second.
func BenchmarkProducts(b *testing.B) {
	const n, tokens, cols = 32, 16, 2560
	rows, x, dst := make([]float32, n*cols), make([]float32, tokens*cols), make([]float32, tokens*n)
	for _, k := range Available() {
		b.Run(k.Name, func(b *testing.B) {
			for b.Loop() {
				k.Products(dst, n, rows, x, cols)
			}
			b.ReportMetric(float64(b.N)*n*tokens*cols/b.Elapsed().Seconds()/1e9, "Gmadd/s")
		})
	}
}

// BenchmarkMulPanel reports multiply-adds a second.
func BenchmarkMulPanel(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, cols := range []int{2560, 6912} {
		for _, n := range []int{1, 6, 64, 510} {
			panel, q := fill(r, make([]byte, PanelRows*cols)), make([]int8, n*cols)
			dst := make([]int32, PanelRows*n)
			for _, k := range Available() {
				b.Run(fmt.Sprintf("%s/cols=%d/tokens=%d", k.Name, cols, n), func(b *testing.B) {
					for b.Loop() {
						k.MulPanel(dst, panel, q, cols)
					}
					b.ReportMetric(float64(b.N)*float64(n*PanelRows*cols)/b.Elapsed().Seconds()/1e9, "Gmadd/s")
				})
			}
		}
	}
}

func BenchmarkPanel(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	const cols = 2560
	for _, t := range ternaryKernels[1:] {
		c, _ := quant.Lookup(t.typ)
		rows, panel := make([]byte, PanelRows*cols/c.BlockLen*c.BlockBytes), make([]byte, PanelRows*cols)
		anyCodes(r, c, rows, 0x3c00)
		for _, k := range Available() {
			b.Run(fmt.Sprintf("%v/%s/cols=%d", t.typ, k.Name, cols), func(b *testing.B) {
				b.SetBytes(int64(len(rows)))
				for b.Loop() {
					t.panel(k)(panel, rows, cols)
				}
			})
		}
	}
}

func BenchmarkLayer(b *testing.B) {
	for _, c := range layerCases {
		for _, k := range Available() {
			b.Run(fmt.Sprintf("%s/%s/n=2560", c.name, k.Name), func(b *testing.B) {
				var x [4][]float32
				for i := range x {
					x[i] = make([]float32, 2560)
				}
				for b.Loop() {
					i := 0
					c.run(k, func() []float32 { i++; return x[i-1] })
				}
			})
		}
	}
}
