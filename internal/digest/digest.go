// Package digest computes two SHA-256 sums for little more than the price of
// one. A [Pair] is for two digests of the same bytes: that of each block, and
// that of all. [Messages] is for two messages of one length. Give either the
// bytes in order, and ask for the sums at the end.
//
// The SHA extensions of amd64 wait for their own results most of the time, so
// two digests that run side by side hide each other's waiting. Elsewhere they are
// digests of the standard library, one after the other; [Fast] tells.
package digest

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

//go:generate go -C _asm run . -pkg digest -out ../block_amd64.s -stubs ../block_amd64.go

// Pair is the digest of a sequence of blocks. Use [New].
type Pair struct {
	whole hash.Hash // nil if block2 is there

	state  [8]uint32
	length uint64 // bytes so far
	rest   []byte // of the last block, less than 64 bytes
}

// New begins a sequence.
func New() *Pair {
	if Fast() {
		return &Pair{state: initial}
	}
	return &Pair{whole: sha256.New()}
}

// Fast reports whether two digests are cheaper here than one after the other.
func Fast() bool { return fast }

// Block adds a block to the sequence and returns its own SHA-256. The length
// of all blocks but the last must be a multiple of 64 bytes.
func (p *Pair) Block(b []byte) [sha256.Size]byte {
	if p.whole != nil {
		p.whole.Write(b)
		return sha256.Sum256(b)
	}
	if len(p.rest) > 0 {
		panic("digest: a block follows one of odd length")
	}
	own, full := initial, len(b)&^(sha256.BlockSize-1)
	block2(&p.state, &own, b[:full])
	p.length += uint64(len(b))
	p.rest = append(p.rest, b[full:]...)
	return finish(own, b[full:], uint64(len(b)))
}

// Sum is the SHA-256 of all blocks.
func (p *Pair) Sum() [sha256.Size]byte {
	if p.whole != nil {
		return [sha256.Size]byte(p.whole.Sum(nil))
	}
	return finish(p.state, p.rest, p.length)
}

// initial is the state before the first block (FIPS 180-4 §5.3.3).
var initial = [8]uint32{
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
}

// finish pads the rest of a message of length bytes (FIPS 180-4 §5.1.1).
func finish(state [8]uint32, rest []byte, length uint64) (sum [sha256.Size]byte) {
	var tail [2 * sha256.BlockSize]byte
	n := copy(tail[:], rest)
	tail[n] = 0x80
	end := sha256.BlockSize
	if n+1+8 > end {
		end = len(tail)
	}
	binary.BigEndian.PutUint64(tail[end-8:], length<<3)
	var other [8]uint32
	block2(&state, &other, tail[:end])
	for i, word := range state {
		binary.BigEndian.PutUint32(sum[4*i:], word)
	}
	return sum
}
