package verify

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"io"
	"math"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/quant"
)

// tensorDiff says how a tensor of the file differs from what the checkpoint
// makes of it.
type tensorDiff struct {
	tensor gguf.Tensor

	unlike  bool  // some byte of the blocks differs
	differ  int64 // weights; of ternary types trits or their blocks' scales
	first   place // the first of them
	want    float32
	code3   bool // at first
	changed ratios

	haveScale, wantScale float32 // after the blocks, of I2_S
	scale                float32 // with which the checkpoint's weights were ternarized, else 0

	haveSum, wantSum [sha256.Size]byte // of the blocks; haveSum only if they differ
	zero             bool              // all bytes of the blocks are zero
}

// ratios describes by what the weights of the differing chunks are multiplied.
type ratios struct {
	low, high float64 // of have/want where want is not zero
	rest      bool    // some weight that is not zero is as it should be
	zeros     bool    // some zero has become something else
}

// comparer takes the bytes that a tensor should have, in order, and compares
// them with those it has.
type comparer struct {
	diff  *tensorDiff
	codec quant.Codec
	have  *io.SectionReader
	body  int64 // bytes of blocks
	at    int64 // bytes compared
	sum   hash.Hash

	pending []byte // at most a chunk, to be compared when full
	got     []byte
	trailer []byte
	values  [2][]float32
}

// chunkWeights is how many weights are read and compared at a time. Every block
// length divides it.
const chunkWeights = 1 << 16

func newComparer(f *gguf.File, d *tensorDiff) *comparer {
	c, _ := quant.Lookup(d.tensor.Type)
	n := int(min(chunkWeights, d.tensor.Elements()))
	chunk := n / c.BlockLen * c.BlockBytes
	d.changed = ratios{low: math.Inf(1), high: math.Inf(-1)}
	return &comparer{
		diff: d, codec: c, have: f.Section(d.tensor), body: d.tensor.Size - int64(c.Trailer), sum: sha256.New(),
		pending: make([]byte, 0, chunk), got: make([]byte, chunk),
		values: [2][]float32{make([]float32, n), make([]float32, n)},
	}
}

func (c *comparer) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if c.at == c.body {
			c.trailer = append(c.trailer, rest...)
			break
		}
		room := min(int64(cap(c.pending)), c.body-c.at) - int64(len(c.pending))
		n := min(room, int64(len(rest)))
		c.pending = append(c.pending, rest[:n]...)
		rest = rest[n:]
		if n == room {
			if err := c.chunk(); err != nil {
				return 0, err
			}
		}
	}
	return len(p), nil
}

// chunk compares what is pending.
func (c *comparer) chunk() error {
	want, got := c.pending, c.got[:len(c.pending)]
	if _, err := c.have.ReadAt(got, c.at); err != nil && err != io.EOF {
		return err
	}
	c.sum.Write(want)
	if !bytes.Equal(want, got) {
		c.diff.unlike = true
		if err := c.weights(want, got); err != nil {
			return err
		}
	} else {
		c.diff.changed.rest = true
	}
	c.at += int64(len(want))
	c.pending = c.pending[:0]
	return nil
}

// weights compares the weights of a chunk.
func (c *comparer) weights(want, got []byte) error {
	n := len(want) / c.codec.BlockBytes * c.codec.BlockLen
	first := c.at / int64(c.codec.BlockBytes) * int64(c.codec.BlockLen)
	w, g := c.values[0][:n], c.values[1][:n]
	if err := c.codec.Decode(w, want, 1); err != nil {
		return err
	}
	code3 := int64(-1)
	if err := c.codec.Decode(g, got, 1); err != nil {
		p := findCode3(&c.codec, got)
		if p == nil {
			return err
		}
		// What follows a code that is none is not compared.
		code3 = p.element
		whole := int(code3) / c.codec.BlockLen
		n = whole * c.codec.BlockLen
		if err := c.codec.Decode(g[:n], got[:whole*c.codec.BlockBytes], 1); err != nil {
			return err
		}
	}
	for i := range n {
		c.weight(first+int64(i), w[i], g[i], want, got)
	}
	if code3 >= 0 {
		if c.note(first+code3, want, got) {
			c.diff.code3 = true
		}
		c.diff.changed.rest = true
	}
	return nil
}

func (c *comparer) weight(element int64, want, got float32, wantBytes, gotBytes []byte) {
	r := &c.diff.changed
	if want == got {
		r.rest = r.rest || want != 0
		return
	}
	if c.note(element, wantBytes, gotBytes) {
		c.diff.want, c.diff.first.value = want, got
	}
	if want == 0 {
		r.zeros = true
		return
	}
	q := float64(got) / float64(want)
	r.low, r.high = min(r.low, q), max(r.high, q)
}

// note counts a weight that differs, and reports whether it is the first.
func (c *comparer) note(element int64, want, got []byte) bool {
	c.diff.differ++
	if c.diff.differ > 1 {
		return false
	}
	at := 0
	for want[at] == got[at] {
		at++
	}
	c.diff.first = place{element: element, offset: c.at + int64(at)}
	return true
}

// finish reads the scales after the blocks and takes the digests by which
// swapped tensors are recognised.
func (c *comparer) finish() error {
	if c.at != c.body || len(c.trailer) != c.codec.Trailer {
		return io.ErrUnexpectedEOF
	}
	d := c.diff
	c.sum.Sum(d.wantSum[:0])
	if c.codec.Trailer > 0 {
		// The bytes of a trailer beyond the scale mean nothing. A scale that is
		// none is compared like any other.
		var b [4]byte
		if _, err := c.have.ReadAt(b[:], c.body); err != nil && err != io.EOF {
			return err
		}
		d.wantScale = math.Float32frombits(binary.LittleEndian.Uint32(c.trailer))
		d.haveScale = math.Float32frombits(binary.LittleEndian.Uint32(b[:]))
	}
	if d.differ == 0 {
		d.haveSum = d.wantSum
		return nil
	}
	h := sha256.New()
	zero := &zeroWriter{zero: true}
	if _, err := io.Copy(io.MultiWriter(h, zero), io.NewSectionReader(c.have, 0, c.body)); err != nil {
		return err
	}
	h.Sum(d.haveSum[:0])
	d.zero = zero.zero
	return nil
}

// zeroWriter finds out whether all it is given is zero.
type zeroWriter struct{ zero bool }

func (z *zeroWriter) Write(p []byte) (int, error) {
	if z.zero {
		for _, b := range p {
			if b != 0 {
				z.zero = false
				break
			}
		}
	}
	return len(p), nil
}

// sameBytes reports whether two readers give the same bytes.
func sameBytes(a, b io.Reader) (bool, error) {
	x, y := make([]byte, 1<<18), make([]byte, 1<<18)
	for {
		n, errA := io.ReadFull(a, x)
		m, errB := io.ReadFull(b, y)
		if !bytes.Equal(x[:n], y[:m]) {
			return false, nil
		}
		if errA != nil || errB != nil {
			return errA == errB, realError(errA, errB) //nolint:errorlint // the two ends of io.ReadFull
		}
	}
}

// realError gives the first error that is not the end of a reader.
func realError(errs ...error) error {
	for _, err := range errs {
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
	}
	return nil
}
