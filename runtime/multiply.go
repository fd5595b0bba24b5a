package runtime

import "github.com/akadata/bitnet-tool/internal/kernels"

// multiplier computes rows lo to hi of w times every token: row r of token t
// goes to out[t·w.rows+r]. Rows and tokens do not influence each other.
type multiplier func(k *kernels.Backend, out []float32, w *matrix, in *input, lo, hi int, tmp *scratch)

// codes are the kernels of a ternary format.
type codes struct {
	mul   func(dst []int32, rows []byte, q []int8) (scale float32, ok bool) // nil: only panels
	panel func(panel, rows []byte, cols int) (scale float32, ok bool)
	dot   func(dst []float64, row []byte, q []int8) // if not ok; nil: always ok
}

// fewTokens is up to how many tokens reading rows again from the cache for each
// takes less time than unpacking them.
const fewTokens = 5

// ternary multiplies a panel of rows at a time.
//
// It rounds where bitnet.cpp does: the exact sum of code·q, minus the sum of q,
// divided by the token's scale, times the tensor's. Where scales are in the
// blocks, they come before the division.
func ternary(of func(*kernels.Backend) codes) multiplier {
	return func(k *kernels.Backend, out []float32, w *matrix, in *input, lo, hi int, tmp *scratch) {
		c := of(k)
		for r := lo; r < hi; r += kernels.PanelRows {
			c.multiply(k, out, w, in, r, min(r+kernels.PanelRows, hi), tmp)
		}
	}
}

func (c codes) multiply(k *kernels.Backend, out []float32, w *matrix, in *input, lo, hi int, tmp *scratch) {
	rows, sums := w.data[lo*w.rowBytes:hi*w.rowBytes], tmp.sums
	var scale float32
	ok := true
	if in.n <= fewTokens && c.mul != nil {
		for t := 0; t < in.n && ok; t++ {
			scale, ok = c.mul(sums[kernels.PanelRows*t:][:hi-lo], rows, in.q[t*w.cols:(t+1)*w.cols])
		}
	} else {
		panel := tmp.panel[:kernels.PanelRows*w.cols]
		if scale, ok = c.panel(panel, rows, w.cols); ok {
			k.MulPanel(sums[:kernels.PanelRows*in.n], panel, in.q[:in.n*w.cols], w.cols)
		}
	}
	if !ok {
		multiplyBlocks(c.dot, out, w, in, lo, hi, tmp)
		return
	}
	last := float32(1)
	if c.dot == nil {
		last = w.scale
	}
	k.ScaleSums(out[lo:], w.rows, sums, hi-lo, in.sum[:in.n], in.scale[:in.n], scale, last)
}

// multiplyQ8 multiplies the int8 of Q8_0 a few rows at a time. Where all blocks
// of these have one scale, it comes after the exact sum.
func multiplyQ8(k *kernels.Backend, out []float32, w *matrix, in *input, lo, hi int, tmp *scratch) {
	for r := lo; r < hi; r += kernels.PanelRows {
		end := min(r+kernels.PanelRows, hi)
		sums, rows := tmp.sums[:end-r], w.data[r*w.rowBytes:end*w.rowBytes]
		for t := range in.n {
			scale, ok := k.MulQ8(sums, rows, in.q[t*w.cols:(t+1)*w.cols])
			if !ok {
				multiplyBlocks(kernels.DotQ8_0, out, w, in, r, end, tmp)
				break
			}
			for i, s := range sums {
				out[t*w.rows+r+i] = float32(float64(scale)*float64(s)) / in.scale[t]
			}
		}
	}
}

// multiplyBlocks serves formats whose scales are in their blocks: the kernel's
// sum is exact or close to it, is rounded once, and divided by the token's
// scale.
func multiplyBlocks(dot func(dst []float64, row []byte, q []int8), out []float32, w *matrix, in *input, lo, hi int, tmp *scratch) {
	sums := tmp.blocks[:in.n]
	for r := lo; r < hi; r++ {
		dot(sums, w.row(r), in.q[:in.n*w.cols])
		for t, s := range sums {
			out[t*w.rows+r] = float32(s) / in.scale[t]
		}
	}
}

// rowKernel multiplies rows with one token.
type rowKernel = func(dst []float32, rows []byte, x []float32)

// decoder decodes whole rows.
type decoder = func(dst []float32, rows []byte)

// floats is how rows of weights that are not codes meet float32 activations.
type floats struct {
	mul    func(*kernels.Backend) rowKernel // nil: rows are always decoded
	decode func(*kernels.Backend) decoder
}

const (
	// cachedRows is how many rows are multiplied with all tokens before the
	// next ones are read.
	cachedRows = 16
	// tileTokens is from how many tokens on it pays to decode rows.
	tileTokens = 4
	// decodedWeights is how many are decoded at a time, in whole rows. They lie
	// in the second cache, and enough rows share what is read of the tokens.
	decodedWeights = 128 << 10
)

// float takes the activations as they are.
func (f floats) float(k *kernels.Backend, out []float32, w *matrix, in *input, lo, hi int, tmp *scratch) {
	f.multiply(k, out, w, in.x, in.n, lo, hi, tmp)
}

// int8 takes q in float32 and divides by the token's scale.
func (f floats) int8(k *kernels.Backend, out []float32, w *matrix, in *input, lo, hi int, tmp *scratch) {
	f.multiply(k, out, w, in.qx, in.n, lo, hi, tmp)
	for t := range in.n {
		for r, v := range out[t*w.rows+lo : t*w.rows+hi] {
			out[t*w.rows+lo+r] = v / in.scale[t]
		}
	}
}

func (f floats) multiply(k *kernels.Backend, out []float32, w *matrix, x []float32, n, lo, hi int, tmp *scratch) {
	if n >= tileTokens || f.mul == nil {
		decode, step := f.decode(k), max(decodedWeights/w.cols&^(tileTokens-1), 1)
		for r := lo; r < hi; r += step {
			end := min(r+step, hi)
			rows := tmp.rows[:(end-r)*w.cols]
			decode(rows, w.data[r*w.rowBytes:end*w.rowBytes])
			k.Products(out[r:], w.rows, rows, x[:n*w.cols], w.cols)
		}
		return
	}
	mul := f.mul(k)
	for r := lo; r < hi; r += cachedRows {
		end := min(r+cachedRows, hi)
		for t := range n {
			mul(out[t*w.rows+r:t*w.rows+end], w.data[r*w.rowBytes:end*w.rowBytes], x[t*w.cols:(t+1)*w.cols])
		}
	}
}
