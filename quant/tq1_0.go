package quant

import "github.com/akadata/bitnet-tool/internal/kernels"

// TQ1_0: five trits a byte in base 3, the first one most significant, kept as
// a fixed-point fraction: byte = ceil(value·256/243). Multiplying the byte by
// 3^k mod 256 then brings trit k to the top. 32 bytes hold weights 0–159
// (byte m: m, m+32, …), 16 bytes 160–239 (m, m+16, …) and 4 bytes the last 16
// (m, m+4, …: four trits and an empty fifth).
var tq1_0Codec = tqCodec("TQ1_0", 54,
	func(codes, packed []byte) {
		for _, g := range tq1Groups {
			for m := range g.bytes {
				v := 0
				for k := range 5 {
					v *= 3
					if k < g.trits {
						v += int(codes[g.weight+m+k*g.bytes])
					}
				}
				packed[g.byte+m] = byte((v*256 + 242) / 243)
			}
		}
	},
	func(codes, packed []byte) {
		for _, g := range tq1Groups {
			for m := range g.bytes {
				v := packed[g.byte+m]
				for k := range g.trits {
					codes[g.weight+m+k*g.bytes] = byte(uint16(v) * 3 >> 8)
					v *= 3
				}
			}
		}
	},
	func(k *kernels.Backend) func(dst, codes []byte, d uint16) byte { return k.PackTQ1 })

// tq1Groups lists where each run of bytes starts, how long it is, and which
// weights it holds.
var tq1Groups = [...]struct{ byte, bytes, weight, trits int }{
	{byte: 0, bytes: 32, weight: 0, trits: 5},
	{byte: 32, bytes: 16, weight: 160, trits: 5},
	{byte: 48, bytes: 4, weight: 240, trits: 4},
}
