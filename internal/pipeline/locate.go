package pipeline

import (
	"io"
	"io/fs"
	"strings"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/safetensors"
)

// extent is where a tensor lies in a file.
type extent struct {
	name      string
	from, end int64 // bytes, end exclusive
}

// Locator gives the store.Locate for one version: it reads the directory of
// each damaged GGUF or safetensors file once. A file whose directory is what
// is damaged has no tensors for it.
func Locator() func(fsys fs.FS, file string, offset, length int64) []string {
	known := map[string][]extent{}
	return func(fsys fs.FS, file string, offset, length int64) []string {
		extents, ok := known[file]
		if !ok {
			extents = directory(fsys, file)
			known[file] = extents
		}
		var names []string
		for _, e := range extents {
			if e.from < offset+length && offset < e.end {
				names = append(names, e.name)
			}
		}
		return names
	}
}

// directory lists the tensors of a file, none if it cannot be read.
func directory(fsys fs.FS, file string) []extent {
	isGGUF := strings.HasSuffix(file, ".gguf")
	if !isGGUF && !strings.HasSuffix(file, ".safetensors") {
		return nil
	}
	f, err := fsys.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	r, ok := f.(io.ReaderAt)
	if err != nil || !ok {
		return nil
	}
	var out []extent
	if isGGUF {
		g, err := gguf.NewFile(r, info.Size())
		if err != nil {
			return nil
		}
		for _, t := range g.Tensors {
			out = append(out, extent{t.Name, g.DataOffset + t.Offset, g.DataOffset + t.Offset + t.Size})
		}
		return out
	}
	s, err := safetensors.NewFile(r, info.Size(), file)
	if err != nil {
		return nil
	}
	for _, t := range s.Tensors() {
		out = append(out, extent{t.Name, t.Offset, t.Offset + t.Size()})
	}
	return out
}
