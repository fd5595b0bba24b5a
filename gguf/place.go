package gguf

import (
	"fmt"
	"math"
	"strings"

	"github.com/akadata/bitnet-tool/quant"
)

// place decides the types and sizes of all tensors and checks that their data
// lies back to back, each start aligned, up to the end of the file: the strict
// layout that ggml demands (src/gguf.cpp, d99724f2). The last tensor's padding
// may be missing.
func (f *File) place() error {
	if len(f.Tensors) == 0 {
		if f.FileSize > f.DataOffset {
			return fmt.Errorf("%w: %d bytes after a header without tensors", ErrFormat, f.FileSize-f.DataOffset)
		}
		return nil
	}
	if f.Tensors[0].Offset != 0 {
		return fmt.Errorf("%w: tensor %q: the first tensor is at data offset %d, not 0", ErrFormat, f.Tensors[0].Name, f.Tensors[0].Offset)
	}
	// All offsets are checked before any size, so that a bad offset is not
	// blamed on the size of the tensor before it.
	for i, t := range f.Tensors {
		if t.Offset%f.Alignment != 0 {
			return fmt.Errorf("%w: tensor %q: data offset %d is not a multiple of the alignment %d", ErrFormat, t.Name, t.Offset, f.Alignment)
		}
		if i > 0 && t.Offset <= f.Tensors[i-1].Offset {
			return fmt.Errorf("%w: tensor %q: data offset %d is not after that of the tensor before it, %q at %d",
				ErrFormat, t.Name, t.Offset, f.Tensors[i-1].Name, f.Tensors[i-1].Offset)
		}
	}
	k := knowledge{arch: f.Architecture(), i2s: quant.I2_S}
	if layout, ok := f.Meta.Value(LayoutKey); ok {
		name, _ := layout.(string)
		k.i2s = I2SLayout(name).Type() // Invalid for layouts not known here
	}
	for i := range f.Tensors {
		t := &f.Tensors[i]
		left := f.FileSize - f.DataOffset - t.Offset
		var err error
		if i+1 < len(f.Tensors) {
			err = t.placeBefore(f.Tensors[i+1], left, f.Alignment, k)
		} else {
			err = t.placeLast(left, f.Alignment, k)
		}
		if err != nil {
			return fmt.Errorf("tensor %q: %w", t.Name, err)
		}
	}
	return nil
}

// placeBefore sets type and size of a tensor that has another one after it;
// left is the number of bytes from its offset to the end of the file, negative
// if the file ends before.
func (t *Tensor) placeBefore(next Tensor, left, align int64, k knowledge) error {
	gap := next.Offset - t.Offset
	t.Type, t.Size = resolveType(t.TypeID, t.Rows(), t.Cols(), gap, align, k), gap
	if t.Type != quant.Invalid {
		if err := t.sizeByType(gap, align); err != nil {
			return err
		}
		if padded := alignUp(t.Size, align); padded != gap {
			return fmt.Errorf("%w: %s of %v weights takes %d bytes with padding, but the next tensor, %q, starts %d bytes further on",
				ErrFormat, t.Type, t.Dims, padded, next.Name, gap)
		}
	}
	if left < gap {
		return truncated(gap - left)
	}
	return nil
}

// placeLast is placeBefore for the last tensor.
func (t *Tensor) placeLast(left, align int64, k knowledge) error {
	t.Type, t.Size = resolveType(t.TypeID, t.Rows(), t.Cols(), left, align, k), left
	switch {
	case t.Type == quant.Invalid && left <= 0:
		return truncated(1 - left)
	case t.Type == quant.Invalid:
		return t.wrongEnd(left, align)
	}
	if err := t.sizeByType(left, align); err != nil {
		return err
	}
	padded := alignUp(t.Size, align)
	switch {
	case left == t.Size || left == padded:
		return nil
	case left < padded:
		return truncated(padded - left)
	}
	return fmt.Errorf("%w: %d bytes follow the padded end of the last tensor: not part of the model", ErrFormat, left-padded)
}

// sizeByType sets the size that the type asks for; gap is the room there is.
func (t *Tensor) sizeByType(gap, align int64) error {
	c, _ := quant.Lookup(t.Type)
	size, err := c.Size(t.Rows(), t.Cols())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if size > math.MaxInt64/2 {
		return fmt.Errorf("%w: %s of %v weights is larger than any file", ErrFormat, c.Name, t.Dims)
	}
	if !fills(size, gap, align) && (t.TypeID == 30 || t.TypeID == 31) && fills(t.Elements()/4+32, gap, align) {
		return fmt.Errorf("%w: type %d with the size of I2_S: written by a 2024 development build of bitnet.cpp; convert the model again from its safetensors", ErrFormat, t.TypeID)
	}
	t.Size = size
	return nil
}

// wrongEnd is the error for a last tensor of a disputed type number when every
// meaning of the number has a size and none is that of the bytes left: cut
// files are far more common than further meanings.
func (t *Tensor) wrongEnd(left, align int64) error {
	var sizes []string
	for _, m := range disputedTypes[t.TypeID] {
		c, _ := quant.Lookup(m)
		n, err := c.Size(t.Rows(), t.Cols())
		if err != nil || fills(n, left, align) {
			return nil
		}
		sizes = append(sizes, fmt.Sprintf("%d bytes as %s", n, c.Name))
	}
	if len(sizes) == 0 {
		return nil
	}
	return fmt.Errorf("%w: type %d takes %s, but the file ends after %d: truncated, or with bytes appended", ErrFormat, t.TypeID, strings.Join(sizes, " or "), left)
}

func truncated(missing int64) error {
	return fmt.Errorf("%w: file is truncated by at least %d bytes: download or convert it again", ErrFormat, missing)
}
