package safetensors

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads the small part of JSON that headers and indexes are made of.
// encoding/json is no help here: it keeps the last of two equal keys, turns bad
// UTF-8 into U+FFFD, and has no bound on what it allocates.
//
// The text must be valid UTF-8 and is overwritten: strings are unescaped in
// place, where they always fit, so scanning allocates nothing. Errors name the
// offset in the file.
type scanner struct {
	text []byte
	pos  int
	base int64 // offset of text[0] in the file

	numbers [maxRank]int64 // the result of integers
}

func (s *scanner) errorAt(pos int, format string, args ...any) error {
	return fmt.Errorf("offset %d: "+format, append([]any{s.base + int64(pos)}, args...)...)
}

func (s *scanner) unexpected(want string) error {
	if s.pos >= len(s.text) {
		return s.errorAt(s.pos, "the JSON text ends where %s is expected", want)
	}
	r, _ := utf8.DecodeRune(s.text[s.pos:])
	return s.errorAt(s.pos, "%q where %s is expected", r, want)
}

// space skips white space.
func (s *scanner) space() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// accept skips white space and then c, and reports whether c was there.
func (s *scanner) accept(c byte) bool {
	s.space()
	if s.pos < len(s.text) && s.text[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

// object reads an object, calling member with each key, at most maxName bytes
// long, when the value is next. The key is valid during the call. Duplicates are
// for the caller to find.
func (s *scanner) object(member func(key []byte) error) error {
	if !s.accept('{') {
		return s.unexpected("'{'")
	}
	if s.accept('}') {
		return nil
	}
	for {
		key, err := s.str(maxName)
		if err != nil {
			return err
		}
		if !s.accept(':') {
			return s.unexpected("':'")
		}
		if err := member(key); err != nil {
			return err
		}
		if s.accept('}') {
			return nil
		}
		if !s.accept(',') {
			return s.unexpected("',' or '}'")
		}
	}
}

// array reads an array, calling element when a value is next.
func (s *scanner) array(element func() error) error {
	if !s.accept('[') {
		return s.unexpected("'['")
	}
	if s.accept(']') {
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		if s.accept(']') {
			return nil
		}
		if !s.accept(',') {
			return s.unexpected("',' or ']'")
		}
	}
}

// integers reads an array of at most limit integers, limit being maxRank or
// less. The result is valid until the next call.
func (s *scanner) integers(limit int) ([]int64, error) {
	s.space()
	start, count := s.pos, 0
	err := s.array(func() error {
		if count == limit {
			return s.errorAt(start, "an array of more than %d numbers", limit)
		}
		n, err := s.integer()
		s.numbers[count] = n
		count++
		return err
	})
	return s.numbers[:count], err
}

// integer reads a number from 0 to 2^53 written in digits alone.
func (s *scanner) integer() (int64, error) {
	s.space()
	start, n := s.pos, int64(0)
	for s.pos < len(s.text) && '0' <= s.text[s.pos] && s.text[s.pos] <= '9' {
		n = n*10 + int64(s.text[s.pos]-'0')
		s.pos++
		if n > maxInteger {
			return 0, s.errorAt(start, "the number is greater than 2^53")
		}
	}
	if s.pos == start {
		return 0, s.unexpected("a digit")
	}
	if s.text[start] == '0' && s.pos > start+1 {
		return 0, s.errorAt(start, "a number with a leading zero")
	}
	if s.pos < len(s.text) {
		switch s.text[s.pos] {
		case '.', 'e', 'E':
			return 0, s.errorAt(start, "a number with fraction or exponent where an integer is expected")
		}
	}
	return n, nil
}

// str reads a string that takes at most limit bytes in the text. The result is
// a piece of the text; copy it to keep it.
func (s *scanner) str(limit int) ([]byte, error) {
	if !s.accept('"') {
		return nil, s.unexpected("a string")
	}
	start := s.pos
	end := start // of the unescaped string; never beyond s.pos
	for {
		if s.pos-start > limit {
			return nil, s.errorAt(start, "a string longer than %d bytes", limit)
		}
		if s.pos >= len(s.text) {
			return nil, s.unexpected(`'"'`)
		}
		switch c := s.text[s.pos]; {
		case c == '"':
			s.pos++
			return s.text[start:end], nil
		case c < ' ':
			return nil, s.errorAt(s.pos, "control character %#02x in a string", c)
		case c == '\\':
			r, err := s.escape()
			if err != nil {
				return nil, err
			}
			end += utf8.EncodeRune(s.text[end:s.pos], r)
		default:
			s.text[end] = c
			s.pos++
			end++
		}
	}
}

// escape reads one escape sequence, or two that are a surrogate pair.
func (s *scanner) escape() (rune, error) {
	start := s.pos
	s.pos++ // the backslash
	if s.pos >= len(s.text) {
		return 0, s.unexpected("an escape")
	}
	c := s.text[s.pos]
	s.pos++
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		r, ok := s.hex4()
		if ok && utf16.IsSurrogate(r) {
			var low rune
			if ok = s.pos+1 < len(s.text) && s.text[s.pos] == '\\' && s.text[s.pos+1] == 'u'; ok {
				s.pos += 2
				low, ok = s.hex4()
			}
			r = utf16.DecodeRune(r, low)
			ok = ok && r != utf8.RuneError
		}
		if ok {
			return r, nil
		}
	}
	return 0, s.errorAt(start, "an escape that JSON does not know or half a surrogate pair")
}

// hex4 reads four hexadecimal digits.
func (s *scanner) hex4() (rune, bool) {
	if len(s.text)-s.pos < 4 {
		return 0, false
	}
	var r rune
	for range 4 {
		c := s.text[s.pos]
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
		s.pos++
	}
	return r, true
}

// skip passes over a value of any kind, nested at most depth deep.
func (s *scanner) skip(depth int) error {
	s.space()
	if s.pos >= len(s.text) {
		return s.unexpected("a value")
	}
	switch c := s.text[s.pos]; c {
	case '"':
		_, err := s.str(len(s.text))
		return err
	case '{', '[':
		if depth == 0 {
			return s.errorAt(s.pos, "nested deeper than %d", maxIndexDepth)
		}
		if c == '{' {
			return s.object(func([]byte) error { return s.skip(depth - 1) })
		}
		return s.array(func() error { return s.skip(depth - 1) })
	}
	start := s.pos
	for s.pos < len(s.text) && isWord(s.text[s.pos]) {
		s.pos++
	}
	switch word := s.text[start:s.pos]; string(word) {
	case "true", "false", "null":
		return nil
	default:
		if len(word) <= maxNumber && isNumber(word) {
			return nil
		}
	}
	s.pos = start
	return s.unexpected("a value")
}

// isWord reports whether c can stand in a number or in true, false, null.
func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'E'
}

// isNumber reports whether word is a number as JSON writes them.
func isNumber(word []byte) bool {
	word = bytes.TrimPrefix(word, []byte("-"))
	digits := func() bool {
		n := 0
		for n < len(word) && '0' <= word[n] && word[n] <= '9' {
			n++
		}
		word = word[n:]
		return n > 0
	}
	starts := func(chars string) bool {
		if len(word) == 0 || strings.IndexByte(chars, word[0]) < 0 {
			return false
		}
		word = word[1:]
		return true
	}
	if !starts("0") && !digits() {
		return false
	}
	if starts(".") && !digits() {
		return false
	}
	if starts("eE") {
		starts("+-")
		if !digits() {
			return false
		}
	}
	return len(word) == 0
}
