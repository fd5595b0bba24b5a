package runtime

import (
	"github.com/akadata/bitnet-tool/internal/kernels"
	"github.com/akadata/bitnet-tool/quant"
)

// matrix is rows × cols weights as they lie in the file, and how to multiply
// them.
type matrix struct {
	rows, cols int
	data       []byte // rows, rowBytes each, without a trailer
	rowBytes   int
	scale      float32 // of the whole tensor; I2_S only

	int8     bool // takes int8 activations
	format   format
	multiply multiplier
}

func (w *matrix) row(r int) []byte { return w.data[r*w.rowBytes:][:w.rowBytes:w.rowBytes] }

// input is what a matrix is multiplied with: n tokens, one after the other.
type input struct {
	n int
	x []float32 // n × cols activations

	// The same as int8, for matrices that take that.
	q     []int8
	qx    []float32 // q as float32
	scale []float32 // one a token: x ≈ q / scale
	sum   []int32   // of a token's q
}

// quantize makes the int8 form of token t.
func (in *input) quantize(t int) {
	cols := len(in.x) / in.n
	at, end := t*cols, (t+1)*cols
	in.scale[t], in.sum[t] = kernels.QuantizeInt8(in.q[at:end], in.x[at:end])
	for i, q := range in.q[at:end] {
		in.qx[at+i] = float32(q)
	}
}

// multiplier computes rows lo to hi of w times every token: row r of token t
// goes to out[t·w.rows+r]. Rows and tokens do not influence each other.
type multiplier func(out []float32, w *matrix, in *input, lo, hi int, tmp *scratch)

// scratch is the memory of one worker.
type scratch struct {
	sums   []int32   // one a token
	blocks []float64 // one a token
	row    []float32 // a decoded row
	scores []float32 // of one head over all positions
}

// format says how a type of weights meets each form of activations; nil where
// that is not done.
type format struct {
	weight quant.Type
	int8   multiplier                      // int8 activations with one scale a token
	float  multiplier                      // float32 activations
	decode func(dst []float32, row []byte) // a row, for embeddings
}

var formats = [...]format{
	{weight: quant.I2_S, int8: multiplyI2S},
	{weight: quant.TQ1_0, int8: byBlocks(kernels.DotTQ1_0)},
	{weight: quant.TQ2_0, int8: byBlocks(kernels.DotTQ2_0)},
	{weight: quant.Q8_0, int8: byBlocks(kernels.DotQ8_0), float: floatBy(kernels.DecodeQ8_0), decode: kernels.DecodeQ8_0},
	{weight: quant.F16, int8: int8By(kernels.DecodeF16), float: floatBy(kernels.DecodeF16), decode: kernels.DecodeF16},
	{weight: quant.BF16, int8: int8By(kernels.DecodeBF16), float: floatBy(kernels.DecodeBF16), decode: kernels.DecodeBF16},
	{weight: quant.F32, int8: int8By(kernels.DecodeF32), float: floatBy(kernels.DecodeF32), decode: kernels.DecodeF32},
	byCodec(quant.Q4_0),
	byCodec(quant.Q4_1),
	byCodec(quant.Q5_0),
	byCodec(quant.Q5_1),
	byCodec(quant.Q4_K),
	byCodec(quant.Q5_K),
	byCodec(quant.Q6_K),
	byCodec(quant.Q2_K),
	byCodec(quant.Q3_K),
	byCodec(quant.Q8_K),
}

// byCodec serves formats that no kernel knows yet, by decoding whole rows.
func byCodec(t quant.Type) format {
	c, _ := quant.Lookup(t)
	decode := func(dst []float32, row []byte) {
		// The only errors are wrong lengths, and rows come from a tensor whose
		// size was checked.
		_ = c.Decode(dst, row, 0)
	}
	return format{weight: t, int8: int8By(decode), float: floatBy(decode), decode: decode}
}

// multiplyI2S rounds where bitnet.cpp does: the exact sum of code·q, minus the
// sum of q, divided by the token's scale, times the tensor's.
func multiplyI2S(out []float32, w *matrix, in *input, lo, hi int, tmp *scratch) {
	sums := tmp.sums[:in.n]
	for r := lo; r < hi; r++ {
		kernels.DotI2S(sums, w.row(r), in.q[:in.n*w.cols])
		for t, s := range sums {
			out[t*w.rows+r] = (float32(s) - float32(in.sum[t])) / in.scale[t] * w.scale
		}
	}
}

// byBlocks serves formats whose scales are in their blocks: the kernel's sum
// is exact or close to it, is rounded once, and divided by the token's scale.
func byBlocks(dot func(dst []float64, row []byte, q []int8)) multiplier {
	return func(out []float32, w *matrix, in *input, lo, hi int, tmp *scratch) {
		sums := tmp.blocks[:in.n]
		for r := lo; r < hi; r++ {
			dot(sums, w.row(r), in.q[:in.n*w.cols])
			for t, s := range sums {
				out[t*w.rows+r] = float32(s) / in.scale[t]
			}
		}
	}
}

// int8By multiplies decoded weights with q in float32 and divides by the
// token's scale.
func int8By(decode func(dst []float32, row []byte)) multiplier {
	return func(out []float32, w *matrix, in *input, lo, hi int, tmp *scratch) {
		row := tmp.row[:w.cols]
		for r := lo; r < hi; r++ {
			decode(row, w.row(r))
			for t := range in.n {
				out[t*w.rows+r] = kernels.DotF32(row, in.qx[t*w.cols:]) / in.scale[t]
			}
		}
	}
}

// floatBy multiplies decoded weights with the activations as they are.
func floatBy(decode func(dst []float32, row []byte)) multiplier {
	return func(out []float32, w *matrix, in *input, lo, hi int, tmp *scratch) {
		row := tmp.row[:w.cols]
		for r := lo; r < hi; r++ {
			decode(row, w.row(r))
			for t := range in.n {
				out[t*w.rows+r] = kernels.DotF32(row, in.x[t*w.cols:])
			}
		}
	}
}
