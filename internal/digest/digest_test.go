package digest

import (
	"bytes"
	"crypto/sha256"
	"math/rand/v2"
	"testing"
)

// TestPair compares with the standard library, for blocks of every length
// about the borders of the padding, and for sequences.
func TestPair(t *testing.T) {
	if !Fast() {
		t.Log("two digests of the standard library are tested")
	}
	data := make([]byte, 1<<16+300)
	rand.NewChaCha8([32]byte{1}).Read(data)
	for n := range 300 {
		for _, before := range []int{0, 64, 128, 1 << 16} {
			p := New()
			if before > 0 {
				if got := p.Block(data[:before]); got != sha256.Sum256(data[:before]) {
					t.Fatalf("block of %d bytes: %x", before, got)
				}
			}
			block := data[before : before+n]
			if got := p.Block(block); got != sha256.Sum256(block) {
				t.Fatalf("block of %d bytes: %x", n, got)
			}
			if got := p.Sum(); got != sha256.Sum256(data[:before+n]) {
				t.Fatalf("%d and %d bytes: %x", before, n, got)
			}
		}
	}
	// Unaligned, and many blocks.
	p := New()
	for i := range 100 {
		p.Block(data[1+64*i : 1+64*(i+1)])
	}
	if got := p.Sum(); got != sha256.Sum256(data[1:6401]) {
		t.Errorf("100 blocks: %x", got)
	}
	if got := New().Sum(); got != sha256.Sum256(nil) {
		t.Errorf("nothing: %x", got)
	}
}

// TestPairPortable runs what other machines run.
func TestPairPortable(t *testing.T) {
	p := &Pair{whole: sha256.New()}
	a, b := bytes.Repeat([]byte("a"), 64), []byte("b")
	if p.Block(a) != sha256.Sum256(a) || p.Block(b) != sha256.Sum256(b) || p.Sum() != sha256.Sum256(append(a, b...)) {
		t.Error("wrong sum")
	}
}

func BenchmarkPair(b *testing.B) {
	data := make([]byte, 1<<20)
	b.Run("pair", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		p := New()
		for b.Loop() {
			p.Block(data)
		}
	})
	b.Run("two", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		h := sha256.New()
		for b.Loop() {
			h.Write(data)
			sha256.Sum256(data)
		}
	})
}
