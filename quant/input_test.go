package quant

import (
	"encoding/hex"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// b32, t256 and k256 are the inputs of the reference vectors in vectors_test.go.
func b32() []float32 {
	x := make([]float32, 32)
	for i := range x {
		x[i] = float32(i*5%7-3) * 0.25
	}
	return x
}

func t256() []float32 {
	x := make([]float32, 256)
	for i := range x {
		x[i] = float32((i*7+i/5)%3-1) * 1.21875
	}
	return x
}

func k256() []float32 {
	x := make([]float32, 256)
	for i := range x {
		x[i] = float32(i*37%101-50) / 64
	}
	return x
}

// randomCodes gives n codes 0, 1, 2 from a fixed seed.
func randomCodes(n int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 0))
	codes := make([]byte, n)
	for i := range codes {
		codes[i] = byte(r.IntN(3))
	}
	return codes
}

// weights gives scale·(code-1).
func weights(codes []byte, scale float32) []float32 {
	x := make([]float32, len(codes))
	for i, c := range codes {
		x[i] = scale * float32(int(c)-1)
	}
	return x
}

func lookup(t *testing.T, typ Type) Codec {
	t.Helper()
	c, ok := Lookup(typ)
	if !ok {
		t.Fatalf("no codec for type %d", typ)
	}
	return c
}

// unhex reads hex digits, ignoring white space.
func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var (
	nan = float32(math.NaN())
	inf = float32(math.Inf(1))
)
