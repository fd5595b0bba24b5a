package hubtest

import (
	"io"
	"strings"
)

// Content is the bytes of a file.
type Content interface {
	io.ReaderAt
	Size() int64
}

// Bytes is a content in memory.
func Bytes(s string) Content { return strings.NewReader(s) }

// Random is size bytes that look random and depend on seed, made as they are
// read, so that a test can serve more than it can hold.
func Random(seed uint64, size int64) Content { return random{seed, size} }

type random struct {
	seed uint64
	size int64
}

func (r random) Size() int64 { return r.size }

// ReadAt fills p with words of splitmix64 counted by their offset.
func (r random) ReadAt(p []byte, off int64) (int, error) {
	if off >= r.size {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), r.size-off))
	for i := 0; i < n; {
		word := mix(r.seed + uint64(off+int64(i))/8)
		k := int(off+int64(i)) % 8
		for word >>= 8 * k; k < 8 && i < n; k++ {
			p[i] = byte(word)
			word >>= 8
			i++
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// mix is the output function of splitmix64 (Steele, Lea, Flood 2014).
func mix(x uint64) uint64 {
	x *= 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func reader(c Content) io.Reader { return io.NewSectionReader(c, 0, c.Size()) }

// flipped is a content with one bit wrong.
type flipped struct {
	Content
	at int64
}

func (f flipped) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.Content.ReadAt(p, off)
	if i := f.at - off; i >= 0 && i < int64(n) {
		p[i] ^= 1
	}
	return n, err
}
