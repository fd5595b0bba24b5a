package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/quant"
)

// ternarity is what the codes of a ternary tensor are like.
type ternarity struct {
	Minus    float64 `json:"minus"` // shares of the weights, 0 to 1
	Zero     float64 `json:"zero"`
	Plus     float64 `json:"plus"`
	ScaleMin float64 `json:"scale_min"` // of blocks that are not all zero
	ScaleMax float64 `json:"scale_max"`
}

func (m *ternarity) cells() []string {
	scale := fmt.Sprintf("%.6g", m.ScaleMax)
	if m.ScaleMin != m.ScaleMax {
		scale = fmt.Sprintf("%.6g to %.6g", m.ScaleMin, m.ScaleMax)
	}
	percent := func(x float64) string { return fmt.Sprintf("%.1f %%", 100*x) }
	return []string{percent(m.Minus), percent(m.Zero), percent(m.Plus), scale}
}

// addTernarity reads the data of all ternary tensors.
func (r *inspectResult) addTernarity(ctx context.Context, c *call, f *gguf.File) error {
	if f.ByteOrder == binary.BigEndian {
		return failf(exitUnsupported, "the data of big-endian files cannot be read")
	}
	var total int64
	for _, t := range f.Tensors {
		if codec, _ := quant.Lookup(t.Type); codec.Ternary() {
			total += t.Size
		}
	}
	task := c.progress.Start("count codes", total)
	var err error
	for i, t := range f.Tensors {
		if codec, _ := quant.Lookup(t.Type); codec.Ternary() {
			if r.Tensors[i].Ternarity, err = measure(ctx, f.Section(t), t, codec, task); err != nil {
				err = fmt.Errorf("tensor %q: %w", t.Name, err)
				break
			}
		}
	}
	task.Done(err)
	return err
}

// measure streams one tensor.
func measure(ctx context.Context, data *io.SectionReader, t gguf.Tensor, codec quant.Codec, task progress.Task) (*ternarity, error) {
	const chunkBlocks = 1024
	m := &ternarity{ScaleMin: math.Inf(1)}
	var count [3]int64
	bytes := make([]byte, chunkBlocks*codec.BlockBytes)
	codes := make([]byte, chunkBlocks*codec.BlockLen)
	for left := t.Size - int64(codec.Trailer); left > 0; left -= int64(len(bytes)) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		bytes = bytes[:min(int64(len(bytes)), left)]
		codes = codes[:len(bytes)/codec.BlockBytes*codec.BlockLen]
		if _, err := io.ReadFull(data, bytes); err != nil {
			return nil, err
		}
		if err := codec.UnpackTrits(codes, bytes); err != nil {
			return nil, err
		}
		for _, code := range codes {
			count[code]++
		}
		if codec.Trailer == 0 {
			if err := m.blockScales(codec, bytes); err != nil {
				return nil, err
			}
		}
		task.Add(int64(len(bytes)))
	}
	if codec.Trailer > 0 {
		tail := make([]byte, codec.Trailer)
		if _, err := io.ReadFull(data, tail); err != nil {
			return nil, err
		}
		s, err := codec.GetTrailer(tail)
		if err != nil {
			return nil, err
		}
		m.scale(float64(s))
	}
	if math.IsInf(m.ScaleMin, 1) {
		m.ScaleMin = 0
	}
	n := float64(t.Elements())
	m.Minus, m.Zero, m.Plus = float64(count[0])/n, float64(count[1])/n, float64(count[2])/n
	return m, nil
}

// blockScales notes the scales that are inside the blocks, as the largest
// weight of each.
func (m *ternarity) blockScales(codec quant.Codec, bytes []byte) error {
	weights := make([]float32, len(bytes)/codec.BlockBytes*codec.BlockLen)
	if err := codec.Decode(weights, bytes, 0); err != nil {
		return err
	}
	for ; len(weights) > 0; weights = weights[codec.BlockLen:] {
		var largest float64
		for _, x := range weights[:codec.BlockLen] {
			largest = max(largest, math.Abs(float64(x)))
		}
		if largest > 0 {
			m.scale(largest)
		}
	}
	return nil
}

func (m *ternarity) scale(s float64) {
	m.ScaleMin, m.ScaleMax = min(m.ScaleMin, s), max(m.ScaleMax, s)
}
