package safetensors

import (
	"fmt"
	"io"
)

// Virtual gives a tensor that is in no safetensors file: its bytes, as such a
// file would have them, are those at r. It is for weights that come from another
// format. name stands for the file in errors.
func Virtual(name string, d DType, shape []int64, r io.ReaderAt, file string) (Tensor, error) {
	for _, n := range shape {
		if n < 0 {
			return Tensor{}, fmt.Errorf("%w: shape %v", ErrFormat, shape)
		}
	}
	size, err := dataSize(shape, d)
	if err != nil {
		return Tensor{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return Tensor{
		Name: name, DType: d, Shape: shape, File: file, size: size,
		src: &source{r: r, size: size, name: file},
	}, nil
}
