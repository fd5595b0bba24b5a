package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Digest is a SHA-256. Its text, also in JSON, is "sha256:" and 64 lower-case
// hexadecimal digits; the zero value is no digest and the empty text.
type Digest string

const digestPrefix = "sha256:"

// NewDigest gives the digest that a SHA-256 sum stands for.
func NewDigest(sum [sha256.Size]byte) Digest {
	return Digest(digestPrefix + hex.EncodeToString(sum[:]))
}

// ParseDigest reads a digest's text.
func ParseDigest(s string) (Digest, error) {
	d := Digest(s)
	return d, d.check()
}

func (d Digest) check() error {
	digits, ok := strings.CutPrefix(string(d), digestPrefix)
	if !ok || !isHex(digits, 2*sha256.Size) {
		return fmt.Errorf("%q is not a digest (sha256: and 64 hexadecimal digits)", string(d))
	}
	return nil
}

// Hex is the digest without its prefix.
func (d Digest) Hex() string { return strings.TrimPrefix(string(d), digestPrefix) }

// Version is the name a version gets from its content: the first 12 digits.
func (d Digest) Version() string {
	h := d.Hex()
	return h[:min(12, len(h))]
}

// isHex reports whether s is n lower-case hexadecimal digits.
func isHex(s string, n int) bool {
	return len(s) == n && strings.Trim(s, "0123456789abcdef") == ""
}
