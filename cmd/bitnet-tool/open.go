package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
)

// openModel opens a whole model: a GGUF file, or with the first part of a split
// one all parts. What is given by mistake instead is named.
func openModel(path string) (*gguf.File, error) {
	f, err := gguf.OpenModel(path)
	if err != nil {
		return nil, notModel(path, err)
	}
	return f, nil
}

// openFile opens one GGUF file for what it is, be it a part.
func openFile(path string) (*gguf.File, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return nil, notModel(path, err)
	}
	return f, nil
}

// notModel explains why path could not be opened as a GGUF file: err, or what
// it is instead.
func notModel(path string, err error) error {
	info, serr := os.Stat(path)
	_, _, _, part := gguf.ParsePartName(path)
	switch {
	case part && errors.Is(err, arch.ErrUnsupported):
		return hinted(err, "to put the parts together: %s merge %s", program, word(path))
	case serr != nil:
		return err
	case info.IsDir():
		if _, cerr := os.Stat(filepath.Join(path, "config.json")); cerr == nil {
			return usagef("%s is a Hugging Face model folder, not a GGUF file", path).suggest("%s", toConvert(path))
		}
		return usagef("%s is a folder, not a GGUF file", path)
	case info.Mode().IsRegular() && isSafetensors(path):
		return usagef("%s is a safetensors file, not a GGUF file", path).suggest("%s", toConvert(filepath.Dir(path)))
	}
	return err
}

func toConvert(dir string) string {
	return "to make one: " + program + " quantize " + word(dir) + " -o model.gguf --type I2_S"
}

// isSafetensors looks for the length and the first byte of a JSON header.
func isSafetensors(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var head [9]byte
	_, err = io.ReadFull(f, head[:])
	return err == nil && head[8] == '{' && bytes.Equal(head[5:8], []byte{0, 0, 0})
}
