// Package mmap makes a file's bytes readable in place. Call [Map] with an open
// file; [Mapping.Bytes] is the file until [Mapping.Close].
//
// The bytes are the file's, not a copy: if another process shortens it, reading
// beyond the new end is a memory fault. A goroutine that has called
// debug.SetPanicOnFault can recover from it. Where a system has no mapping
// that this package knows, the file is read into memory instead.
package mmap

import (
	"errors"
	"fmt"
	"os"
)

// Mapping is a read-only view of a file.
type Mapping struct{ data []byte }

// Map maps the whole of f as long as it is now. The file may be closed
// afterwards.
func Map(f *os.File) (*Mapping, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	size := st.Size()
	switch {
	case !st.Mode().IsRegular():
		return nil, &os.PathError{Op: "mmap", Path: f.Name(), Err: errors.New("not a regular file")}
	case size == 0: // which systems refuse to map
		return &Mapping{}, nil
	case int64(int(size)) != size:
		return nil, &os.PathError{Op: "mmap", Path: f.Name(), Err: fmt.Errorf("%d bytes are more than this system can address", size)}
	}
	data, err := view(f, int(size))
	if err != nil {
		return nil, &os.PathError{Op: "mmap", Path: f.Name(), Err: err}
	}
	return &Mapping{data}, nil
}

// Bytes gives the file's bytes. Writing to them is a fault; they must not be
// touched after Close.
func (m *Mapping) Bytes() []byte { return m.data }

// Close gives the memory back. Closing twice is no error.
func (m *Mapping) Close() error {
	data := m.data
	m.data = nil
	if data == nil {
		return nil
	}
	return release(data)
}
