package convert

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math"

	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/quant"
)

// stream carries one tensor from the checkpoint to its new encoding, in
// chunks.
type stream struct {
	matrix
	codec   quant.Codec
	ternary bool      // ternarize, or take the packed codes
	mode    ScaleMode // of packed weights
	task    progress.Task
}

// Encoded is what encoding a tensor found out.
type Encoded struct {
	Scale              quant.Scale // of a ternarized tensor, else 0
	Zeros              int64       // codes of value 0, for a ternarized tensor
	ThresholdSensitive int64       // weights whose code another summation order could change

	digests []string // lines of the source digest
}

// encode writes the tensor's bytes to w, in order.
func (s *stream) encode(ctx context.Context, w io.Writer) (Encoded, error) {
	var e Encoded
	st, err := s.survey(ctx, &e)
	if err != nil {
		return e, err
	}
	var t *ternarizer
	switch {
	case s.packed():
		scale, err := s.multiplier()
		if err != nil {
			return e, err
		}
		t = &ternarizer{scale: scale}
	case s.ternary:
		t = newTernarizer(st)
	}
	if err := s.blocks(ctx, w, t); err != nil {
		return e, err
	}
	if t != nil {
		e.Scale, e.Zeros, e.ThresholdSensitive = t.scale, t.zeros, t.thresholds
	}
	if s.codec.Trailer > 0 {
		tail := make([]byte, s.codec.Trailer)
		if err := s.codec.PutTrailer(tail, e.Scale); err != nil {
			return e, err
		}
		_, err = w.Write(tail)
	}
	return e, err
}

// survey reads the tensor's bytes once from front to back: for the digest, and
// unless it is packed for the mean and to refuse NaN and Inf.
func (s *stream) survey(ctx context.Context, e *Encoded) (*stats, error) {
	st, sum := &stats{}, sha256.New()
	c, _ := quant.Lookup(codecOf(s.weight.DType)) // of no use for packed bytes
	width := max(c.BlockBytes, 1)
	buf := make([]byte, chunkWeights*width)
	w := make([]float32, chunkWeights)
	r := s.weight.Section()
	for off := int64(0); off < s.weight.Size(); {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := min(int64(len(buf)), s.weight.Size()-off)
		b := buf[:n]
		if _, err := r.ReadAt(b, off); err != nil && err != io.EOF {
			return nil, err
		}
		sum.Write(b)
		if !s.packed() {
			v := w[:len(b)/width]
			if err := c.Decode(v, b, 0); err != nil {
				return nil, err
			}
			if err := st.add(v); err != nil {
				return nil, err
			}
		}
		off += n
		s.task.Add(n)
	}
	e.digests = append(e.digests, digestLine(s.weight, sum.Sum(nil)))
	if s.packed() {
		b := make([]byte, s.scale.Size())
		if _, err := s.scale.Section().ReadAt(b, 0); err != nil && err != io.EOF {
			return nil, err
		}
		sum := sha256.Sum256(b)
		e.digests = append(e.digests, digestLine(s.scale, sum[:]))
	}
	return st, nil
}

// blocks encodes all rows, whole rows at a time.
func (s *stream) blocks(ctx context.Context, w io.Writer, t *ternarizer) error {
	cols := s.spec.Cols
	step := min(max(chunkWeights/cols, 1), s.spec.Rows)
	values := make([]float32, step*cols)
	codes := make([]byte, step*cols)
	out := make([]byte, step*cols/s.codec.BlockLen*s.codec.BlockBytes)
	var buf []byte
	for row := 0; row < s.spec.Rows; row += step {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(step, s.spec.Rows-row) * cols
		dst := out[:n/s.codec.BlockLen*s.codec.BlockBytes]
		if err := s.chunk(dst, values[:n], codes[:n], row, t, &buf); err != nil {
			return fmt.Errorf("from row %d: %w", row, err)
		}
		if _, err := w.Write(dst); err != nil {
			return err
		}
		s.task.Add(int64(n) * s.weight.Size() / (int64(s.spec.Rows) * int64(cols)))
	}
	return nil
}

// chunk encodes the rows from row on that values and codes have room for.
func (s *stream) chunk(dst []byte, values []float32, codes []byte, row int, t *ternarizer, buf *[]byte) error {
	if t == nil {
		if err := s.rows(values, row, buf); err != nil {
			return err
		}
		return s.codec.Encode(dst, values, 0)
	}
	if s.packed() {
		if err := s.codes(codes, row); err != nil {
			return err
		}
		for _, c := range codes {
			if c == 1 {
				t.zeros++
			}
		}
	} else {
		if err := s.rows(values, row, buf); err != nil {
			return err
		}
		t.codes(codes, values)
	}
	if s.codec.PackTrits != nil {
		return s.codec.PackTrits(dst, codes, t.scale)
	}
	trits(values, codes, t.scale)
	return s.codec.Encode(dst, values, t.scale)
}

// multiplier gives the value of a packed +1.
func (s *stream) multiplier() (quant.Scale, error) {
	v, err := s.storedScale()
	if err != nil {
		return 0, err
	}
	if s.mode == Divide {
		v = 1 / v
	}
	if math.IsInf(float64(v), 0) {
		return 0, fmt.Errorf("%w: 1/%s overflows", ErrTensors, s.scale.Name)
	}
	return quant.Scale(v), nil
}
