package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/akadata/bitnet-tool/internal/demo"
)

// hostile is one malformed model.
type hostile struct {
	name string // of the file or folder; a file ends in .gguf
	want string // what the refusal must mention
	data []byte // of a GGUF file

	// Of a folder: the file that is spoilt, and with what. The rest is the demo
	// model.
	file  string
	spoil func(good []byte) []byte
}

// corpus lists all cases.
func corpus() []hostile {
	return append(append(ggufCases(), safetensorsCases()...), textCases()...)
}

// write makes the corpus in dir and gives the number of cases.
func write(dir string) (int, error) {
	good := filepath.Join(dir, "good")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, err
	}
	if err := demo.Extract(good); err != nil {
		return 0, err
	}
	all := corpus()
	for _, h := range all {
		if err := h.write(dir, good); err != nil {
			return 0, fmt.Errorf("%s: %w", h.name, err)
		}
	}
	return len(all), nil
}

func (h hostile) write(dir, good string) error {
	path := filepath.Join(dir, h.name)
	if h.spoil == nil {
		return os.WriteFile(path, h.data, 0o644)
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(good)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != h.file {
			if err := os.Link(filepath.Join(good, e.Name()), filepath.Join(path, e.Name())); err != nil {
				return err
			}
		}
	}
	data, err := os.ReadFile(filepath.Join(good, h.file))
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	return os.WriteFile(filepath.Join(path, h.file), h.spoil(data), 0o644)
}
