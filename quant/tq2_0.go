package quant

import "github.com/akadata/bitnet-tool/internal/kernels"

// TQ2_0: 64 bytes of 2-bit codes and the scale. Each half of 128 weights fills
// 32 bytes; weight 32·k+m of a half is in byte m, bits 2k and 2k+1.
var tq2_0Codec = tqCodec("TQ2_0", 66,
	func(codes, packed []byte) {
		for h := range 2 {
			x, y := codes[128*h:128*h+128], packed[32*h:32*h+32]
			for m := range y {
				y[m] = x[m] | x[32+m]<<2 | x[64+m]<<4 | x[96+m]<<6
			}
		}
	},
	func(codes, packed []byte) {
		for h := range 2 {
			x, y := codes[128*h:128*h+128], packed[32*h:32*h+32]
			for m, v := range y {
				x[m], x[32+m], x[64+m], x[96+m] = v&3, v>>2&3, v>>4&3, v>>6
			}
		}
	},
	func(k *kernels.Backend) func(dst, codes []byte, d uint16) byte { return k.PackTQ2 })
