package convert

import (
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"hash"
)

// hashes takes the SHA-256 of one message, or of two of the same length at once,
// which a processor can do faster than one after the other.
type hashes struct {
	std    []hash.Hash // takes what is left after the last whole block
	states [2][8]uint32
	n      uint64 // bytes of a message in states
}

// newHash begins with one message or two. Two need the kernel Hash2.
func newHash(messages int) *hashes {
	h := &hashes{}
	for i := range messages {
		h.std = append(h.std, sha256.New())
		h.states[i] = sha256Start
	}
	return h
}

// write takes the next part of each message, of the same length. All but the
// last are multiples of 64 bytes long.
func (h *hashes) write(parts [][]byte) {
	if len(h.std) == 1 {
		h.std[0].Write(parts[0])
		return
	}
	whole := len(parts[0]) / sha256.BlockSize * sha256.BlockSize
	fast().Hash2(&h.states, parts[0][:whole], parts[1][:whole])
	h.n += uint64(whole)
	if whole == len(parts[0]) {
		return
	}
	for i, part := range parts {
		h.resume(i)
		h.std[i].Write(part[whole:])
	}
	h.n = 0 // all is in std now
}

// sum gives the digest of message i.
func (h *hashes) sum(i int) []byte {
	if h.n > 0 {
		h.resume(i)
	}
	return h.std[i].Sum(nil)
}

// sha256Start is the initial state of FIPS 180-4, section 5.3.3.
var sha256Start = [8]uint32{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}

// resume hands a message over to the standard library, in the form in which it
// stores a state (crypto/sha256, since Go 1.10): a name, the words, a block of
// which nothing is filled, and the number of bytes.
func (h *hashes) resume(i int) {
	b := []byte("sha\x03")
	for _, w := range h.states[i] {
		b = binary.BigEndian.AppendUint32(b, w)
	}
	b = append(b, make([]byte, sha256.BlockSize)...)
	b = binary.BigEndian.AppendUint64(b, h.n)
	if err := h.std[i].(encoding.BinaryUnmarshaler).UnmarshalBinary(b); err != nil {
		panic("crypto/sha256 stores its state in another form: " + err.Error()) // tests would have noticed
	}
}
