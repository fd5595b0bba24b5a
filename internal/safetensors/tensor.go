package safetensors

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
)

// Tensor describes one tensor of an open file. Copies share the file: its bytes
// can be read until the File or Set it came from is closed.
type Tensor struct {
	Name  string
	DType DType

	// Shape lists the dimensions, the slowest first (row-major: [out, in] for a
	// weight matrix). Empty is a scalar. It is shared; do not change it.
	Shape []int64

	// File is the base name of the file that holds the bytes, and Offset the
	// position of the first one in it. The offset may be odd: decode bytes, do
	// not cast them.
	File   string
	Offset int64

	size int64
	src  *source
}

// Size returns the length in bytes.
func (t Tensor) Size() int64 { return t.size }

// Elements returns the number of elements: 1 for a scalar, 0 when a dimension is 0.
func (t Tensor) Elements() int64 {
	n := int64(1)
	for _, d := range t.Shape {
		n *= d // cannot overflow: dataSize has checked it
	}
	return n
}

// Section returns a reader over exactly the bytes of the tensor. Sections are
// independent of each other; ReadAt may be called by several goroutines at once.
// A file that became shorter since it was opened gives an error, not an early EOF.
func (t Tensor) Section() *io.SectionReader {
	return io.NewSectionReader(t.src, t.Offset, t.size)
}

var (
	errProduct = errors.New("the product of the dimensions overflows")
	errBits    = errors.New("the elements do not fill whole bytes")
)

// dataSize returns how many bytes a tensor of this shape and type takes. A zero
// dimension does not excuse the others: their product must not overflow either,
// so that no caller has to think of the order in which it multiplies.
func dataSize(shape []int64, d DType) (int64, error) {
	n, empty := uint64(1), false
	for _, dim := range shape {
		if dim == 0 {
			empty = true
			continue
		}
		hi, lo := bits.Mul64(n, uint64(dim))
		if hi != 0 {
			return 0, fmt.Errorf("shape %v: %w", shape, errProduct)
		}
		n = lo
	}
	hi, total := bits.Mul64(n, uint64(d.Bits()))
	if hi != 0 || total > math.MaxInt64 {
		return 0, fmt.Errorf("shape %v of %v: %w", shape, d, errProduct)
	}
	if empty {
		return 0, nil
	}
	if total%8 != 0 {
		return 0, fmt.Errorf("shape %v of %v: %w", shape, d, errBits)
	}
	return int64(total / 8), nil
}
