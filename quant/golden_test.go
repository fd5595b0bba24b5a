package quant

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The SHA-256 of what ggml itself writes for two samples, and of the weights, as
// float32 in little-endian, that it reads from noise of as many blocks. The seeds
// are such that the last step of every search is the best one somewhere.
//
// They are the output of quantize_row_*_ref and dequantize_row_* of ggml-org/ggml
// d99724f2 (src/ggml-quants.c), compiled by gcc 12.2.0 for x86-64 with
// -O2 -ffp-contract=off -DNDEBUG. With FMA contraction the encoders of Q4_0,
// Q5_0 and the K formats now and then write another byte.
func TestGolden(t *testing.T) {
	tests := []struct {
		typ            Type
		encode, decode string
	}{
		{
			typ:    Q8_0,
			encode: "7e83cabde5be91aa2f34c6538ade1df536c2e8d5a4fbb78153ff6ba98a45100a",
			decode: "730ef0f9d1da4d63d206220465155e238c393070ec7044c6760c5375caf2fd19",
		},
		{
			typ:    Q4_0,
			encode: "393aa081760be311bba6fbc5afdc986777d18cab0c17540548af8bee9779addd",
			decode: "743c0684c6ffbec0a27f66df9290bd7e26e36687ed22b57b21d535032d3a2407",
		},
		{
			typ:    Q4_1,
			encode: "32f51aedec7b024cde93d4a7c63d06615ec60ffb1304f693b7969e9ffe94b62b",
			decode: "96ab8506f1a44de45243a35fac3925042ab7c7197a5db26df65be9bb012aceab",
		},
		{
			typ:    Q5_0,
			encode: "e2b141a81a73e37fcfafda78bdf8b0053b60f4ccaf38f4ac5db4f9556b127a4c",
			decode: "ac3bbd54a43966ceeec831770e20c3514e82bfa07c1981a0a65890c73f9ae31c",
		},
		{
			typ:    Q5_1,
			encode: "88e803d842e6311f6e7471ee560b6da7b100235f3bb48897cb952b694bbb5fce",
			decode: "8ba7e5ae1c9cb5c65db26ef7fad167fd182c8be098fa53e2c5fc971e26faefde",
		},
		{
			typ:    Q4_K,
			encode: "a3cd20bf0015f6fa7724923e2150bbebcc12e00b534c75b2777177f1346eb982",
			decode: "19b344b028d30a207a8f25e3eb500f368f4e8ee45b8fd2dcb92d3c480361c263",
		},
		{
			typ:    Q5_K,
			encode: "0f43515d62a1c39df85beeb3a862b45022689638e0d07afdc6b594684f83116c",
			decode: "00b06b87e21cc4628e49bddc55647882822d576f441ed1e8738f54b3ecb7c9f9",
		},
		{
			typ:    Q6_K,
			encode: "9d2ee744059480bde336493a963fd48b4298561143deeee9ca3b72e5cd94f490",
			decode: "a324f744c631400b614511089eced4dbbd282f646b33be6fdda665fcd8bb6020",
		},
		{
			typ:    Q2_K,
			decode: "475a5b5647c0d247bf2d95cce938b04e5492306c5e143568880e660555b921ed",
		},
		{
			typ:    Q3_K,
			decode: "d1261b24df9882c78ff57e0e2d7e48f737d3d606e15a2ce70a7e9d263199aec8",
		},
		{
			typ:    Q8_K,
			decode: "50a15d91b6b5e230ea9853cf8b27d1b822502ca7142031c822a5d8e3bd44eef5",
		},
	}
	x := slices.Concat(sample(480, 1), sample(480, 6))
	for _, tt := range tests {
		t.Run(tt.typ.String(), func(t *testing.T) {
			c := lookup(t, tt.typ)
			packed := make([]byte, len(x)/c.BlockLen*c.BlockBytes)
			if c.Encode != nil {
				for i := range packed {
					packed[i] = 0xee // as a reused buffer would have
				}
				if err := c.Encode(packed, x, 0); err != nil {
					t.Fatal(err)
				}
				if got := digest(packed); got != tt.encode {
					t.Errorf("encode: SHA-256 %s, ggml's bytes have %s", got, tt.encode)
				}
			}
			noise(packed, tt.typ)
			back := make([]float32, len(x))
			if err := c.Decode(back, packed, 0); err != nil {
				t.Fatal(err)
			}
			raw := make([]byte, 4*len(back))
			for i, v := range back {
				binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(v))
			}
			if got := digest(raw); got != tt.decode {
				t.Errorf("decode: SHA-256 %s, ggml's weights have %s", got, tt.decode)
			}
		})
	}
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// noise fills blocks with random bytes, so that every code and scale occurs,
// but clears the highest bit of each exponent: there are no NaN and Inf, whose
// bits differ between machines.
func noise(packed []byte, typ Type) {
	r := rand.NewPCG(uint64(len(packed)), 0)
	for i := range packed {
		packed[i] = byte(r.Uint64() >> 32)
	}
	exponents := map[Type][]int{
		Q4_0: {1}, Q4_1: {1, 3}, Q5_0: {1}, Q5_1: {1, 3}, Q8_0: {1}, Q4_K: {1, 3}, Q5_K: {1, 3},
		Q6_K: {209}, Q2_K: {81, 83}, Q3_K: {109}, Q8_K: {3},
	}[typ]
	c, _ := Lookup(typ)
	for b := 0; b < len(packed); b += c.BlockBytes {
		for _, at := range exponents {
			packed[b+at] &^= 0x40
		}
	}
}
