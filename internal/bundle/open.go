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
	copies []*onDisk
	first  partHeader
	next   string // the part that would follow the last, "" if there are no parts
}

var partPattern = regexp.MustCompile(`^(.+)\.(\d{3})$`)

// Open opens a bundle by its name, or by that of its first part. All parts are
// found and their order is checked: one that is missing between others is
// [ErrCut], one that is another's or has another size is [ErrFormat], and named.
// The caller closes the bundle.
//
// More names are those of other copies of it, any of which may be cut, lack
// parts, or be on a disk that does not give all of it back: where one ends
// another goes on.
func Open(name string, more ...string) (_ *File, err error) {
	b := &File{}
	defer func() {
		if err != nil {
			b.Close() //nolint:errcheck // files that were read
		}
	}()
	for i, name := range append([]string{name}, more...) {
		d, err := openDisk(name, i == 0)
		if err != nil {
			return nil, err
		}
		b.copies = append(b.copies, d)
	}
	return b, b.join()
}

// Close closes all files.
func (b *File) Close() error {
	var errs []error
	for _, d := range b.copies {
		errs = append(errs, d.close())
	}
	return errors.Join(errs...)
}

// onDisk is one copy of a bundle.
type onDisk struct {
	name  string     // without the number of a part
	parts []*os.File // nil where one is missing; the file, if there are no parts
	whole bool       // there are no parts
}

func openDisk(name string, first bool) (*onDisk, error) {
	f, err := openPlain(name)
	if errors.Is(err, fs.ErrNotExist) {
		if d, perr := openParts(name); perr != nil || len(d.parts) > 0 {
			return d, perr
		}
	}
	if err != nil {
		return nil, err
	}
	h, ok := readPartHeader(f)
	m := partPattern.FindStringSubmatch(name)
	if !ok || m == nil {
		return &onDisk{name: name, parts: []*os.File{f}, whole: true}, nil
	}
	f.Close()
	if first && h.number != 1 && m[2] != "001" {
		return nil, fmt.Errorf("%w: %s is part %d; begin with the first, %s", ErrFormat, name, h.number, partName(m[1], 1))
	}
	return openParts(m[1])
}

// openParts opens all parts that there are.
func openParts(name string) (*onDisk, error) {
	d := &onDisk{name: name}
	for n := 1; n <= maxParts; n++ {
		f, err := openPlain(partName(name, n))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, errors.Join(err, d.close())
		}
		d.parts = append(d.parts, make([]*os.File, n-len(d.parts))...)
		d.parts[n-1] = f
	}
	return d, nil
}

func (d *onDisk) close() error {
	var errs []error
	for _, f := range d.parts {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
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
