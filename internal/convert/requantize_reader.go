package convert

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"sync"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/safetensors"
	"github.com/akadata/bitnet-tool/quant"
)

// decodedReader gives a tensor of a GGUF file as a checkpoint would have it:
// bytes of a float type, which blocks are decoded to as they are read.
func decodedReader(f *gguf.File, t gguf.Tensor) (safetensors.DType, io.ReaderAt, error) {
	switch t.Type {
	case quant.F32:
		return safetensors.F32, f.Section(t), nil
	case quant.F16:
		return safetensors.F16, f.Section(t), nil
	case quant.BF16:
		return safetensors.BF16, f.Section(t), nil
	}
	c, _ := quant.Lookup(t.Type)
	switch {
	case c.Decode == nil && c.Interleave > 1:
		return 0, nil, fmt.Errorf("%w: %s; %s", ErrUnsupported, c.Name, "first repack it: bitnet-tool convert SRC -o OUT")
	case c.Decode == nil:
		return 0, nil, fmt.Errorf("%w: %s cannot be decoded", ErrUnsupported, t.TypeName())
	}
	d := &decoder{codec: c, data: f.Section(t), size: 4 * t.Elements()}
	if c.Trailer > 0 {
		tail := make([]byte, c.Trailer)
		if err := readAt(d.data, tail, t.Size-int64(len(tail))); err != nil {
			return 0, nil, err
		}
		var err error
		if d.scale, err = c.GetTrailer(tail); err != nil {
			return 0, nil, err
		}
	}
	return safetensors.F32, d, nil
}

// decoder reads the weights of a tensor as little-endian float32. It may be
// used by several goroutines.
type decoder struct {
	codec quant.Codec
	data  *io.SectionReader
	scale quant.Scale
	size  int64 // bytes of all weights
	pool  sync.Pool
}

// decoding is the memory for one read.
type decoding struct {
	packed []byte
	values []float32
}

// maxDecode is how many weights are decoded at a time.
const maxDecode = 1 << 16

// ReadAt implements [io.ReaderAt].
func (d *decoder) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read at offset %d", off)
	}
	buf, _ := d.pool.Get().(*decoding)
	if buf == nil {
		buf = &decoding{}
	}
	defer d.pool.Put(buf)
	n := 0
	for n < len(p) && off+int64(n) < d.size {
		k, err := d.some(p[n:], off+int64(n), buf)
		n += k
		if err != nil {
			return n, err
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// some reads bytes from off on, at least one.
func (d *decoder) some(p []byte, off int64, buf *decoding) (int, error) {
	block := int64(d.codec.BlockLen)
	first := off / 4 / block
	want := min(int64(len(p)), d.size-off)
	blocks := min((off+want+4*block-1)/(4*block)-first, maxDecode/block)
	packed := sized(&buf.packed, int(blocks)*d.codec.BlockBytes)
	if err := readAt(d.data, packed, first*int64(d.codec.BlockBytes)); err != nil {
		return 0, err
	}
	if n := int(blocks * block); cap(buf.values) < n {
		buf.values = make([]float32, n)
	}
	values := buf.values[:blocks*block]
	if err := d.codec.Decode(values, packed, d.scale); err != nil {
		return 0, fmt.Errorf("from weight %d: %w", first*block, err)
	}
	skip := off - 4*first*block
	n := int(min(want, 4*blocks*block-skip))
	if skip%4 == 0 && n%4 == 0 {
		for i, v := range values[skip/4:][:n/4] {
			binary.LittleEndian.PutUint32(p[4*i:], math.Float32bits(v))
		}
		return n, nil
	}
	for i := range n { // somebody reads parts of weights
		at := int(skip) + i
		p[i] = byte(math.Float32bits(values[at/4]) >> (8 * (at % 4)))
	}
	return n, nil
}
