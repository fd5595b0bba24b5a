package digest

import (
	"crypto/sha256"
	"hash"
)

// Messages is the digest of one message, or of two of the same length. Use
// [NewMessages].
type Messages struct {
	std []hash.Hash // one a message; nil if messages2 does it

	state  [2][8]uint32
	length uint64    // bytes of a message so far
	rest   [2][]byte // the last of them, less than 64
}

// NewMessages begins n messages, one or two.
func NewMessages(n int) *Messages {
	m := &Messages{}
	if n == 2 && Fast() {
		m.state = [2][8]uint32{initial, initial}
		return m
	}
	for range n {
		m.std = append(m.std, sha256.New())
	}
	return m
}

// Write adds the next part of each message, all of the same length. That of all
// parts but the last must be a multiple of 64 bytes.
func (m *Messages) Write(parts [][]byte) {
	for i, h := range m.std {
		h.Write(parts[i])
	}
	if m.std != nil {
		return
	}
	a, b := parts[0], parts[1]
	if len(a) != len(b) {
		panic("digest: parts of different lengths")
	}
	if len(m.rest[0]) > 0 && len(a) > 0 {
		panic("digest: a part follows one of odd length")
	}
	full := len(a) &^ (sha256.BlockSize - 1)
	messages2(&m.state[0], &m.state[1], a[:full], b[:full])
	m.length += uint64(len(a))
	for i, part := range parts {
		m.rest[i] = append(m.rest[i], part[full:]...)
	}
}

// Sum gives the digest of message i.
func (m *Messages) Sum(i int) [sha256.Size]byte {
	if m.std != nil {
		return [sha256.Size]byte(m.std[i].Sum(nil))
	}
	return finish(m.state[i], m.rest[i], m.length)
}
