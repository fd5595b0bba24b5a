package safetensors

import (
	"fmt"
	"slices"
)

// minEntry is a little less than the shortest entry of a tensor takes:
// "a":{"dtype":"U8","shape":[],"data_offsets":[0,0]}
const minEntry = 48

// parseHeader reads the JSON header text, which starts at offset base of the
// file. Offset in the tensors it returns counts from the start of the data; what
// the entries claim is not yet compared with each other or with the file.
func parseHeader(text []byte, base int64) ([]Tensor, map[string]string, error) {
	s := &scanner{text: text, base: base}
	tensors := make([]Tensor, 0, min(maxTensors, len(text)/minEntry+1))
	var metadata map[string]string
	err := s.object(func(key []byte) error {
		if string(key) == "__metadata__" {
			if metadata != nil {
				return s.errorAt(s.pos, "key %q appears twice", key)
			}
			var err error
			metadata, err = parseMetadata(s)
			return err
		}
		if len(tensors) == maxTensors {
			return s.errorAt(s.pos, "more than %d tensors, which is our limit", maxTensors)
		}
		tensors = append(tensors, Tensor{Name: string(key)})
		t := &tensors[len(tensors)-1]
		if err := parseEntry(s, t); err != nil {
			return fmt.Errorf("tensor %.80q: %w", t.Name, err)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	for ; s.pos < len(text); s.pos++ {
		if text[s.pos] != ' ' {
			return nil, nil, s.unexpected("the end of the header, or padding with spaces,")
		}
	}
	return tensors, metadata, nil
}

// parseMetadata reads the value of __metadata__.
func parseMetadata(s *scanner) (map[string]string, error) {
	metadata := map[string]string{}
	err := s.object(func(key []byte) error {
		if _, twice := metadata[string(key)]; twice {
			return s.errorAt(s.pos, "key %.80q appears twice", key)
		}
		if len(metadata) == maxMetadata {
			return s.errorAt(s.pos, "more than %d keys, which is our limit", maxMetadata)
		}
		k := string(key)
		value, err := s.str(maxHeader)
		if err != nil {
			return fmt.Errorf("key %.80q: %w", k, err)
		}
		metadata[k] = string(value)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("__metadata__: %w", err)
	}
	return metadata, nil
}

// parseEntry reads the description of one tensor: exactly dtype, shape and
// data_offsets. The reference reader ignores other fields, while the JSON schema
// beside it (docs/safetensors.schema.json) forbids them; so do we, as a field we
// do not know might change what the bytes mean.
func parseEntry(s *scanner, t *Tensor) error {
	fields := [...]struct {
		name string
		read func(*scanner, *Tensor) error
		seen bool
	}{
		{name: "dtype", read: readDType},
		{name: "shape", read: readShape},
		{name: "data_offsets", read: readOffsets},
	}
	err := s.object(func(key []byte) error {
		for i := range fields {
			f := &fields[i]
			if string(key) != f.name {
				continue
			}
			if f.seen {
				return s.errorAt(s.pos, "key %q appears twice", key)
			}
			f.seen = true
			return f.read(s, t)
		}
		return s.errorAt(s.pos, "unknown key %.80q", key)
	})
	if err != nil {
		return err
	}
	for _, f := range fields {
		if !f.seen {
			return s.errorAt(s.pos, "%s is missing", f.name)
		}
	}
	return nil
}

func readDType(s *scanner, t *Tensor) error {
	start := s.pos
	name, err := s.str(maxName)
	if err != nil {
		return err
	}
	var known bool
	if t.DType, known = parseDType(name); !known {
		return s.errorAt(start, "unknown dtype %.80q", name)
	}
	return nil
}

func readShape(s *scanner, t *Tensor) error {
	dims, err := s.integers(maxRank)
	t.Shape = slices.Clone(dims)
	return err
}

func readOffsets(s *scanner, t *Tensor) error {
	start := s.pos
	o, err := s.integers(2)
	switch {
	case err != nil:
		return err
	case len(o) != 2:
		return s.errorAt(start, "data_offsets is not a pair of begin and end")
	case o[1] < o[0]:
		return s.errorAt(start, "data_offsets [%d,%d] end before they begin", o[0], o[1])
	}
	t.Offset, t.size = o[0], o[1]-o[0]
	return nil
}
