package gguf

import (
	"fmt"
	"slices"

	"github.com/akadata/bitnet-tool/quant"
)

// LayoutKey says how the codes of I2_S tensors are arranged: "128x32", "64x16"
// or "4rows". Nothing else in a file tells, so that only files of this program,
// or those where somebody has added the key, are certain.
const LayoutKey = "bitnet_tool.i2s_layout"

// I2SLayout is an arrangement of I2_S codes, as spelled in [LayoutKey].
type I2SLayout string

// The layouts of docs/formats/i2_s.md: A, which everybody writes but the two
// kinds of builds that B and C come from.
const (
	Layout128x32 I2SLayout = "128x32"
	Layout64x16  I2SLayout = "64x16"
	Layout4Rows  I2SLayout = "4rows"
)

var i2sTypes = map[I2SLayout]quant.Type{
	Layout128x32: quant.I2_S,
	Layout64x16:  quant.I2_S_64x16,
	Layout4Rows:  quant.I2_S_4ROWS,
}

// ParseI2SLayout checks a layout's name.
func ParseI2SLayout(s string) (I2SLayout, error) {
	if _, ok := i2sTypes[I2SLayout(s)]; !ok {
		return "", fmt.Errorf("%w: I2_S layout %q, known are %s, %s and %s", ErrUnsupported, s, Layout128x32, Layout64x16, Layout4Rows)
	}
	return I2SLayout(s), nil
}

// Type gives the encoding of tensors of this layout.
func (l I2SLayout) Type() quant.Type { return i2sTypes[l] }

// I2SLayout gives the layout that the metadata state, "" if they do not.
func (f *File) I2SLayout() I2SLayout {
	s, _ := Get[string](&f.Meta, LayoutKey)
	return I2SLayout(s)
}

// statedLayout gives the tensors the types that they have under the metadata m,
// in which somebody may have stated the layout of I2_S.
func statedLayout(ts []Tensor, m *Meta) ([]Tensor, error) {
	typ := quant.I2_S
	if v, ok := m.Value(LayoutKey); ok {
		name, _ := v.(string)
		l, err := ParseI2SLayout(name)
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", LayoutKey, err)
		}
		typ = l.Type()
	}
	out := slices.Clone(ts)
	for i := range out {
		if out[i].IsI2S() {
			out[i].Type = typ
		}
	}
	return out, nil
}

// HasI2S reports whether there are I2_S tensors, of whatever layout.
func (f *File) HasI2S() bool {
	return slices.ContainsFunc(f.Tensors, func(t Tensor) bool { return t.IsI2S() })
}

// IsI2S reports whether the tensor is I2_S, of whatever layout.
func (t Tensor) IsI2S() bool {
	return t.Type == quant.I2_S || t.Type == quant.I2_S_64x16 || t.Type == quant.I2_S_4ROWS
}
