package gguf

import (
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
)

// The keys of a part of a split model: its number from 0, the number of parts,
// and the number of tensors of all parts together (llama.cpp
// examples/gguf-split, c392e509).
const (
	splitNoKey      = "split.no"
	splitCountKey   = "split.count"
	splitTensorsKey = "split.tensors.count"
)

// Errors about models that are split over several files.
var (
	ErrParts    = errors.New("incomplete set of parts") // some are missing or do not belong together
	ErrNotFirst = errors.New("not a whole model")       // another part than the first, which stands for all
)

// PartName gives the file name of part no, from 0, of a split model: the only
// pattern that loaders know (llama.cpp src/llama.cpp llama_split_path,
// c392e509).
func PartName(prefix string, no, count int) string {
	return fmt.Sprintf("%s-%05d-of-%05d.gguf", prefix, no+1, count)
}

var partPattern = regexp.MustCompile(`^(.+)-(\d{5})-of-(\d{5})\.gguf$`)

// ParsePartName takes the name of a part apart; no counts from 0.
func ParsePartName(path string) (prefix string, no, count int, ok bool) {
	m := partPattern.FindStringSubmatch(filepath.Base(path))
	if m == nil {
		return "", 0, 0, false
	}
	no, _ = strconv.Atoi(m[2]) // five digits
	count, _ = strconv.Atoi(m[3])
	if no < 1 || no > count {
		return "", 0, 0, false
	}
	return filepath.Join(filepath.Dir(path), m[1]), no - 1, count, true
}

// Parts gives the number of files the model is in by its metadata, 1 for most.
func (f *File) Parts() int {
	if n, ok := f.Meta.Int(splitCountKey); ok && n > 1 {
		return n
	}
	return 1
}

// OpenModel opens a whole model: the file at path, or if that is the first part
// of a split one, all its parts, which are then read as if they were merged
// ([File.Files] gives them). Close releases them all. Errors about the parts wrap
// [ErrParts], and that about another part than the first [ErrNotFirst].
func OpenModel(path string) (*File, error) {
	first, err := Open(path)
	if err != nil || first.Parts() == 1 {
		return first, err
	}
	parts, err := openParts(path, first)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), parts.Close())
	}
	f, err := parts.merge()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), parts.Close())
	}
	return f, nil
}

// Files gives the files behind f in order: the parts that [OpenModel] put
// together, else f alone.
func (f *File) Files() []*File {
	if p, ok := f.closer.(parts); ok {
		return p
	}
	return []*File{f}
}

// Place gives where the data of a tensor of f is: the one of [File.Files], and
// the offset from its start.
func (f *File) Place(t Tensor) (*File, int64) {
	off := f.DataOffset + t.Offset
	if j, ok := f.r.(*joined); ok {
		if i := j.from(off); i < len(j.pieces) {
			return j.pieces[i].from, j.pieces[i].at + off - j.pieces[i].off
		}
	}
	return f, off
}

// parts are the files of a split model in order.
type parts []*File

// Close closes all parts.
func (p parts) Close() error {
	var errs []error
	for _, f := range p {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// openParts opens the parts that belong to the first one. What it has opened is
// returned even with an error.
func openParts(path string, first *File) (parts, error) {
	p := parts{first}
	prefix, no, count, ok := ParsePartName(path)
	switch {
	case !ok:
		return p, fmt.Errorf("%w: one of %d parts, but not named NAME-00001-of-%05d.gguf, so the others cannot be found", ErrParts, first.Parts(), first.Parts())
	case count != first.Parts():
		return p, fmt.Errorf("%w: named as one of %d parts, but key %s says %d", ErrParts, count, splitCountKey, first.Parts())
	case no != 0:
		return p, fmt.Errorf("%w: part %d of %d; name the first, %s", ErrNotFirst, no+1, count, PartName(prefix, 0, count))
	}
	for i := 1; i < count; i++ {
		f, err := Open(PartName(prefix, i, count))
		if err != nil {
			return p, fmt.Errorf("%w: %w", ErrParts, err)
		}
		p = append(p, f)
	}
	return p, p.check()
}

// check compares what the parts say of themselves.
func (p parts) check() error {
	tensors := 0
	for i, f := range p {
		if no, ok := f.Meta.Int(splitNoKey); !ok || no != i {
			return fmt.Errorf("%w: key %s of part %d says %d", ErrParts, splitNoKey, i+1, no)
		}
		if f.Parts() != len(p) {
			return fmt.Errorf("%w: key %s of part %d says %d, that of the first %d", ErrParts, splitCountKey, i+1, f.Parts(), len(p))
		}
		if f.Alignment != p[0].Alignment || f.Version != p[0].Version || f.ByteOrder != p[0].ByteOrder {
			return fmt.Errorf("%w: part %d differs from the first in version, byte order or alignment", ErrParts, i+1)
		}
		tensors += len(f.Tensors)
	}
	if n, ok := p[0].Meta.Int(splitTensorsKey); ok && n != tensors {
		return fmt.Errorf("%w: the parts have %d tensors, key %s says %d", ErrParts, tensors, splitTensorsKey, n)
	}
	return nil
}

// merge lays the parts out as one file and reads that.
func (p parts) merge() (*File, error) {
	var m Meta
	for k, v := range p[0].Meta.All() {
		if k != splitNoKey && k != splitCountKey && k != splitTensorsKey {
			m.Set(k, v)
		}
	}
	var ts []Tensor
	var from []*File
	for _, f := range p {
		for _, t := range f.Tensors {
			ts, from = append(ts, t), append(from, f)
		}
	}
	l, err := LayoutOf(&m, ts)
	if err != nil {
		return nil, err
	}
	r := &joined{header: l.Header, size: l.FileSize}
	for i, t := range l.Tensors {
		r.pieces = append(r.pieces, span{
			off: l.DataOffset + t.Offset, size: t.Size,
			from: from[i], at: from[i].DataOffset + ts[i].Offset,
		})
	}
	f, err := NewFile(r, l.FileSize)
	if err != nil {
		return nil, err
	}
	f.closer = p
	return f, nil
}

// joined reads parts as one file: a header of its own, tensors from where they
// are, zeros between them.
type joined struct {
	header []byte
	pieces []span // in order
	size   int64
}

type span struct {
	off, size int64 // in the joined file
	from      *File
	at        int64 // in the part's file
}

// ReadAt implements [io.ReaderAt].
func (j *joined) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off > math.MaxInt64-int64(len(p)) {
		return 0, fmt.Errorf("read at offset %d", off)
	}
	n := 0
	for n < len(p) && off+int64(n) < j.size {
		k, err := j.some(p[n:], off+int64(n))
		n += k
		if err != nil {
			return n, err
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// from gives the index of the first piece that ends behind an offset.
func (j *joined) from(off int64) int {
	return sort.Search(len(j.pieces), func(i int) bool { return j.pieces[i].off+j.pieces[i].size > off })
}

// some reads from the piece at off, at least one byte of the file.
func (j *joined) some(p []byte, off int64) (int, error) {
	if off < int64(len(j.header)) {
		return copy(p, j.header[off:]), nil
	}
	i := j.from(off)
	if i == len(j.pieces) || off < j.pieces[i].off {
		end := j.size // padding
		if i < len(j.pieces) {
			end = j.pieces[i].off
		}
		p = p[:min(int64(len(p)), end-off)]
		clear(p)
		return len(p), nil
	}
	x := j.pieces[i]
	p = p[:min(int64(len(p)), x.off+x.size-off)]
	n, err := x.from.r.ReadAt(p, x.at+off-x.off)
	if n == len(p) {
		return n, nil
	}
	return n, changed(err)
}
