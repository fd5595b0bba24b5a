// Package demo carries a small model inside the binary, so that every command
// can be tried on a machine that has nothing but this program.
//
// Call [Extract] to write the model's files into a directory; what it holds
// then is an ordinary Hugging Face snapshot that any other code may read. Call
// [Files] for the files alone, to serve them for example.
//
// The model is a BitNet b1.58 language model of 3.4 million parameters with
// four layers, trained with ternary weights in the loop on English in the
// public domain: Moby-Dick, State of the Union addresses and the King James
// Bible. Its layout is that of the published BF16 masters (architecture
// BitNetForCausalLM, quantization mode "online"): the stored weights are not
// ternary and must be ternarized before use. Its tokenizer is a byte-level BPE
// of 1,088 tokens with a chat template.
package demo

import (
	"archive/tar"
	"bytes"
	_ "embed" // for the archive below
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
)

// Name is the model's name, fit for a directory or a title.
const Name = "tiny-bitnet-bf16"

// archive is a flat tar of the snapshot's files, compressed by
// `zstd --ultra -22 --long=24`.
//
//go:embed tiny-bitnet-bf16.tar.zst
var archive []byte

// The archive is ours, but a limit costs nothing and a damaged binary should
// end in an error, not in a full disk. The model takes 6.9 MB.
const (
	maxFiles = 16
	maxBytes = 16 << 20
)

// Extract writes the model's files into dir, which it makes if need be. A file
// that exists already is left as it is and is an error ([os.ErrExist]).
func Extract(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("demo model: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("demo model: %w", err)
	}
	defer root.Close()
	if err := extract(root, bytes.NewReader(archive)); err != nil {
		return fmt.Errorf("demo model: %w", err)
	}
	return nil
}

// Files returns the content of the model's files, by name.
func Files() (map[string][]byte, error) {
	files := map[string][]byte{}
	err := each(bytes.NewReader(archive), func(name string, r io.Reader) (err error) {
		files[name], err = io.ReadAll(r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("demo model: %w", err)
	}
	return files, nil
}

// extract writes the regular files of a zstd-compressed flat tar into root.
func extract(root *os.Root, r io.Reader) error {
	return each(r, func(name string, r io.Reader) error { return writeFile(root, name, r) })
}

// each calls use for every file of a zstd-compressed flat tar.
func each(r io.Reader, use func(name string, r io.Reader) error) error {
	// 32 MiB holds the archive's window of 16 MiB.
	dec, err := zstd.NewReader(r, zstd.WithDecoderMaxMemory(32<<20))
	if err != nil {
		return err
	}
	defer dec.Close()

	tr := tar.NewReader(dec)
	left := int64(maxBytes)
	for n := 0; ; n++ {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch {
		case n == maxFiles:
			return fmt.Errorf("more than %d files", maxFiles)
		case h.Typeflag != tar.TypeReg || h.Name != filepath.Base(h.Name) || !filepath.IsLocal(h.Name):
			return fmt.Errorf("entry %q is not a plain file", h.Name)
		case h.Size > left:
			return fmt.Errorf("entry %q of %d bytes: more than %d bytes in all", h.Name, h.Size, maxBytes)
		}
		left -= h.Size
		if err := use(h.Name, tr); err != nil {
			return err
		}
	}
}

// writeFile copies r into a file that must not exist.
func writeFile(root *os.Root, name string, r io.Reader) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}
