package safetensors

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// mapping says which file of a sharded model holds a tensor.
type mapping struct{ tensor, file string }

// minMapping is the length of the shortest entry of a weight_map with its comma:
// "a":".safetensors",
const minMapping = 19

// readIndex reads an index of size bytes and returns its weight_map, sorted by
// tensor. The other keys are skipped: "metadata" with "total_size" only informs,
// and is wrong at times.
func readIndex(r io.ReaderAt, size int64, name string) ([]mapping, error) {
	src := &source{r: r, size: size, name: name}
	if size > maxIndex {
		return nil, src.malformed("an index of %d bytes, while our limit is %d", size, maxIndex)
	}
	text := make([]byte, size)
	if _, err := src.ReadAt(text, 0); err != nil {
		return nil, err
	}
	if !utf8.Valid(text) {
		return nil, src.malformed("offset %d: the index is not valid UTF-8", invalidUTF8(text))
	}
	m, err := parseIndex(text)
	if err != nil {
		return nil, malformed(name, err)
	}
	return m, nil
}

func parseIndex(text []byte) ([]mapping, error) {
	s := &scanner{text: text}
	if s.space(); s.pos >= len(text) || text[s.pos] != '{' {
		return nil, fmt.Errorf("%w%s", s.unexpected("'{'"), mistaken(text))
	}
	var m []mapping
	err := s.object(func(key []byte) error {
		if string(key) != "weight_map" {
			return s.skip(maxIndexDepth - 1)
		}
		if m != nil {
			return s.errorAt(s.pos, "key %q appears twice", key)
		}
		var err error
		m, err = parseWeightMap(s)
		return err
	})
	if err != nil {
		return nil, err
	}
	if s.space(); s.pos < len(text) {
		return nil, s.unexpected("the end of the index")
	}
	if len(m) == 0 {
		return nil, errors.New("weight_map is missing or empty")
	}
	slices.SortFunc(m, func(a, b mapping) int { return strings.Compare(a.tensor, b.tensor) })
	for i := 1; i < len(m); i++ {
		if m[i].tensor == m[i-1].tensor {
			return nil, fmt.Errorf("weight_map: tensor %.80q appears twice", m[i].tensor)
		}
	}
	return m, nil
}

// parseWeightMap reads the object from tensor to file.
func parseWeightMap(s *scanner) ([]mapping, error) {
	m := make([]mapping, 0, min(maxSetTensors, len(s.text)/minMapping+1))
	files := map[string]string{} // one copy of each name
	err := s.object(func(key []byte) error {
		if len(m) == maxSetTensors {
			return s.errorAt(s.pos, "more than %d tensors, which is our limit", maxSetTensors)
		}
		tensor, start := string(key), s.pos
		value, err := s.str(maxName)
		if err != nil {
			return fmt.Errorf("tensor %.80q: %w", tensor, err)
		}
		file, known := files[string(value)]
		if !known {
			file = string(value)
			if err := checkFileName(file); err != nil {
				return s.errorAt(start, "tensor %.80q: file %.80q: %w", tensor, file, err)
			}
			if len(files) == maxShards {
				return s.errorAt(start, "more than %d files, which is our limit", maxShards)
			}
			files[file] = file
		}
		m = append(m, mapping{tensor, file})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("weight_map: %w", err)
	}
	return m, nil
}

var (
	errFileName = errors.New("not a plain file name")
	errFileType = errors.New("not a .safetensors file")
)

// checkFileName refuses what is not the plain name of a safetensors file: paths,
// drive letters and alternate streams, control characters, look-alikes.
func checkFileName(name string) error {
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c > '~' || strings.IndexByte(`/\:*?"<>|`, c) >= 0 {
			return errFileName
		}
	}
	stem, ok := strings.CutSuffix(name, ".safetensors")
	if !ok {
		return errFileType
	}
	if stem == "" || stem[0] == '.' || len(name) > 255 {
		return errFileName
	}
	return nil
}

// filesOf returns the files of a weight_map, each once, sorted.
func filesOf(m []mapping) []string {
	var files []string
	seen := map[string]bool{}
	for _, e := range m {
		if !seen[e.file] {
			seen[e.file] = true
			files = append(files, e.file)
		}
	}
	slices.SortFunc(files, cmp.Compare[string])
	return files
}
