package convert

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/akadata/bitnet-tool/quant"
)

// recoder takes one tensor from a ternary encoding to another, code by code.
type recoder struct {
	from, to   quant.Codec
	src        *io.SectionReader
	size       int64 // bytes of the tensor, with its trailer
	rows, cols int64
	w          io.Writer

	scale   quant.Scale // of the tensor, where one of the encodings has one
	rounded float64     // share by which F16 rounds it
}

// maxInterleaved bounds the rows that have to be held in memory together.
const maxInterleaved = 1 << 24

func (r *recoder) run(ctx context.Context) error {
	if err := r.findScale(ctx); err != nil {
		return err
	}
	if err := r.codes(ctx); err != nil {
		return err
	}
	if r.to.Trailer == 0 {
		return nil
	}
	tail := make([]byte, r.to.Trailer)
	if err := r.to.PutTrailer(tail, r.scale); err != nil {
		return err
	}
	_, err := r.w.Write(tail)
	return err
}

// findScale reads the scale of the tensor, or of its blocks where the new
// encoding has only one for all.
func (r *recoder) findScale(ctx context.Context) (err error) {
	switch {
	case r.from.Trailer > 0:
		tail := make([]byte, r.from.Trailer)
		if err := readAt(r.src, tail, r.size-int64(len(tail))); err != nil {
			return err
		}
		if r.scale, err = r.from.GetTrailer(tail); err != nil {
			return err
		}
		if r.to.Trailer == 0 {
			r.rounded, err = roundingOf(r.scale)
		}
		return err
	case r.to.Trailer > 0:
		return r.commonScale(ctx)
	}
	return nil
}

// commonScale demands that all blocks with a weight other than 0 have the same
// scale.
func (r *recoder) commonScale(ctx context.Context) error {
	found, bits := false, uint16(0)
	codes := make([]byte, r.from.BlockLen)
	return r.each(ctx, func(block int64, b []byte) error {
		h := binary.LittleEndian.Uint16(b[len(b)-2:])
		if found && h == bits {
			return nil
		}
		if err := r.from.UnpackTrits(codes, b); err != nil {
			return err
		}
		if bytes.Count(codes, []byte{1}) == len(codes) {
			return nil
		}
		if found {
			return fmt.Errorf("%w: block %d has the scale %v and blocks before it %v; %s has one for the whole tensor, as a ternary model does",
				ErrNotTernary, block, float32(blockScale(b)), float32(r.scale), r.to.Name)
		}
		r.scale, bits, found = blockScale(b), h, true
		return nil
	})
}

// each calls f with the blocks of the source, which has no trailer.
func (r *recoder) each(ctx context.Context, f func(block int64, b []byte) error) error {
	buf := make([]byte, 4096*r.from.BlockBytes)
	block := int64(0)
	for off := int64(0); off < r.size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := buf[:min(int64(len(buf)), r.size-off)]
		if err := readAt(r.src, b, off); err != nil {
			return err
		}
		off += int64(len(b))
		for ; len(b) > 0; b = b[r.from.BlockBytes:] {
			if err := f(block, b[:r.from.BlockBytes]); err != nil {
				return fmt.Errorf("block %d: %w", block, err)
			}
			block++
		}
	}
	return nil
}

// blockScale gives the scale at the end of a TQ1_0 or TQ2_0 block.
func blockScale(b []byte) quant.Scale {
	c, _ := quant.Lookup(quant.F16)
	var v [1]float32
	if err := c.Decode(v[:], b[len(b)-2:], 0); err != nil {
		return 0 // only of a wrong length
	}
	return quant.Scale(v[0])
}

// codes writes the blocks of the new encoding.
func (r *recoder) codes(ctx context.Context) error {
	step := int64(chunkWeights) // weights; both block lengths divide it
	if g := int64(r.from.Interleave); g > 1 {
		if step = g * r.cols; step > maxInterleaved {
			return fmt.Errorf("%w: rows of %d weights, too long for %s", ErrUnsupported, r.cols, r.from.Name)
		}
	}
	n := r.rows * r.cols
	codes, ordered := make([]byte, min(step, n)), make([]byte, min(step, n))
	packed := make([]byte, len(codes)/r.from.BlockLen*r.from.BlockBytes)
	out := make([]byte, len(codes)/r.to.BlockLen*r.to.BlockBytes)
	for first := int64(0); first < n; first += step {
		if err := ctx.Err(); err != nil {
			return err
		}
		k := int(min(step, n-first))
		in := packed[:k/r.from.BlockLen*r.from.BlockBytes]
		if err := readAt(r.src, in, first/int64(r.from.BlockLen)*int64(r.from.BlockBytes)); err != nil {
			return err
		}
		if err := r.from.UnpackTrits(codes[:k], in); err != nil {
			return fmt.Errorf("from weight %d: %w", first, err)
		}
		r.from.RowMajor(ordered[:k], codes[:k], int(r.cols))
		dst := out[:k/r.to.BlockLen*r.to.BlockBytes]
		if err := r.pack(dst, ordered[:k], in); err != nil {
			return fmt.Errorf("from weight %d: %w", first, err)
		}
		if _, err := r.w.Write(dst); err != nil {
			return err
		}
	}
	return nil
}

// pack encodes codes. Between two encodings with a scale in each block every
// block keeps its own.
func (r *recoder) pack(dst, codes, in []byte) error {
	if r.from.Trailer > 0 || r.to.Trailer > 0 {
		return r.to.PackTrits(dst, codes, r.scale)
	}
	for len(codes) > 0 {
		n := 1 // blocks of one scale
		at := func(i int) uint16 { return binary.LittleEndian.Uint16(in[(i+1)*r.from.BlockBytes-2:]) }
		for (n+1)*r.from.BlockBytes <= len(in) && at(n) == at(0) {
			n++
		}
		err := r.to.PackTrits(dst[:n*r.to.BlockBytes], codes[:n*r.to.BlockLen], blockScale(in[:r.from.BlockBytes]))
		if err != nil {
			return err
		}
		dst, codes, in = dst[n*r.to.BlockBytes:], codes[n*r.to.BlockLen:], in[n*r.from.BlockBytes:]
	}
	return nil
}
