package safetensors

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
)

// loadSharded opens every file that the index names and takes from each the
// tensors mapped to it.
func (s *Set) loadSharded() error {
	r, w, err := openRegular(s.root, s.path(indexName))
	if err != nil {
		return s.unopened(indexName, err)
	}
	defer r.Close()
	index, err := readIndex(r, w.opened.Size(), indexName)
	if err != nil {
		return err
	}
	s.index = w
	files := filesOf(index)
	total := 0
	for _, name := range files {
		f, err := s.open(name)
		if err != nil {
			return err
		}
		if total += len(f.tensors); total > maxSetTensors {
			return malformed(name, fmt.Errorf("more than %d tensors up to here, which is our limit for a model", maxSetTensors))
		}
	}
	all := make([]Tensor, 0, total)
	for _, f := range s.files {
		all = append(all, f.tensors...)
	}
	if err := checkNames(all); err != nil {
		return malformed(indexName, err)
	}
	sortByName(all)
	if err := s.choose(index, all); err != nil {
		return malformed(indexName, err)
	}
	s.warnUnmapped(all)
	return s.warnUnused(files)
}

// choose takes the mapped tensors, each from the file it is mapped to, out of
// all, both sorted by name.
func (s *Set) choose(index []mapping, all []Tensor) error {
	s.tensors = make([]Tensor, 0, len(index))
	for _, m := range index {
		t, found := findTensor(all, m.tensor)
		if !found {
			return fmt.Errorf("tensor %.80q is mapped to %s, which does not hold it", m.tensor, m.file)
		}
		if t.File != m.file {
			return fmt.Errorf("tensor %.80q is mapped to %s, and %s holds it", m.tensor, m.file, t.File)
		}
		s.tensors = append(s.tensors, t)
	}
	return nil
}

// warnUnmapped warns of tensors that the index does not name, once a file.
func (s *Set) warnUnmapped(all []Tensor) {
	count, first := map[string]int{}, map[string]string{}
	for _, t := range all {
		if _, mapped := findTensor(s.tensors, t.Name); mapped {
			continue
		}
		if count[t.File]++; count[t.File] == 1 {
			first[t.File] = t.Name
		}
	}
	for _, file := range slices.Sorted(maps.Keys(count)) {
		s.warnings = append(s.warnings, fmt.Sprintf("%s: %d tensors that %s does not name are left out, the first is %.80q",
			file, count[file], indexName, first[file]))
	}
}

// warnUnused warns of shards that the index does not name. files is sorted.
func (s *Set) warnUnused(files []string) error {
	d, err := s.root.Open(s.dir)
	if err != nil {
		return err
	}
	defer d.Close()
	entries, err := d.ReadDir(maxFolder)
	if err != nil {
		return err
	}
	var unused []string
	for _, e := range entries {
		name := e.Name()
		if shard, _ := filepath.Match("model-*-of-*.safetensors", name); !shard {
			continue
		}
		if _, named := slices.BinarySearch(files, name); !named {
			unused = append(unused, name)
		}
	}
	slices.Sort(unused)
	for _, name := range unused {
		s.warnings = append(s.warnings, fmt.Sprintf("%.255q: %s does not name this file; it is not read", name, indexName))
	}
	return nil
}
