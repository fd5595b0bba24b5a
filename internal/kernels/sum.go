package kernels

// DotF32 gives Σ a[i]·b[i] over the length of a, in the order of all sums of
// floating point numbers in this package: products are rounded; of the whole
// blocks of sixteen, element i goes to partial sum i mod 16, each summed in
// order; the sixteen are folded in halves, s[i] += s[i+8], then s[i+4], s[i+2]
// and s[i+1]; what is left of a is added one by one.
func DotF32(a, b []float32) float32 {
	var s sums[float32]
	n := len(a) &^ 15
	addProducts(&s, a[:n], b)
	return addRest(s.fold(), a[n:], b[n:])
}

// sums are the partial sums of [DotF32].
type sums[T float32 | float64] [16]T

func (s *sums[T]) fold() T {
	for half := 8; half > 0; half /= 2 {
		for i := range half {
			s[i] += s[i+half]
		}
	}
	return s[0]
}

// addProducts adds the products of whole blocks of a and b.
func addProducts(s *sums[float32], a, b []float32) {
	for len(a) >= 16 && len(b) >= 16 {
		x, y := (*[16]float32)(a), (*[16]float32)(b)
		for i := range s {
			s[i] += float32(x[i] * y[i])
		}
		a, b = a[16:], b[16:]
	}
}

// addRest adds products one by one.
func addRest(sum float32, a, b []float32) float32 {
	b = b[:len(a)]
	for i, v := range a {
		sum += float32(v * b[i])
	}
	return sum
}

// mulDecoded multiplies rows of any format with one token: [DotF32] of each
// decoded row. blockLen weights, at most 256, are in blockBytes.
func mulDecoded(decode func(dst []float32, src []byte), blockLen, blockBytes int) func(dst []float32, rows []byte, x []float32) {
	return func(dst []float32, rows []byte, x []float32) {
		var w [256]float32
		row := len(x) / blockLen * blockBytes
		for r := range dst {
			var s sums[float32]
			src := rows[r*row:][:row]
			n := len(x) &^ 255
			for at := 0; at < n; at += 256 {
				decode(w[:], src[at/blockLen*blockBytes:])
				addProducts(&s, w[:], x[at:])
			}
			last := w[:len(x)-n]
			decode(last, src[n/blockLen*blockBytes:])
			whole := len(last) &^ 15
			addProducts(&s, last[:whole], x[n:])
			dst[r] = addRest(s.fold(), last[whole:], x[n+whole:])
		}
	}
}

func products(dst []float32, stride int, rows, x []float32, cols int) {
	for t := 0; (t+1)*cols <= len(x); t++ {
		for r := 0; (r+1)*cols <= len(rows); r++ {
			dst[stride*t+r] = DotF32(rows[r*cols:(r+1)*cols], x[t*cols:])
		}
	}
}
