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
	next       *matrix // see chain

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
	qx    []float32 // q as float32, if widen
	widen bool
	scale []float32 // one a token: x ≈ q / scale
	sum   []int32   // of a token's q
}

// quantize makes the int8 form of token t.
func (in *input) quantize(k *kernels.Backend, t int) {
	cols := len(in.x) / in.n
	at, end := t*cols, (t+1)*cols
	in.scale[t], in.sum[t] = k.QuantizeInt8(in.q[at:end], in.x[at:end])
	if in.widen {
		for i, q := range in.q[at:end] {
			in.qx[at+i] = float32(q)
		}
	}
}

// scratch is the memory of one worker.
type scratch struct {
	panel  []byte    // rows unpacked
	sums   []int32   // of rows and tokens
	blocks []float64 // one a token
	rows   []float32 // decoded rows
	scores []float32 // of a group of heads over all positions
	heads  []float64 // one a head of the group

	columns []float32 // of what the heads of a group collect
}

// format says how a type of weights meets each form of activations; nil where
// that is not done.
type format struct {
	weight quant.Type
	int8   multiplier // int8 activations with one scale a token
	float  multiplier // float32 activations
	decode func(*backend) decoder
	widen  bool // int8 wants its activations as float32, input.qx
}

type backend = kernels.Backend

var formats = [...]format{
	{weight: quant.I2_S, int8: ternary(func(k *backend) codes { return codes{k.MulI2S, k.PanelI2S, nil} })},
	{weight: quant.TQ1_0, int8: ternary(func(k *backend) codes { return codes{nil, k.PanelTQ1_0, kernels.DotTQ1_0} })},
	{weight: quant.TQ2_0, int8: ternary(func(k *backend) codes { return codes{k.MulTQ2_0, k.PanelTQ2_0, kernels.DotTQ2_0} })},
	q8_0(),
	ofFloats(quant.F16, floats{func(k *backend) rowKernel { return k.MulF16 }, func(k *backend) decoder { return k.DecodeF16 }}),
	ofFloats(quant.BF16, floats{func(k *backend) rowKernel { return k.MulBF16 }, func(k *backend) decoder { return k.DecodeBF16 }}),
	ofFloats(quant.F32, floats{func(k *backend) rowKernel { return k.MulF32 }, func(*backend) decoder { return kernels.DecodeF32 }}),
	ofFloats(quant.Q4_0, floats{func(k *backend) rowKernel { return k.MulQ4_0 }, func(k *backend) decoder { return k.DecodeQ4_0 }}),
	ofFloats(quant.Q4_K, floats{func(k *backend) rowKernel { return k.MulQ4_K }, func(k *backend) decoder { return k.DecodeQ4_K }}),
	ofFloats(quant.Q6_K, floats{func(k *backend) rowKernel { return k.MulQ6_K }, func(k *backend) decoder { return k.DecodeQ6_K }}),
	byCodec(quant.Q4_1),
	byCodec(quant.Q5_0),
	byCodec(quant.Q5_1),
	byCodec(quant.Q5_K),
	byCodec(quant.Q2_K),
	byCodec(quant.Q3_K),
	byCodec(quant.Q8_K),
}

func ofFloats(t quant.Type, f floats) format {
	return format{weight: t, int8: f.int8, float: f.float, decode: f.decode, widen: true}
}

// q8_0 has codes for int8 activations.
func q8_0() format {
	f := ofFloats(quant.Q8_0, floats{func(k *backend) rowKernel { return k.MulQ8_0 }, func(k *backend) decoder { return k.DecodeQ8_0 }})
	f.int8, f.widen = multiplyQ8, false
	return f
}

// byCodec serves formats that no kernel knows.
func byCodec(t quant.Type) format {
	c, _ := quant.Lookup(t)
	decode := func(dst []float32, rows []byte) {
		// The only errors are wrong lengths, and rows come from a tensor whose
		// size was checked.
		_ = c.Decode(dst, rows, 0)
	}
	return ofFloats(t, floats{nil, func(*backend) decoder { return decode }})
}
