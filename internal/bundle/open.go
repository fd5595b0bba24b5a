package bundle

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
)

// File is a bundle on the disk, in one file or in parts.
type File struct {
	io.Reader
	files []*os.File
	next  string // the part that would follow the last, "" if there are no parts
}

var partPattern = regexp.MustCompile(`^(.+)\.(\d{3})$`)

// Open opens a bundle by its name, or by that of its first part. All parts are
// found and their order is checked: one that is missing between others, is
// another's, or is cut is [ErrFormat] and named. The caller closes it.
func Open(name string) (*File, error) {
	first, err := openPlain(name)
	if errors.Is(err, fs.ErrNotExist) {
		if f, perr := openPlain(partName(name, 1)); perr == nil {
			return openParts(name, f)
		}
	}
	if err != nil {
		return nil, err
	}
	h, ok := readPartHeader(first)
	m := partPattern.FindStringSubmatch(name)
	switch {
	case ok && h.number != 1 && m != nil && m[2] != "001":
		first.Close()
		return nil, fmt.Errorf("%w: %s is part %d; begin with the first, %s", ErrFormat, name, h.number, partName(m[1], 1))
	case ok && m != nil:
		return openParts(m[1], first)
	}
	if _, err := first.Seek(0, io.SeekStart); err != nil {
		first.Close()
		return nil, err
	}
	return &File{Reader: first, files: []*os.File{first}}, nil
}

// openPlain opens a file, and waits for nothing but that: a pipe has to come
// by way of standard input.
func openPlain(name string) (*os.File, error) {
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: %s is no plain file", ErrFormat, name)
	}
	if err != nil {
		return nil, err
	}
	return os.Open(name)
}

// openParts opens all parts, the first of which is open.
func openParts(name string, first *os.File) (_ *File, err error) {
	b := &File{files: []*os.File{first}}
	defer func() {
		if err != nil {
			b.Close() //nolint:errcheck // files that were read
		}
	}()
	for n := 2; n <= maxParts; n++ {
		f, err := openPlain(partName(name, n))
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return nil, err
		}
		b.files = append(b.files, f)
	}
	for n := len(b.files) + 2; n <= maxParts; n++ {
		if _, err := os.Lstat(partName(name, n)); err == nil {
			return nil, fmt.Errorf("%w: the part %s is missing", ErrFormat, partName(name, len(b.files)+1))
		}
	}
	b.next = partName(name, len(b.files)+1)
	var readers []io.Reader
	var same partHeader
	var before int64
	for i, f := range b.files {
		if err := checkPart(f, i+1, before, &same); err != nil {
			return nil, err
		}
		info, err := f.Stat()
		if err != nil {
			return nil, err
		}
		before += info.Size()
		readers = append(readers, f)
	}
	b.Reader = io.MultiReader(readers...)
	return b, nil
}

// checkPart compares the header of a part with its place. same is that of the
// first one.
func checkPart(f *os.File, number int, before int64, same *partHeader) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	h, ok := readPartHeader(f)
	if number == 1 {
		*same = h
	}
	switch {
	case !ok:
		return fmt.Errorf("%w: %s does not begin as a part", ErrFormat, f.Name())
	case h.number != uint64(number):
		return fmt.Errorf("%w: %s is part %d, not %d", ErrFormat, f.Name(), h.number, number)
	case h.manifest != same.manifest:
		return fmt.Errorf("%w: %s is a part of another bundle than the first", ErrFormat, f.Name())
	case h.before != uint64(before):
		return fmt.Errorf("%w: the parts before %s have %d bytes, not %d", ErrFormat, f.Name(), before, h.before)
	}
	return nil
}

// Close closes all parts.
func (b *File) Close() error {
	var errs []error
	for _, f := range b.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
