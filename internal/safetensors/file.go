package safetensors

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
)

// ErrFormat is wrapped by the error for a file or an index that is malformed,
// incomplete, or beyond the limits of this package.
var ErrFormat = errors.New("malformed safetensors")

// File is one safetensors file, its header read and checked. It may be used by
// several goroutines at once.
type File struct {
	tensors  []Tensor // by name
	metadata map[string]string
	watch    *watch    // nil without a path
	closer   io.Closer // nil when the reader is the caller's
}

// Open opens the file at path, which the caller closes. Errors are those of
// [NewFile] or an [fs.PathError].
func Open(path string) (*File, error) { return openIn(hostFS{}, path) }

func openIn(in folder, path string) (*File, error) {
	r, w, err := openRegular(in, path)
	if err != nil {
		return nil, err
	}
	f, err := NewFile(r, w.opened.Size(), filepath.Base(path))
	if err != nil {
		r.Close()
		return nil, err
	}
	f.watch, f.closer = w, r
	return f, nil
}

// NewFile reads and checks the header of the size bytes at r and reads nothing
// else. name stands for the file in errors and in [Tensor.File]. The tensors
// read from r as long as they are in use; closing r is up to the caller.
//
// An error wraps [ErrFormat], or [ErrChanged] when r holds less than size bytes,
// or what r returned.
func NewFile(r io.ReaderAt, size int64, name string) (*File, error) {
	src := &source{r: r, size: size, name: name}
	text, err := readHeader(src)
	if err != nil {
		return nil, err
	}
	tensors, metadata, err := parseHeader(text, lengthSize)
	if err != nil {
		return nil, malformed(name, err)
	}
	if err := checkNames(tensors); err != nil {
		return nil, malformed(name, err)
	}
	start := lengthSize + int64(len(text))
	if err := checkLayout(tensors, size-start); err != nil {
		return nil, malformed(name, err)
	}
	for i := range tensors {
		t := &tensors[i]
		t.Offset += start
		t.File, t.src = name, src
	}
	sortByName(tensors)
	return &File{tensors: tensors, metadata: metadata}, nil
}

// malformed makes the error for the content of the file called name.
func malformed(name string, err error) error {
	return fmt.Errorf("%s: %w: %w", name, ErrFormat, err)
}

// Tensors returns all tensors, sorted by name bytewise.
func (f *File) Tensors() []Tensor { return slices.Clone(f.tensors) }

// Tensor returns the tensor of that name.
func (f *File) Tensor(name string) (Tensor, bool) { return findTensor(f.tensors, name) }

// Metadata returns the entries of __metadata__, such as "format": "pt". It may
// be empty.
func (f *File) Metadata() map[string]string { return maps.Clone(f.metadata) }

// CheckUnchanged returns an error that wraps [ErrChanged] when the path given to
// [Open] leads to another file now, or when size or modification time differ.
// Call it after reading. A File made by [NewFile] has no path and passes.
func (f *File) CheckUnchanged() error {
	if f.watch == nil {
		return nil
	}
	return f.watch.check()
}

// Close closes what Open opened.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}
