package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"unicode/utf8"
)

// lengthSize is the size of the header length that starts a file, in bytes.
const lengthSize = 8

// readHeader reads the header text, after checking that its length is possible.
func readHeader(src *source) ([]byte, error) {
	if src.size < lengthSize {
		return nil, src.malformed("%d bytes are too few for a header length: download the file again", src.size)
	}
	start := make([]byte, min(src.size, 64))
	if _, err := src.ReadAt(start, 0); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(start)
	switch {
	case n > formatMaxHeader:
		return nil, src.malformed("offset 0: a header of %d bytes, while the format allows %d%s", n, formatMaxHeader, mistaken(start))
	case n > uint64(src.size-lengthSize):
		return nil, src.malformed("offset 0: a header of %d bytes in a file of %d: incomplete, download it again", n, src.size)
	case n > maxHeader:
		return nil, src.malformed("offset 0: a header of %d bytes, while our limit is %d (the format allows %d)", n, maxHeader, formatMaxHeader)
	case n < uint64(len("{}")):
		return nil, src.malformed("offset 0: a header of %d bytes is too short to be JSON", n)
	}
	text := make([]byte, n)
	if _, err := src.ReadAt(text, lengthSize); err != nil {
		return nil, err
	}
	if text[0] != '{' {
		return nil, src.malformed("offset %d: the header starts with byte %#02x where '{' is expected", lengthSize, text[0])
	}
	if !utf8.Valid(text) {
		return nil, src.malformed("offset %d: the header is not valid UTF-8", lengthSize+invalidUTF8(text))
	}
	return text, nil
}

// mistaken says what text or bytes of another format look like. The header
// length read from any of them is beyond the limit of the format.
func mistaken(start []byte) string {
	start = bytes.ToLower(bytes.TrimLeft(start[:min(len(start), 64)], " \t\r\n"))
	for _, known := range [...]struct{ prefix, hint string }{
		{"version https://git-lfs", "a Git LFS pointer instead of the file: run 'git lfs pull', or download it"},
		{"<!doctype", "an HTML page instead of the file: download it again, and log in if the model is gated"},
		{"<html", "an HTML page instead of the file: download it again, and log in if the model is gated"},
		{"<?xml", "an XML message instead of the file: download it again"},
		{"{", "JSON text instead of the file, perhaps an error message: download it again"},
		{"pk\x03\x04", "a zip archive, perhaps a PyTorch pickle, which this tool never opens"},
		{"gguf", "a GGUF file"},
	} {
		if bytes.HasPrefix(start, []byte(known.prefix)) {
			return "; this looks like " + known.hint
		}
	}
	return ""
}

// invalidUTF8 returns the index of the first byte that is not valid UTF-8.
func invalidUTF8(text []byte) int {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(text)
}

// checkLayout proves that the tensors cover the data bytes from first to last,
// each byte once, and that each range is what shape and type need. No holes and
// no sharing: every byte of the file has one meaning. It sorts by offset.
func checkLayout(tensors []Tensor, data int64) error {
	slices.SortFunc(tensors, func(a, b Tensor) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.size, b.size))
	})
	end, last := int64(0), ""
	for i := range tensors {
		t := &tensors[i]
		switch {
		case t.Offset < end:
			return fmt.Errorf("tensor %.80q: data offset %d lies inside tensor %.80q, which ends at %d", t.Name, t.Offset, last, end)
		case t.Offset > end:
			return fmt.Errorf("tensor %.80q: data offset %d leaves a hole of %d bytes before it", t.Name, t.Offset, t.Offset-end)
		}
		need, err := dataSize(t.Shape, t.DType)
		if err != nil {
			return fmt.Errorf("tensor %.80q: %w", t.Name, err)
		}
		if t.size != need {
			return fmt.Errorf("tensor %.80q: shape %v of %v needs %d bytes, data_offsets hold %d", t.Name, t.Shape, t.DType, need, t.size)
		}
		end, last = t.Offset+t.size, t.Name
	}
	switch {
	case end > data:
		return fmt.Errorf("tensor %.80q ends %d bytes beyond the end of the file: incomplete, download it again", last, end-data)
	case end < data:
		return fmt.Errorf("%d bytes follow the last tensor", data-end)
	}
	return nil
}
