package kernels

import "unsafe"

func screenAVX2() Screen {
	return Screen{
		Narrow:         narrow(absMaxBy(absMaxAVX2), narrowBy(narrowAVX2)),
		EstimateNarrow: estimateNarrowBy(estimateNarrowAVX2),
		EstimateQ8_0: func(dst []float32, rows []byte, x *Fixed) {
			if n, bytes, blocks := estimated(dst, rows, x, 32, 34); blocks > 0 {
				estimateQ8AVX2(unsafe.SliceData(dst), unsafe.SliceData(rows), unsafe.SliceData(x.Wide), n, bytes, blocks)
			}
		},
		EstimateQ6_K: func(dst []float32, rows []byte, x *Fixed) {
			if n, bytes, blocks := estimated(dst, rows, x, 256, 210); blocks > 0 {
				estimateQ6KAVX2(unsafe.SliceData(dst), unsafe.SliceData(rows), unsafe.SliceData(x.planes), unsafe.SliceData(x.pairs), n, bytes, blocks)
			}
		},
	}
}

func screenAVX512() Screen {
	return Screen{
		Narrow:         narrow(absMaxBy(absMaxAVX512), narrowBy(narrowAVX512)),
		EstimateNarrow: estimateNarrowBy(estimateNarrowAVX512),
		EstimateQ8_0: func(dst []float32, rows []byte, x *Fixed) {
			if n, bytes, blocks := estimated(dst, rows, x, 32, 34); blocks > 0 {
				estimateQ8AVX512(unsafe.SliceData(dst), unsafe.SliceData(rows), unsafe.SliceData(x.planes), unsafe.SliceData(x.quads), n, bytes, blocks)
			}
		},
		EstimateQ6_K: func(dst []float32, rows []byte, x *Fixed) {
			if n, bytes, blocks := estimated(dst, rows, x, 256, 210); blocks > 0 {
				estimateQ6KAVX512(unsafe.SliceData(dst), unsafe.SliceData(rows), unsafe.SliceData(x.planes), unsafe.SliceData(x.pairs), n, bytes, blocks)
			}
		},
	}
}

func estimateNarrowBy(kernel func(dst *float32, rows *byte, planes *int8, n, cols int, offset int64)) func(dst []float32, rows []byte, x *Fixed) {
	return func(dst []float32, rows []byte, x *Fixed) {
		if n, bytes, blocks := estimated(dst, rows, x, 64, 64); blocks > 0 {
			kernel(unsafe.SliceData(dst), unsafe.SliceData(rows), unsafe.SliceData(x.planes), n, bytes, x.sum)
		}
	}
}
