package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/akadata/bitnet-tool/internal/exactjson"
)

// The long tables of tokenizer.json are read in one pass, with a limit on their
// length: as maps and slices of encoding/json a small hostile file could ask for
// many times its size in memory, and large files took most of the time of a
// conversion's start.

// hfToken is an entry of the base vocabulary.
type hfToken struct {
	text string
	id   int64
}

// vocabTable is the object of token texts and ids.
type vocabTable []hfToken

// UnmarshalJSON implements [json.Unmarshaler].
func (t *vocabTable) UnmarshalJSON(data []byte) error {
	c := cursor{text: string(data)}
	if !c.take('{') {
		return fmt.Errorf("%w: vocab is not an object", ErrFormat)
	}
	for !c.take('}') {
		text, err := c.str()
		if err != nil {
			return fmt.Errorf("%w: vocab: token %d: %w", ErrFormat, len(*t), err)
		}
		c.take(':')
		id, err := c.integer()
		if err != nil {
			return fmt.Errorf("%w: vocab: id of %q: %w", ErrFormat, text, err)
		}
		if len(*t) == maxTokens {
			return fmt.Errorf("%w: vocab has more than %d tokens", ErrFormat, maxTokens)
		}
		*t = append(*t, hfToken{text, id})
		c.take(',')
	}
	return nil
}

// mergeList is the array of merges, each "left right" or ["left", "right"], in
// the first form.
type mergeList []string

// UnmarshalJSON implements [json.Unmarshaler].
func (l *mergeList) UnmarshalJSON(data []byte) error {
	c := cursor{text: string(data)}
	if !c.take('[') {
		return fmt.Errorf("%w: merges is not an array", ErrFormat)
	}
	for !c.take(']') {
		if len(*l) == maxMerges {
			return fmt.Errorf("%w: more than %d merges", ErrFormat, maxMerges)
		}
		m, err := c.merge()
		if err != nil {
			return fmt.Errorf("%w: merge %d: %w", ErrFormat, len(*l), err)
		}
		*l = append(*l, m)
		c.take(',')
	}
	return nil
}

// cursor goes through JSON that is known to be valid. What it hands out shares
// the memory of the text as far as it can.
type cursor struct {
	text string
	at   int
}

// take passes over white space and then c, and reports whether c was there.
func (c *cursor) take(want byte) bool {
	for c.at < len(c.text) {
		switch b := c.text[c.at]; b {
		case ' ', '\t', '\n', '\r':
			c.at++
		case want:
			c.at++
			return true
		default:
			return false
		}
	}
	return false
}

var errNoText = errors.New("not a string")

// str reads a string. Half a surrogate pair stands for no text and is refused:
// encoding/json would put U+FFFD in its place.
func (c *cursor) str() (string, error) {
	if !c.take('"') {
		return "", errNoText
	}
	rest := c.text[c.at:]
	end := strings.IndexByte(rest, '"')
	if end >= 0 && strings.IndexByte(rest[:end], '\\') < 0 {
		c.at += end + 1
		return rest[:end], nil
	}
	for end = 0; end < len(rest) && rest[end] != '"'; end++ {
		if rest[end] == '\\' {
			end++
		}
	}
	if end >= len(rest) {
		return "", errNoText
	}
	c.at += end + 1
	return unescape(rest[:end])
}

// unescape gives the text that the inside of a string stands for.
func unescape(s string) (string, error) {
	var text string
	if err := json.Unmarshal([]byte(`"`+s+`"`), &text); err != nil {
		return "", err
	}
	if n := strings.Count(text, "\ufffd"); n > 0 && n > strings.Count(s, "\ufffd")+strings.Count(strings.ToLower(s), `\ufffd`) {
		return "", fmt.Errorf("%q has half a surrogate pair", s)
	}
	return text, nil
}

// integer reads a whole number.
func (c *cursor) integer() (int64, error) {
	c.take(0) // white space
	start := c.at
	for c.at < len(c.text) && (c.text[c.at] == '-' || '0' <= c.text[c.at] && c.text[c.at] <= '9') {
		c.at++
	}
	n, err := strconv.ParseInt(c.text[start:c.at], 10, 64)
	if err != nil || c.at < len(c.text) && strings.IndexByte(".eE", c.text[c.at]) >= 0 {
		return 0, errors.New("not a whole number")
	}
	return n, nil
}

// skip passes over a value.
func (c *cursor) skip() {
	for depth := 0; c.at < len(c.text); c.at++ {
		switch c.text[c.at] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return
			}
		case ',':
			if depth == 0 {
				return
			}
		case '"':
			for c.at++; c.at < len(c.text) && c.text[c.at] != '"'; c.at++ {
				if c.text[c.at] == '\\' {
					c.at++
				}
			}
		}
	}
}

// members gives the values of an object of valid JSON. Keys are told apart to
// the letter, and of equal ones the last counts, as in Python.
func members(data []byte) (map[string]json.RawMessage, error) {
	c := cursor{text: string(data)}
	if !c.take('{') {
		return nil, fmt.Errorf("%w: not an object", ErrFormat)
	}
	m := map[string]json.RawMessage{}
	for !c.take('}') {
		key, err := c.str()
		if err != nil {
			return nil, fmt.Errorf("%w: a key: %w", ErrFormat, err)
		}
		c.take(':')
		c.take(0) // white space
		start := c.at
		c.skip()
		m[key] = bytes.TrimRight(data[start:c.at], " \t\r\n")
		c.take(',')
	}
	return m, nil
}

// merge reads a merge in either form.
func (c *cursor) merge() (m string, err error) {
	if c.take('[') {
		left, err := c.str()
		if err != nil {
			return "", errors.New("not two parts")
		}
		c.take(',')
		right, err := c.str()
		if err != nil || !c.take(']') {
			return "", errors.New("not two parts")
		}
		m = left + " " + right
	} else if m, err = c.str(); err != nil {
		return "", err
	}
	if _, _, ok := splitMerge(m); !ok {
		return "", fmt.Errorf("%q is not two parts without a space", m)
	}
	return m, nil
}

// list is an array of at most maxTokens elements.
type list[T any] []T

// UnmarshalJSON implements [json.Unmarshaler].
func (l *list[T]) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	open, err := d.Token()
	if err != nil || open == nil { // null
		return err
	}
	if open != json.Delim('[') {
		return fmt.Errorf("%w: not an array", ErrFormat)
	}
	for d.More() {
		if len(*l) == maxTokens {
			return fmt.Errorf("%w: more than %d elements", ErrFormat, maxTokens)
		}
		var text json.RawMessage
		err := d.Decode(&text)
		var e T
		if err == nil {
			err = exactjson.Unmarshal(text, &e)
		}
		if err != nil {
			return fmt.Errorf("element %d: %w", len(*l), err)
		}
		*l = append(*l, e)
	}
	return nil
}

// jsonError marks errors of encoding/json as ErrFormat.
func jsonError(err error) error {
	if errors.Is(err, ErrFormat) || errors.Is(err, ErrUnsupported) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrFormat, err)
}

// absent tells whether a part is missing or null.
func absent(data json.RawMessage) bool { return len(data) == 0 || string(data) == "null" }

// brief gives a part for an error message.
func brief(data json.RawMessage) string {
	const limit = 600
	var b bytes.Buffer
	if err := json.Compact(&b, data); err != nil || b.Len() > limit {
		return string(bytes.ToValidUTF8(data[:min(len(data), limit)], nil)) + "…"
	}
	return b.String()
}
