//go:build amd64 || arm64

package kernels

import (
	"encoding/binary"
	"unsafe"
)

func mulI2SBy(kernel func(dst *int32, rows *byte, q *int8, n, bytes, cols int)) func(dst []int32, rows []byte, q []int8) (float32, bool) {
	return func(dst []int32, rows []byte, q []int8) (float32, bool) {
		n, cols := len(dst), len(q)
		if n == 0 || cols == 0 {
			clear(dst)
			return 1, true
		}
		_ = rows[n*cols/4-1]
		kernel(unsafe.SliceData(dst), unsafe.SliceData(rows), unsafe.SliceData(q), n, cols/4, cols)
		return 1, true
	}
}

// scaledBy is for formats with blocks of blockLen weights in blockBytes, whose
// scale is at scaleAt. Where a kernel cannot run, plain Go knows why.
func scaledBy(kernel func(dst *int32, rows *byte, q *int8, n, bytes, cols int, scale uint16) uint32, blockLen, blockBytes, scaleAt int,
	plain func(dst []int32, rows []byte, q []int8) (float32, bool),
) func(dst []int32, rows []byte, q []int8) (float32, bool) {
	return func(dst []int32, rows []byte, q []int8) (float32, bool) {
		n, cols := len(dst), len(q)
		if n == 0 || cols == 0 || cols > maxExact {
			return plain(dst, rows, q)
		}
		bytes := cols / blockLen * blockBytes
		_ = rows[n*bytes-1]
		scale := binary.LittleEndian.Uint16(rows[scaleAt:])
		mixed := kernel(unsafe.SliceData(dst), unsafe.SliceData(rows), unsafe.SliceData(q), n, bytes, cols, scale)
		return f16(scale), mixed == 0 && finite(scale)
	}
}

// panelBy unpacks the rows of a full panel by kernel, sixteen at a time, and
// those of another in plain Go.
func (p packing) panelBy(kernel func(panel, rows *byte, stride, blocks int)) func(panel, rows []byte, cols int) (float32, bool) {
	return func(panel, rows []byte, cols int) (float32, bool) {
		n, blocks := p.row(cols), cols/p.cols
		if blocks == 0 || len(rows) != PanelRows*n {
			return p.panel(panel, rows, cols)
		}
		scale, ok := p.scale(rows, cols)
		if !ok {
			return 0, false
		}
		_ = panel[PanelRows*cols-1]
		for r := 0; r < PanelRows; r += 16 {
			kernel(&panel[4*r], &rows[r*n], n, blocks)
		}
		return scale, true
	}
}

func mulPanelBy(kernel func(dst *int32, panel *byte, q *int8, n, cols int), plain func(dst []int32, panel []byte, q []int8, cols int)) func(dst []int32, panel []byte, q []int8, cols int) {
	return func(dst []int32, panel []byte, q []int8, cols int) {
		n := len(dst) / PanelRows
		if n == 0 || cols == 0 || cols%128 != 0 {
			plain(dst, panel, q, cols)
			return
		}
		_, _ = panel[PanelRows*cols-1], q[n*cols-1]
		kernel(unsafe.SliceData(dst), unsafe.SliceData(panel), unsafe.SliceData(q), n, cols)
	}
}
