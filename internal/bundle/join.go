package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// join makes one stream of all copies.
func (b *File) join() error {
	first := b.copies[0]
	for _, d := range b.copies[1:] {
		if d.whole != first.whole {
			return fmt.Errorf("%w: of %s and %s one is in parts and the other is not; cat puts parts together", ErrFormat, first.name, d.name)
		}
	}
	if first.whole {
		s := &span{size: unknown}
		for _, d := range b.copies {
			s.files = append(s.files, d.parts[0])
		}
		b.Reader = &spans{left: []*span{s}}
		return sameBeginning(s.files)
	}
	var all []*span
	for i := 0; ; i++ {
		s, last, err := b.part(i)
		if err != nil {
			return err
		}
		if last {
			b.next = partName(first.name, i+1)
			break
		}
		if i > 0 {
			if err := all[i-1].endsBefore(s); err != nil {
				return err
			}
		}
		all = append(all, s)
	}
	b.Reader = &spans{left: all}
	return nil
}

// part gathers the copies of one part, by its index, and compares their headers
// with the place they have; last tells that neither it nor one behind it is
// there.
func (b *File) part(index int) (s *span, last bool, err error) {
	s, last = &span{size: unknown}, true
	for _, d := range b.copies {
		last = last && index >= len(d.parts)
		if index >= len(d.parts) || d.parts[index] == nil {
			continue
		}
		f := d.parts[index]
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, false, err
		}
		h, ok := readPartHeader(f)
		if index == 0 && len(s.files) == 0 {
			b.first = h
		}
		switch {
		case !ok:
			return nil, false, fmt.Errorf("%w: %s does not begin as a part", ErrFormat, f.Name())
		case h.number != uint64(index+1):
			return nil, false, fmt.Errorf("%w: %s is part %d, not %d", ErrFormat, f.Name(), h.number, index+1)
		case h.manifest != b.first.manifest:
			return nil, false, fmt.Errorf("%w: %s is a part of another bundle than the first", ErrFormat, f.Name())
		case len(s.files) > 0 && h.before != s.header.before:
			return nil, false, fmt.Errorf("%w: %s and %s are of parts of different sizes", ErrFormat, s.files[0].Name(), f.Name())
		}
		s.files, s.header = append(s.files, f), h
	}
	if !last && len(s.files) == 0 {
		return nil, false, fmt.Errorf("%w: the part %s is missing", ErrCut, partName(b.copies[0].name, index+1))
	}
	return s, last, nil
}

// sameBeginning compares the first bytes of copies, which differ where the
// manifests do.
func sameBeginning(files []*os.File) error {
	const enough = 4096
	var first []byte
	for i, f := range files {
		b := make([]byte, enough)
		n, err := f.ReadAt(b, 0)
		if err != nil && !errors.Is(err, io.EOF) {
			continue // another one may have it
		}
		b = b[:n]
		if i == 0 {
			first = b
		}
		if k := min(len(first), n); !bytes.Equal(first[:k], b[:k]) {
			return fmt.Errorf("%w: %s is no copy of %s", ErrFormat, f.Name(), files[0].Name())
		}
	}
	return nil
}

// span is a part of a bundle, or all of it, that each of the files should hold.
type span struct {
	files  []*os.File
	header partHeader
	size   int64 // in bytes, or unknown
}

const unknown = -1

// endsBefore sets the size of a part by what the header of the next one says.
func (s *span) endsBefore(next *span) error {
	const most = 1 << 62
	if next.header.before <= s.header.before || next.header.before > most {
		return fmt.Errorf("%w: what %s and %s say of the parts before them cannot be", ErrFormat, s.files[0].Name(), next.files[0].Name())
	}
	s.size = int64(next.header.before - s.header.before)
	longest := int64(0)
	for _, f := range s.files {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		if longest = max(longest, info.Size()); longest > s.size {
			return fmt.Errorf("%w: the part %s has %d bytes and not %d, as %s says", ErrFormat, f.Name(), longest, s.size, next.files[0].Name())
		}
	}
	if longest < s.size {
		return fmt.Errorf("%w: the part %s has %d of the %d bytes that %s says", ErrCut, s.files[0].Name(), longest, s.size, next.files[0].Name())
	}
	return nil
}

// spans reads one after another, each from whichever of its files gives more.
type spans struct {
	left []*span
	at   int64 // in the first of left
}

func (r *spans) Read(p []byte) (int, error) {
	for len(r.left) > 0 {
		s, room := r.left[0], int64(len(p))
		if s.size != unknown {
			room = min(room, s.size-r.at)
		}
		n, err := s.read(p[:room], r.at)
		if n > 0 || err != nil || len(p) == 0 {
			r.at += int64(n)
			return n, err
		}
		r.left, r.at = r.left[1:], 0
	}
	return 0, io.EOF
}

// read gives what one of the files has at an offset. The one that gave it is
// asked first the next time. Nothing and no error is the end.
func (s *span) read(p []byte, at int64) (int, error) {
	var failed error
	for i, f := range s.files {
		n, err := f.ReadAt(p, at)
		if n > 0 {
			s.files[0], s.files[i] = s.files[i], s.files[0]
			return n, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			failed = errors.Join(failed, err)
		}
	}
	return 0, failed
}
