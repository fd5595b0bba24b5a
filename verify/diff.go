package verify

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/quant"
)

// DiffKind says what differs.
type DiffKind string

// The kinds of differences.
const (
	DiffKV     DiffKind = "kv"     // metadata
	DiffTensor DiffKind = "tensor" // presence, shape, type or bytes of a tensor
	DiffTrits  DiffKind = "trits"  // signs of a tensor's weights
)

// Difference is one thing in which two files differ.
type Difference struct {
	Kind   DiffKind `json:"kind"`
	Name   string   `json:"name"` // of the key or tensor
	Detail string   `json:"detail"`
}

// DiffOptions limit what is compared. With neither set, metadata and tensors
// are, to the byte.
type DiffOptions struct {
	KV    bool // metadata
	Trits bool // signs of ternary tensors, whatever types they have
}

// Diff compares two files and gives the differences, metadata first. Neither
// file is taken for the better one. Bytes of I2_S tensors after the scale mean
// nothing and are not compared.
//
// With Trits a tensor takes part if either file has it in a ternary type, or if
// it is a projection of a ternary model; if there is none the error wraps
// [ErrOption].
func Diff(ctx context.Context, a, b *gguf.File, o DiffOptions) ([]Difference, error) {
	if a.ByteOrder != b.ByteOrder || o.Trits && a.ByteOrder != binary.LittleEndian {
		return nil, fmt.Errorf("%w: big-endian file", arch.ErrUnsupported)
	}
	var ds []Difference
	if o.KV || !o.Trits {
		var err error
		if ds, err = diffMeta(&a.Meta, &b.Meta); err != nil {
			return nil, err
		}
	}
	d := differ{a: a, b: b}
	switch {
	case o.Trits:
		d.ternary = ternaryTensors(a, b)
		found, err := d.each(ctx, d.trits)
		if err == nil && d.compared == 0 {
			err = fmt.Errorf("%w: neither file has ternary tensors", ErrOption)
		}
		return append(ds, found...), err
	case !o.KV:
		found, err := d.each(ctx, d.tensor)
		return append(ds, found...), err
	}
	return ds, nil
}

// differ compares the tensors of two files.
type differ struct {
	a, b     *gguf.File
	ternary  map[string]bool // tensors whose trits are compared
	compared int             // how many were
}

// each calls compare for the tensors that both files have, and lists those that
// only one has.
func (d *differ) each(ctx context.Context, compare func(ctx context.Context, x, y gguf.Tensor) (string, DiffKind, error)) ([]Difference, error) {
	var ds []Difference
	for _, x := range d.a.Tensors {
		if err := ctx.Err(); err != nil {
			return ds, err
		}
		y, ok := d.b.Tensor(x.Name)
		if !ok {
			ds = append(ds, Difference{DiffTensor, x.Name, "is in the first file only"})
			continue
		}
		detail, kind, err := compare(ctx, x, y)
		if err != nil {
			return ds, fmt.Errorf("tensor %q: %w", x.Name, err)
		}
		if detail != "" {
			ds = append(ds, Difference{kind, x.Name, detail})
		}
	}
	for _, y := range d.b.Tensors {
		if _, ok := d.a.Tensor(y.Name); !ok {
			ds = append(ds, Difference{DiffTensor, y.Name, "is in the second file only"})
		}
	}
	return ds, nil
}

// tensor compares shape, type and bytes.
func (d *differ) tensor(ctx context.Context, x, y gguf.Tensor) (string, DiffKind, error) {
	switch {
	case !slices.Equal(x.Dims, y.Dims):
		return fmt.Sprintf("dimensions %v, then %v", x.Dims, y.Dims), DiffTensor, nil
	case x.TypeID != y.TypeID || x.Type != y.Type:
		detail := fmt.Sprintf("type %s, then %s", x.TypeName(), y.TypeName())
		how, err := d.acrossTypes(ctx, x, y)
		if errors.Is(err, quant.ErrCode) || errors.Is(err, quant.ErrRange) {
			how, err = err.Error(), nil // damage is a difference, not a reason to stop
		}
		if how != "" {
			detail += ": " + how
		}
		return detail, DiffTensor, err
	case x.Size != y.Size:
		return fmt.Sprintf("%d bytes, then %d", x.Size, y.Size), DiffTensor, nil
	}
	detail, err := d.weights(x, y)
	if errors.Is(err, quant.ErrCode) || errors.Is(err, errRaw) {
		var same bool
		if same, err = sameBytes(d.a.Section(x), d.b.Section(y)); !same {
			detail = "bytes differ"
		}
	}
	return detail, DiffTensor, err
}

// errRaw: the bytes cannot be read as weights here.
var errRaw = errors.New("not decoded")

// weights compares the weights of two tensors of one shape and type.
func (d *differ) weights(x, y gguf.Tensor) (string, error) {
	if c, _ := quant.Lookup(x.Type); c.Decode == nil || d.a.ByteOrder != binary.LittleEndian {
		return "", errRaw
	}
	diff := &tensorDiff{tensor: y}
	c := newComparer(d.b, diff)
	if _, err := io.Copy(c, d.a.Section(x)); err != nil {
		return "", err
	}
	if err := c.finish(); err != nil {
		return "", err
	}
	return diff.describe(), nil
}

// describe says how the weights differ, "" if they do not.
func (d *tensorDiff) describe() string {
	detail := ""
	switch {
	case d.differ > 0 && d.code3:
		detail = fmt.Sprintf("%d of %d weights differ, the first at %s: code 3 in the second", d.differ, d.tensor.Elements(), rowCol(d.first.element, d.tensor.Cols()))
	case d.differ > 0:
		detail = fmt.Sprintf("%d of %d weights differ, the first at %s: %v, then %v",
			d.differ, d.tensor.Elements(), rowCol(d.first.element, d.tensor.Cols()), d.want, d.first.value)
	case d.unlike:
		detail = "bytes differ, though the weights are the same"
	}
	if d.haveScale != d.wantScale {
		if detail != "" {
			detail += "; "
		}
		detail += fmt.Sprintf("scale %v, then %v", d.wantScale, d.haveScale)
	}
	return detail
}
