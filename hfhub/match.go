package hfhub

import (
	"fmt"
	"regexp"
	"strings"
)

// Filter chooses files by patterns of Python's fnmatch, matched with case
// against the whole path: "*" is anything, "/" too, "?" one character, "[ab]"
// and "[!ab]" sets. A pattern that ends in "/" means all below that folder.
type Filter struct {
	Include []string // none: everything
	Exclude []string
}

// matcher compiles the filter, in the way of filter_repo_objects in
// huggingface_hub (src/huggingface_hub/utils/_paths.py).
func (f Filter) matcher() func(path string) bool {
	include, exclude := compile(f.Include), compile(f.Exclude)
	return func(path string) bool {
		path = strings.ReplaceAll(path, `\`, "/")
		return (len(include) == 0 || anyMatch(include, path)) && !anyMatch(exclude, path)
	}
}

func anyMatch(patterns []*regexp.Regexp, path string) bool {
	for _, p := range patterns {
		if p.MatchString(path) {
			return true
		}
	}
	return false
}

func compile(patterns []string) []*regexp.Regexp {
	var out []*regexp.Regexp
	for _, p := range patterns {
		p = strings.ReplaceAll(p, `\`, "/")
		if strings.HasSuffix(p, "/") {
			p += "*"
		}
		out = append(out, regexp.MustCompile(translate(p)))
	}
	return out
}

// translate turns a pattern into a regular expression. Every pattern is valid:
// a "[" without its "]" is itself, a set that is empty matches nothing.
func translate(pattern string) string {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	p := []rune(pattern)
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteString(".")
		case '[':
			end := setEnd(p, i+1)
			if end < 0 {
				b.WriteString(`\[`)
				continue
			}
			b.WriteString(set(p[i+1 : end]))
			i = end
		default:
			b.WriteString(regexp.QuoteMeta(string(p[i])))
		}
	}
	b.WriteString(`\z`)
	return b.String()
}

// setEnd finds the "]" that ends a set which begins at i. A "]" that comes
// first is a member.
func setEnd(p []rune, i int) int {
	if i < len(p) && p[i] == '!' {
		i++
	}
	for j := i + 1; j < len(p); j++ {
		if p[j] == ']' {
			return j
		}
	}
	return -1
}

// set turns the inside of "[…]" into a class.
func set(p []rune) string {
	negate := p[0] == '!'
	if negate {
		p = p[1:]
	}
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		lo, hi := p[i], p[i]
		if i+2 < len(p) && p[i+1] == '-' {
			hi = p[i+2]
			i += 2
		}
		if lo <= hi { // Python drops ranges that run backwards
			fmt.Fprintf(&b, `\x{%x}-\x{%x}`, lo, hi)
		}
	}
	switch {
	case b.Len() == 0 && negate:
		return "."
	case b.Len() == 0:
		return `[^\x00-\x{10FFFF}]`
	case negate:
		return "[^" + b.String() + "]"
	}
	return "[" + b.String() + "]"
}
