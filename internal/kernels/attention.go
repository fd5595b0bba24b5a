package kernels

// Page is how many positions of a sequence share a page of keys. In a page the
// first numbers of all keys come first, then all second numbers, and so on:
// number c of key i is at Page·c+i.
const Page = 64

// Attention is the part of a [Backend] that compares queries with keys and adds
// up values. Keys and values are float32, or F16 as bytes, which are widened. A
// product and the sum it goes to are rounded once, as [multiplyAdd] does.
type Attention struct {
	// Scores sets dst[stride·j+i], for all queries j in q, of d numbers each,
	// and all keys i of a page, to their product: the sum over the numbers in
	// order, from 0. With float32 keys the sum is one of float64, rounded at
	// the end: a score is an exponent, so its error is that of what a head
	// attends to, and was the largest of a layer.
	Scores    func(dst []float32, stride int, q []float32, d int, k []float32)
	ScoresF16 func(dst []float32, stride int, q []float32, d int, k []byte)

	// Weigh adds to each a, d numbers a query, the sum of n values times their
	// weights, in order: number c of value i is v[width·i+c], and its weight
	// for query j is p[stride·j+i].
	Weigh    func(a []float32, d int, p []float32, stride, n int, v []float32, width int)
	WeighF16 func(a []float32, d int, p []float32, stride, n int, v []byte, width int)
}

func attention() Attention {
	return Attention{Scores: scores, ScoresF16: scoresF16, Weigh: weigh, WeighF16: weighF16}
}

func scores(dst []float32, stride int, q []float32, d int, k []float32) {
	for j := range len(q) / d {
		var sums [Page]float64
		row := dst[stride*j:][:Page]
		for c, x := range q[j*d : (j+1)*d] {
			for i, y := range k[c*Page:][:Page] {
				sums[i] += float64(x) * float64(y) // exact, so fusing changes nothing
			}
		}
		for i, v := range sums {
			row[i] = float32(v)
		}
	}
}

func scoresF16(dst []float32, stride int, q []float32, d int, k []byte) {
	for j := range len(q) / d {
		clear(dst[stride*j:][:Page])
	}
	var wide [Page]float32
	for c := range d {
		DecodeF16(wide[:], k[2*c*Page:][:2*Page])
		for j := range len(q) / d {
			row, x := dst[stride*j:][:Page], q[j*d+c]
			for i, y := range wide {
				row[i] = multiplyAdd(x, y, row[i])
			}
		}
	}
}

func weigh(a []float32, d int, p []float32, stride, n int, v []float32, width int) {
	for j := range len(a) / d {
		row := a[j*d : (j+1)*d]
		for i, f := range p[j*stride:][:n] {
			for c, x := range v[i*width:][:d] {
				row[c] = multiplyAdd(x, f, row[c])
			}
		}
	}
}

func weighF16(a []float32, d int, p []float32, stride, n int, v []byte, width int) {
	var wide [Page]float32
	for i := range n {
		for c := 0; c < d; c += Page {
			x := wide[:min(Page, d-c)]
			DecodeF16(x, v[2*(i*width+c):][:2*len(x)])
			for j := range len(a) / d {
				row, f := a[j*d+c:], p[j*stride+i]
				for c, v := range x {
					row[c] = multiplyAdd(v, f, row[c])
				}
			}
		}
	}
}
