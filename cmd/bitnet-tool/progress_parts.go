package main

import (
	"slices"
	"strconv"
)

// parts are the files that a task is at, in the order they began.
type parts []string

func (p *parts) begin(name string) { *p = append(*p, name) }

func (p *parts) end(name string) {
	if i := slices.Index(*p, name); i >= 0 {
		*p = slices.Delete(*p, i, i+1)
	}
}

// partWidth bounds a name in a line, in characters.
const partWidth = 20

// String names one part and counts the others. Of a long name the end tells
// more than the beginning.
func (p parts) String() string {
	if len(p) == 0 {
		return ""
	}
	name := []rune(printable(p[0]))
	if len(name) > partWidth {
		name = append([]rune("…"), name[len(name)-partWidth+1:]...)
	}
	if len(p) == 1 {
		return string(name)
	}
	return string(name) + " +" + strconv.Itoa(len(p)-1)
}
