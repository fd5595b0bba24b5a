package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"math"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/par"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/quant"
)

// chunkWeights is how many weights are read at a time. Every block length
// divides it.
const chunkWeights = 1 << 16

// survey is what one pass over a tensor, for itself, found out. The content
// checks judge it.
type survey struct {
	tensor gguf.Tensor
	codec  quant.Codec
	whole  bool // false: reading stopped at badCode or notFinite, or the type is not known

	badCode   *place
	notFinite *place

	zeros     int64
	negative  int64
	squares   float64 // sum of w²; of I2_S of trits
	run       run     // of I2_S: the longest run of one packed byte
	sum       uint64  // of the bytes before the trailer; equal for equal tensors
	first     float32 // weight; of I2_S the trit
	same      bool    // all weights are like the first
	magnitude float32 // of the first weight that is not zero
	mixed     bool    // there are other magnitudes

	// Of ternary types: the smallest and largest scale of a block that has a
	// weight other than zero; of I2_S the scale of the tensor.
	low, high float32
	scaleErr  error
}

// run is a stretch of equal bytes.
type run struct {
	value  byte
	bytes  int64
	offset int64 // from the start of the tensor
}

// place is a weight and where it is.
type place struct {
	element int64
	offset  int64 // from the start of the tensor, of the byte or the block
	value   float32
}

// weights gives the number of weights.
func (v *survey) weights() int64 { return v.tensor.Elements() }

// survey reads all tensors once.
func (s *Subject) survey(ctx context.Context) []survey {
	if s.surveys != nil || s.file == nil || s.err != nil {
		return s.surveys
	}
	found := make([]survey, len(s.file.Tensors))
	task := s.task(Content, s.tensorBytes())
	readers := make([]surveyor, s.threads())
	seed := maphash.MakeSeed()
	for i := range readers {
		readers[i].hash.SetSeed(seed)
	}
	err := par.For(len(readers), len(found), 1, func(worker, lo, hi int) error {
		for i := lo; i < hi; i++ {
			t := s.file.Tensors[i]
			if err := readers[worker].read(ctx, s.file, t, &found[i], task); err != nil {
				return fmt.Errorf("tensor %q: %w", t.Name, err)
			}
		}
		return nil
	})
	task.Done(err)
	if err != nil {
		s.unable(err)
		return nil
	}
	for _, v := range found {
		if v.codec.Decode != nil {
			s.covered += v.tensor.Size
		}
	}
	s.surveys = found
	return found
}

// surveyor has the memory for reading a tensor.
type surveyor struct {
	bytes  []byte
	codes  []byte
	values []float32
	hash   maphash.Hash
	run    run // that the last byte belongs to
}

// errStop ends the reading of a tensor at its first impossible weight.
var errStop = errors.New("stop")

func (r *surveyor) read(ctx context.Context, f *gguf.File, t gguf.Tensor, v *survey, task progress.Task) error {
	c, _ := quant.Lookup(t.Type)
	*v = survey{tensor: t, codec: c, same: true, low: float32(math.Inf(1)), high: float32(math.Inf(-1))}
	if c.Decode == nil {
		task.Add(t.Size)
		return nil
	}
	if r.bytes == nil {
		r.bytes, r.codes, r.values = make([]byte, 4*chunkWeights), make([]byte, chunkWeights), make([]float32, chunkWeights)
	}
	section := f.Section(t)
	r.hash.Reset()
	r.run = run{}
	for first := int64(0); first < t.Elements(); first += chunkWeights {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := int(min(chunkWeights, t.Elements()-first))
		b := r.bytes[:n/c.BlockLen*c.BlockBytes]
		if _, err := section.ReadAt(b, first/int64(c.BlockLen)*int64(c.BlockBytes)); err != nil && err != io.EOF {
			return err
		}
		task.Add(int64(len(b)))
		r.hash.Write(b)
		err := r.chunk(v, first, b, n)
		if errors.Is(err, errStop) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	v.whole, v.sum = true, r.hash.Sum64()
	return v.trailer(section)
}

// chunk takes the n weights in b, the first being number first of the tensor.
func (r *surveyor) chunk(v *survey, first int64, b []byte, n int) error {
	codes, values := r.codes[:n], r.values[:n]
	counted := v.codec.Trailer > 0 && v.trits(b, first == 0)
	if v.codec.Ternary() && !counted {
		if err := v.codec.UnpackTrits(codes, b); err != nil {
			if v.badCode = findCode3(v.codec, b); v.badCode == nil {
				return err
			}
			v.badCode.element += first
			v.badCode.offset += first / int64(v.codec.BlockLen) * int64(v.codec.BlockBytes)
			return errStop
		}
	}
	if counted {
		r.runs(v, first/int64(v.codec.BlockLen)*int64(v.codec.BlockBytes), b)
		return nil
	}
	if err := v.codec.Decode(values, b, 0); err != nil {
		return err
	}
	if first == 0 {
		v.first = values[0]
	}
	if i := v.floats(values); i >= 0 {
		e := first + int64(i)
		v.notFinite = &place{element: e, offset: e / int64(v.codec.BlockLen) * int64(v.codec.BlockBytes), value: values[i]}
		return errStop
	}
	if v.codec.Ternary() {
		v.blockScales(codes, values)
	}
	return nil
}

// trits counts weights whose scale is the tensor's, four of two bits a byte in
// whatever order, and reports whether all are trits.
func (v *survey) trits(packed []byte, first bool) bool {
	var count [256]int64
	for _, b := range packed {
		count[b]++
	}
	var n [4]int64
	for b, times := range count {
		for range 4 {
			n[b&3] += times
			b >>= 2
		}
	}
	if n[3] > 0 {
		return false
	}
	if first {
		for code, times := range n {
			if times > 0 {
				v.first = float32(code - 1)
			}
		}
	}
	v.zeros, v.negative = v.zeros+n[1], v.negative+n[0]
	v.squares += float64(n[0] + n[2])
	v.same = v.same && n[int8(v.first)+1] == 4*int64(len(packed))
	return true
}

// runs looks for the longest run of one byte, in stretches of longestRun. The
// byte of four zero weights does not count: pruned neurons have many.
func (r *surveyor) runs(v *survey, at int64, b []byte) {
	const zeros = 0x55
	for i := 0; i+longestRun <= len(b); i += longestRun {
		stretch := b[i : i+longestRun]
		if first := stretch[0]; first == zeros || first != stretch[longestRun-1] || !uniform(stretch) {
			r.run = run{}
			continue
		}
		if r.run.bytes == 0 || r.run.value != stretch[0] {
			r.run = run{value: stretch[0], offset: at + int64(i)}
		}
		if r.run.bytes += longestRun; r.run.bytes > v.run.bytes {
			v.run = r.run
		}
	}
}

func uniform(b []byte) bool { return bytes.Equal(b[1:], b[:len(b)-1]) }

// floats looks at weights, and gives the index of the first that is not finite,
// -1 if all are.
func (v *survey) floats(x []float32) int {
	var squares float64
	for i, w := range x {
		a := math.Float32frombits(math.Float32bits(w) &^ (1 << 31))
		switch {
		case a == v.magnitude && a != 0:
		case a == 0:
			v.zeros++
		case !(a <= math.MaxFloat32):
			return i
		case v.magnitude == 0:
			v.magnitude = a
		default:
			v.mixed = true
		}
		if w != v.first {
			v.same = false
		}
		if w < 0 {
			v.negative++
		}
		squares += float64(w * w)
	}
	v.squares += squares
	return -1
}

// blockScales notes the scales of blocks: a weight divided by its trit.
func (v *survey) blockScales(codes []byte, values []float32) {
	for i, c := range codes {
		if c == 1 {
			continue
		}
		d := values[i] * float32(int8(c)-1)
		v.low, v.high = min(v.low, d), max(v.high, d)
	}
}

// trailer reads the scale after the last block.
func (v *survey) trailer(section *io.SectionReader) error {
	if v.codec.Trailer == 0 {
		return nil
	}
	tail := make([]byte, v.codec.Trailer)
	if _, err := section.ReadAt(tail, v.tensor.Size-int64(len(tail))); err != nil && err != io.EOF {
		return err
	}
	d, err := v.codec.GetTrailer(tail)
	v.low, v.high, v.scaleErr = float32(d), float32(d), err
	return nil
}

// findCode3 finds the first weight whose two bits are both set. The bits of a
// weight are those that change with it when a block is packed, so no layout
// needs to be known here.
func findCode3(c quant.Codec, packed []byte) *place {
	codes, base, probe := make([]byte, c.BlockLen), make([]byte, c.BlockBytes), make([]byte, c.BlockBytes)
	for b := 0; b*c.BlockBytes < len(packed); b++ {
		block := packed[b*c.BlockBytes:][:c.BlockBytes]
		if c.UnpackTrits(codes, block) == nil {
			continue
		}
		for i := range codes {
			codes[i] = 0
		}
		if c.PackTrits(base, codes, 0) != nil {
			return nil
		}
		for i := range codes {
			at, mask := -1, byte(0)
			for code := range byte(3) {
				codes[i] = code
				if c.PackTrits(probe, codes, 0) != nil {
					return nil
				}
				for j := range probe {
					if d := probe[j] ^ base[j]; d != 0 {
						at, mask = j, mask|d
					}
				}
			}
			codes[i] = 0
			if at >= 0 && block[at]&mask == mask {
				return &place{element: int64(b*c.BlockLen + i), offset: int64(b*c.BlockBytes + at)}
			}
		}
	}
	return nil
}
