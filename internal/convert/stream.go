package convert

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/quant"
)

// stream carries one tensor from the source to its new encoding, in pieces of
// whole rows that several goroutines may work on at once.
type stream struct {
	*matrix
	codec quant.Codec
	size  int64       // bytes of the new encoding
	copy  bool        // the bytes stay what they are
	trits *ternarizer // nil for a tensor that is not ternarized
}

// workspace is the memory of one worker. It grows with the length of a row, and
// not with the tensor.
type workspace struct {
	raw, codes, out []byte
	values          []float32
}

// counts is what encoding a piece finds out.
type counts struct {
	zeros      int64 // codes of value 0
	thresholds int64 // weights within 1e-6 of the rounding threshold 0.5
}

// stream gets tensor i ready, now that it has been surveyed.
func (p *Plan) stream(i int, v *survey) (*stream, error) {
	m := &p.src.matrices[i]
	t := p.Layout.Tensors[i]
	s := &stream{matrix: m, size: t.Size}
	s.codec, _ = quant.Lookup(t.Type)
	ternary := p.mode != "" && m.spec.Role == arch.Projection
	switch {
	case m.packed():
		scale, err := m.multiplier(p.mode)
		if err != nil {
			return nil, err
		}
		s.trits = &ternarizer{scale: scale}
	case ternary:
		s.trits = newTernarizer(&v.stats, m.scaleIsMean)
	case m.raw != nil && m.raw.tensor.Type == t.Type:
		s.copy = true
	}
	return s, nil
}

// pieceWeights is how many weights a piece has, unless a row has more; they
// are encoded in chunks whose intermediate forms stay in a cache of 1 MiB.
const pieceWeights = 4 * chunkWeights

// step gives the rows of a piece or chunk of n weights.
func (s *stream) step(n int) int { return min(max(n/s.spec.Cols, 1), s.spec.Rows) }

// offset gives the first byte of a row in the new encoding; that of the row
// after the last is the size. What follows the last row is part of it.
func (s *stream) offset(row int) int64 {
	switch {
	case row >= s.spec.Rows:
		return s.size
	case s.copy: // blocks may go across rows, so rows only stand for shares
		return s.size / int64(s.spec.Rows) * int64(row)
	}
	return int64(row) * int64(s.spec.Cols/s.codec.BlockLen) * int64(s.codec.BlockBytes)
}

// encode gives the new encoding of n rows. It is valid until the next call.
func (s *stream) encode(row, n int, ws *workspace) ([]byte, counts, error) {
	var sum counts
	out := sized(&ws.out, int(s.offset(row+n)-s.offset(row)))
	if s.copy {
		n, err := s.raw.file.Section(s.raw.tensor).ReadAt(out, s.offset(row))
		if n == len(out) {
			return out, sum, nil
		}
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("%w: it became shorter", gguf.ErrChanged)
		}
		return nil, sum, err
	}
	left, step := out, s.step(chunkWeights)
	for end := row + n; row < end; row += step {
		rows := min(step, end-row)
		size := rows * s.spec.Cols / s.codec.BlockLen * s.codec.BlockBytes
		c, err := s.chunk(left[:size], row, rows*s.spec.Cols, ws)
		if err != nil {
			return nil, sum, fmt.Errorf("from row %d: %w", row, err)
		}
		sum.zeros, sum.thresholds = sum.zeros+c.zeros, sum.thresholds+c.thresholds
		left = left[size:]
	}
	if len(left) > 0 {
		return out, sum, s.codec.PutTrailer(left, s.scale())
	}
	return out, sum, nil
}

// chunk encodes the n weights from a row on.
func (s *stream) chunk(dst []byte, row, n int, ws *workspace) (c counts, err error) {
	t := s.trits
	if t == nil {
		values := sized(&ws.values, n)
		if err := s.rows(values, row, &ws.raw); err != nil {
			return c, err
		}
		return c, s.codec.Encode(dst, values, 0)
	}
	codes := sized(&ws.codes, n)
	if s.packed() {
		if c.zeros, err = s.codes(codes, row); err != nil {
			return c, err
		}
	} else {
		values := sized(&ws.values, n)
		if err := s.rows(values, row, &ws.raw); err != nil {
			return c, err
		}
		c = t.codes(codes, values)
	}
	switch {
	case s.codec.PackTrits != nil:
		return c, s.codec.PackTrits(dst, codes, t.scale)
	case s.codec.EncodeTrits != nil:
		return c, s.codec.EncodeTrits(dst, codes, t.scale)
	}
	values := sized(&ws.values, n)
	trits(values, codes, t.scale)
	return c, s.codec.Encode(dst, values, t.scale)
}

// scale gives the multiplier of a ternarized tensor, else 0.
func (s *stream) scale() quant.Scale {
	if s.trits == nil {
		return 0
	}
	return s.trits.scale
}

// multiplier gives the value of a packed +1.
func (m *matrix) multiplier(mode ScaleMode) (quant.Scale, error) {
	v, err := m.storedScale()
	if err != nil {
		return 0, err
	}
	if mode == Divide {
		v = 1 / v
	}
	if math.IsInf(float64(v), 0) {
		return 0, fmt.Errorf("%w: 1/%s overflows", ErrTensors, m.scale.Name)
	}
	return quant.Scale(v), nil
}

// Encoded is what encoding a tensor found out.
type Encoded struct {
	Scale              quant.Scale // of a ternarized tensor, else 0
	Zeros              int64       // codes of value 0, for a ternarized tensor
	ThresholdSensitive int64       // weights whose code another summation order could change
}

// Encode writes the bytes of tensor i, of length Layout.Tensors[i].Size, to w
// in order. Several tensors may be encoded at the same time. Errors name the
// tensor.
func (p *Plan) Encode(ctx context.Context, i int, w io.Writer) (Encoded, error) {
	var e Encoded
	var ws workspace
	if err := p.survey(ctx, []int{i}, &ws, progress.Discard.Start("", 0)); err != nil {
		return e, err
	}
	s, err := p.stream(i, p.src.surveys.get(i))
	if err == nil {
		err = s.writeTo(ctx, w, &ws, &e)
	}
	if err != nil {
		return e, fmt.Errorf("tensor %q: %w", p.src.matrices[i].weight.Name, err)
	}
	return e, nil
}

func (s *stream) writeTo(ctx context.Context, w io.Writer, ws *workspace, e *Encoded) error {
	e.Scale = s.scale()
	step := s.step(pieceWeights)
	for row := 0; row < s.spec.Rows; row += step {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, c, err := s.encode(row, min(step, s.spec.Rows-row), ws)
		if err != nil {
			return err
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		e.Zeros, e.ThresholdSensitive = e.Zeros+c.zeros, e.ThresholdSensitive+c.thresholds
	}
	return nil
}
