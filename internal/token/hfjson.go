package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// The long tables of tokenizer.json are read token by token, with a limit on
// their length: as plain maps and slices a small hostile file could ask for
// many times its size in memory.

// hfToken is an entry of the base vocabulary.
type hfToken struct {
	text string
	id   int64
}

// vocabTable is the object of token texts and ids.
type vocabTable []hfToken

// UnmarshalJSON implements [json.Unmarshaler].
func (t *vocabTable) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return fmt.Errorf("%w: vocab is not an object", ErrFormat)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		text, _ := key.(string)
		var id int64
		if err := d.Decode(&id); err != nil {
			return fmt.Errorf("%w: vocab: id of %q: %w", ErrFormat, text, err)
		}
		if len(*t) == maxTokens {
			return fmt.Errorf("%w: vocab has more than %d tokens", ErrFormat, maxTokens)
		}
		*t = append(*t, hfToken{text, id})
	}
	return nil
}

// mergeList is the array of merges, each "left right" or ["left", "right"], in
// the first form.
type mergeList []string

// UnmarshalJSON implements [json.Unmarshaler].
func (l *mergeList) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if open, err := d.Token(); err != nil || open != json.Delim('[') {
		return fmt.Errorf("%w: merges is not an array", ErrFormat)
	}
	for d.More() {
		if len(*l) == maxMerges {
			return fmt.Errorf("%w: more than %d merges", ErrFormat, maxMerges)
		}
		m, err := nextMerge(d)
		if err != nil {
			return fmt.Errorf("%w: merge %d: %w", ErrFormat, len(*l), err)
		}
		*l = append(*l, m)
	}
	return nil
}

func nextMerge(d *json.Decoder) (string, error) {
	t, err := d.Token()
	if err != nil {
		return "", err
	}
	m, isString := t.(string)
	if !isString {
		if t != json.Delim('[') {
			return "", fmt.Errorf("%v is neither a string nor an array", t)
		}
		var parts [3]string // one more, to see whether there are too many
		n := 0
		for ; n < len(parts) && d.More(); n++ {
			if err := d.Decode(&parts[n]); err != nil {
				return "", err
			}
		}
		if n != 2 {
			return "", errors.New("not two parts")
		}
		if _, err := d.Token(); err != nil {
			return "", err
		}
		m = parts[0] + " " + parts[1]
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
		var e T
		if err := d.Decode(&e); err != nil {
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
