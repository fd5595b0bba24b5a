package safetensors

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

var (
	errEmptyName = errors.New("the name is empty")
	errNameByte  = errors.New("the name holds something else than printable ASCII without '/' and '\\'")
)

// checkName refuses names that could mislead a person or a program. Printable
// ASCII leaves no control sequences and no two spellings of one name (Unicode
// normalisation); without separators a name is never a path.
func checkName(name string) error {
	if name == "" {
		return errEmptyName
	}
	for i := range len(name) {
		if c := name[i]; c < ' ' || c > '~' || c == '/' || c == '\\' {
			return errNameByte
		}
	}
	return nil
}

// checkNames checks each name and refuses equal ones, also those that are equal
// but for the case of letters. It leaves the tensors in another order.
func checkNames(tensors []Tensor) error {
	for _, t := range tensors {
		if err := checkName(t.Name); err != nil {
			return fmt.Errorf("tensor %.80q: %w", t.Name, err)
		}
	}
	slices.SortFunc(tensors, func(a, b Tensor) int { return compareFold(a.Name, b.Name) })
	for i := 1; i < len(tensors); i++ {
		a, b := &tensors[i-1], &tensors[i]
		if compareFold(a.Name, b.Name) != 0 {
			continue
		}
		where := ""
		if a.File != b.File {
			where = fmt.Sprintf(", in %s and in %s", a.File, b.File)
		}
		if a.Name == b.Name {
			return fmt.Errorf("tensor %.80q appears twice%s", a.Name, where)
		}
		return fmt.Errorf("tensors %.80q and %.80q differ only in case%s", a.Name, b.Name, where)
	}
	return nil
}

// sortByName sorts tensors for findTensor.
func sortByName(tensors []Tensor) {
	slices.SortFunc(tensors, func(a, b Tensor) int { return strings.Compare(a.Name, b.Name) })
}

// findTensor looks name up in tensors sorted by name.
func findTensor(tensors []Tensor, name string) (Tensor, bool) {
	i, found := slices.BinarySearchFunc(tensors, name, func(t Tensor, name string) int {
		return strings.Compare(t.Name, name)
	})
	if !found {
		return Tensor{}, false
	}
	return tensors[i], true
}

// compareFold compares like strings.Compare, taking ASCII capitals for small letters.
func compareFold(a, b string) int {
	for i := range min(len(a), len(b)) {
		if x, y := lower(a[i]), lower(b[i]); x != y {
			return int(x) - int(y)
		}
	}
	return len(a) - len(b)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
