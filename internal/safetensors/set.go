package safetensors

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

const (
	singleName = "model.safetensors"
	indexName  = "model.safetensors.index.json"
)

// Set is the weights of one model folder, in one file or sharded. It may be used
// by several goroutines at once.
type Set struct {
	root     *os.Root
	dir      string // of the model, within root
	files    []*File
	index    *watch // nil without an index
	tensors  []Tensor
	warnings []string
}

// OpenSet opens the weights in the folder dir: the files that
// model.safetensors.index.json names when it exists, else model.safetensors.
// Other files (consolidated.safetensors, model.fp16.safetensors and the like)
// hold the same weights once more, or others, and are never looked at.
//
// Symbolic links are followed within dir; in a snapshot of the Hugging Face cache,
// where all files are links, within that cache.
//
// The error wraps [fs.ErrNotExist] when the folder holds neither index nor
// model.safetensors, [ErrFormat] when a file is malformed, missing or leads out
// of the folder, or is one of the file system.
func OpenSet(dir string) (*Set, error) {
	s, err := openFolder(dir)
	if err != nil {
		return nil, err
	}
	if err := s.load(); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// openFolder opens the folder that links may not leave.
func openFolder(dir string) (*Set, error) {
	dir, err := filepath.Abs(dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return nil, err
	}
	bound := linkBound(dir)
	rel, err := filepath.Rel(bound, dir)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(bound)
	if err != nil {
		return nil, err
	}
	return &Set{root: root, dir: rel}, nil
}

func (s *Set) load() error {
	_, err := s.root.Lstat(s.path(indexName))
	if errors.Is(err, fs.ErrNotExist) {
		return s.loadSingle()
	}
	if err != nil {
		return err
	}
	return s.loadSharded()
}

func (s *Set) loadSingle() error {
	if _, err := s.root.Lstat(s.path(singleName)); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s holds neither %s nor %s: %w", filepath.Join(s.root.Name(), s.dir), singleName, indexName, fs.ErrNotExist)
	}
	f, err := s.open(singleName)
	if err != nil {
		return err
	}
	s.tensors = f.tensors
	return nil
}

// open opens one safetensors file of the folder and adds it to the set.
func (s *Set) open(name string) (*File, error) {
	f, err := openIn(s.root, s.path(name))
	if err != nil {
		return nil, s.unopened(name, err)
	}
	s.files = append(s.files, f)
	return f, nil
}

// unopened explains the error of opening a file that has to be there.
func (s *Set) unopened(name string, err error) error {
	if errors.Is(err, ErrFormat) || errors.Is(err, ErrChanged) || errors.Is(err, fs.ErrPermission) {
		return err
	}
	if info, statErr := s.root.Lstat(s.path(name)); statErr == nil && info.Mode()&fs.ModeSymlink != 0 {
		//nolint:errorlint // a dangling link is a malformed model, not a missing one
		return malformed(name, fmt.Errorf("this link leads nowhere, or out of %s: %v", s.root.Name(), err))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return malformed(name, fmt.Errorf("%s names this file, which is missing: download it", indexName))
	}
	return err
}

// path returns the path of a file of the folder within the root.
func (s *Set) path(name string) string { return filepath.Join(s.dir, name) }

// Tensors returns the tensors of the model, sorted by name bytewise.
func (s *Set) Tensors() []Tensor { return slices.Clone(s.tensors) }

// Tensor returns the tensor of that name.
func (s *Set) Tensor(name string) (Tensor, bool) { return findTensor(s.tensors, name) }

// Metadata returns the __metadata__ of all files together. Where they disagree,
// the file whose name sorts first is right.
func (s *Set) Metadata() map[string]string {
	m := map[string]string{}
	for _, f := range slices.Backward(s.files) {
		maps.Copy(m, f.metadata)
	}
	return m
}

// Warnings lists what is odd but not wrong: tensors and shards that the index
// does not name.
func (s *Set) Warnings() []string { return slices.Clone(s.warnings) }

// CheckUnchanged returns an error that wraps [ErrChanged] when a file or the
// index was replaced, resized or written to since OpenSet. Call it after reading.
func (s *Set) CheckUnchanged() error {
	if s.index != nil {
		if err := s.index.check(); err != nil {
			return err
		}
	}
	for _, f := range s.files {
		if err := f.CheckUnchanged(); err != nil {
			return err
		}
	}
	return nil
}

// Close closes all files.
func (s *Set) Close() error {
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(append(errs, s.root.Close())...)
}
