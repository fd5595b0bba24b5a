package convert

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/safetensors"
	"github.com/akadata/bitnet-tool/quant"
)

// matrix is one tensor of the checkpoint and what it is for. Rows are numbered
// as in the GGUF file.
type matrix struct {
	spec   arch.Tensor
	weight safetensors.Tensor
	scale  safetensors.Tensor // of a packed weight; else without a name
	raw    *rawTensor         // of a source that is a GGUF file

	scaleIsMean bool // of masters: see newTernarizer
}

// packed reports four ternary weights a byte (transformers,
// integrations/bitnet.py pack_weights).
func (m *matrix) packed() bool { return m.scale.Name != "" }

// planeRows is the number of rows of a packed tensor: row r of the matrix is
// in plane r/planeRows, bits 2·plane and 2·plane+1 of packed row r%planeRows.
func (m *matrix) planeRows() int { return (m.spec.Rows + 3) / 4 }

func (m *matrix) check() error {
	want := []int64{int64(m.spec.Rows), int64(m.spec.Cols)}
	types := []safetensors.DType{safetensors.BF16, safetensors.F16, safetensors.F32}
	switch {
	case m.packed():
		want[0] = int64(m.planeRows())
		types = []safetensors.DType{safetensors.U8}
		if m.scale.Elements() != 1 || codecOf(m.scale.DType) == quant.Invalid {
			return fmt.Errorf("%w: %s is %v %v, want one BF16, F16 or F32", ErrTensors, m.scale.Name, m.scale.DType, m.scale.Shape)
		}
	case m.spec.Role == arch.Norm:
		want = want[1:]
	}
	if m.weight.DType == safetensors.U8 && !m.packed() {
		return fmt.Errorf("%w: packed weights without a %s_scale", ErrTensors, m.spec.HF)
	}
	if !slices.Contains(types, m.weight.DType) {
		return fmt.Errorf("%w: type %v, want one of %v", ErrTensors, m.weight.DType, types)
	}
	if !slices.Equal(m.weight.Shape, want) {
		return fmt.Errorf("%w: shape %v, want %v", ErrTensors, m.weight.Shape, want)
	}
	return nil
}

// codecOf gives the encoding of a checkpoint's floating point type.
func codecOf(d safetensors.DType) quant.Type {
	switch d {
	case safetensors.BF16:
		return quant.BF16
	case safetensors.F16:
		return quant.F16
	case safetensors.F32:
		return quant.F32
	}
	return quant.Invalid
}

// storedScale reads the scale of a packed weight.
func (m *matrix) storedScale() (float32, error) {
	c, _ := quant.Lookup(codecOf(m.scale.DType))
	buf := make([]byte, c.BlockBytes)
	if _, err := m.scale.Section().ReadAt(buf, 0); err != nil {
		return 0, fmt.Errorf("%s: %w", m.scale.Name, err)
	}
	var v [1]float32
	if err := c.Decode(v[:], buf, 0); err != nil {
		return 0, fmt.Errorf("%s: %w", m.scale.Name, err)
	}
	if !(v[0] > 0) || math.IsInf(float64(v[0]), 0) {
		return 0, fmt.Errorf("%w: %s is %v, must be positive and finite", ErrTensors, m.scale.Name, v[0])
	}
	return v[0], nil
}

// rows reads the rows from first on, as many as dst holds, as float32. The
// tensor is not packed. buf is scratch memory that is grown as needed.
func (m *matrix) rows(dst []float32, first int, buf *[]byte) error {
	c, _ := quant.Lookup(codecOf(m.weight.DType))
	b := sized(buf, len(dst)*c.BlockBytes)
	rowBytes := m.spec.Cols * c.BlockBytes
	sec := m.weight.Section()
	if m.spec.Heads == 0 {
		if _, err := sec.ReadAt(b, int64(first)*int64(rowBytes)); err != nil && err != io.EOF {
			return err
		}
	} else {
		for i := range len(dst) / m.spec.Cols {
			src := int64(m.spec.PermuteRow(first + i))
			if _, err := sec.ReadAt(b[i*rowBytes:(i+1)*rowBytes], src*int64(rowBytes)); err != nil && err != io.EOF {
				return err
			}
		}
	}
	err := c.Decode(dst, b, 0)
	if m.spec.PlusOne {
		for i := range dst {
			dst[i]++
		}
	}
	return err
}

// codes reads the rows of a packed weight as ternary codes 0, 1, 2 and counts
// the zeros among them, whose code is 1.
func (m *matrix) codes(dst []byte, first int) (zeros int64, err error) {
	sec := m.weight.Section()
	cols, plane := m.spec.Cols, m.planeRows()
	for i := range len(dst) / cols {
		src := m.spec.PermuteRow(first + i)
		row := dst[i*cols : (i+1)*cols]
		if _, err := sec.ReadAt(row, int64(src%plane)*int64(cols)); err != nil && err != io.EOF {
			return 0, err
		}
		largest, ones := fast().Plane(row, row, 2*(src/plane))
		if largest > 2 {
			return 0, fmt.Errorf("%w: row %d, column %d", quant.ErrCode, src, slices.Index(row, largest))
		}
		zeros += int64(ones)
	}
	return zeros, nil
}

// sized gives a slice of n elements out of buf, which grows as needed.
func sized[T any](buf *[]T, n int) []T {
	if cap(*buf) < n {
		*buf = make([]T, n)
	}
	return (*buf)[:n]
}

// digestLine is what one tensor of the checkpoint adds to the source digest.
func digestLine(t safetensors.Tensor, sum [sha256.Size]byte) string {
	shape := strings.Join(strings.Fields(fmt.Sprint(t.Shape)), ",")
	return fmt.Sprintf("%s %v %s %x\n", t.Name, t.DType, shape, sum)
}
