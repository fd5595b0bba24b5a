package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/store"
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
	if f := mistaken(path); f != nil {
		return f
	}
	return notThere(path, err)
}

// mistaken says what path is instead of a GGUF file, nil if that is not plain.
func mistaken(path string) *failure {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil
	case info.IsDir():
		if _, err := os.Stat(filepath.Join(path, "config.json")); err == nil {
			return usagef("%s is a Hugging Face model folder, not a GGUF file", path).suggest("%s", toConvert(path))
		}
		return usagef("%s is a folder, not a GGUF file", path)
	case info.Mode().IsRegular() && isSafetensors(path):
		return usagef("%s is a safetensors file, not a GGUF file", path).suggest("%s", toConvert(filepath.Dir(path)))
	}
	return nil
}

// notThere adds to the error about a path that leads nowhere what it could have
// been meant for.
func notThere(path string, err error) error {
	_, nerr := store.ParseRef(path)
	switch {
	case !errors.Is(err, fs.ErrNotExist) || isPath(path) || filepath.Ext(path) == ".gguf":
	case isRepo(path):
		return hinted(err, "to fetch it from the Hub: %s pull %s", program, path)
	case nerr == nil:
		return hinted(err, "nor is there a model of that name in the store: %s ls shows what there is", program)
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
