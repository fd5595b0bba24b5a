package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// slowly reads a table with encoding/json, token by token.
func slowly(data []byte, member func(d *json.Decoder) error) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		if err := member(d); err != nil {
			return err
		}
	}
	return nil
}

func vocabSlowly(data []byte) (out vocabTable, err error) {
	err = slowly(data, func(d *json.Decoder) error {
		key, err := d.Token()
		var id *int64
		if err == nil {
			err = d.Decode(&id)
		}
		if err == nil && id == nil {
			err = errors.New("null")
		}
		if err == nil {
			out = append(out, hfToken{key.(string), *id})
		}
		return err
	})
	return out, err
}

func mergesSlowly(data []byte) (out mergeList, err error) {
	err = slowly(data, func(d *json.Decoder) error {
		var v any
		if err := d.Decode(&v); err != nil {
			return err
		}
		m, ok := v.(string)
		if pair, isPair := v.([]any); isPair && len(pair) == 2 {
			left, okL := pair[0].(string)
			right, okR := pair[1].(string)
			m, ok = left+" "+right, okL && okR
		}
		if _, _, two := splitMerge(m); !ok || !two {
			return errors.New("no merge")
		}
		out = append(out, m)
		return nil
	})
	return out, err
}

// sameTable compares the readers of a table. Half a surrogate pair, which
// encoding/json replaces, is refused here.
func sameTable[T ~[]E, E any](t *testing.T, data []byte, read func([]byte) error, got *T, slow func([]byte) (T, error)) {
	t.Helper()
	err := read(data)
	if err != nil && !errors.Is(err, ErrFormat) {
		t.Errorf("%s: error %v", data, err)
	}
	want, wantErr := slow(data)
	if err != nil && strings.Contains(err.Error(), "surrogate") && wantErr == nil {
		return
	}
	if (err != nil) != (wantErr != nil) {
		t.Fatalf("%s: error %v, want %v", data, err, wantErr)
	}
	if diff := cmp.Diff(want, *got, cmp.AllowUnexported(hfToken{})); err == nil && diff != "" {
		t.Errorf("%s (-want +got):\n%s", data, diff)
	}
}

func sameTables(t *testing.T, data []byte) {
	t.Helper()
	switch data = bytes.TrimSpace(data); {
	case !json.Valid(data) || !utf8.Valid(data): // seen to before
	case data[0] == '{':
		var v vocabTable
		sameTable(t, data, v.UnmarshalJSON, &v, vocabSlowly)
		var want map[string]json.RawMessage
		got, err := members(data)
		if err != nil {
			if !strings.Contains(err.Error(), "surrogate") {
				t.Errorf("%s: %v", data, err)
			}
			return
		}
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", data, diff)
		}
	case data[0] == '[':
		var l mergeList
		sameTable(t, data, l.UnmarshalJSON, &l, mergesSlowly)
	}
}

var tables = []string{
	`{}`, `[]`, ` { } `, " [\n] ",
	`{"a": 0, "b":1,"c" : 2 }`, `{"\u0120the": 5, "\"": 1, "\\": 2, "\\\"": 3, "\ud83d\ude00": -4, "Ġ,:{}[]": 7}`,
	`{"a": 1.0}`, `{"a": 1e3}`, `{"a": "1"}`, `{"a": null}`, `{"a": [1]}`, `{"a": {"b": [2, "}"]}, "c": 1}`, `{"a": 9223372036854775808}`, `{"a": -0}`,
	`{"\ud83d": 1}`, `{"\ud83dx": 1}`, `{"\ufffd": 1, "�": 2}`, `{"a": 1, "a": 2}`, `{"a": true , "b": "\\" , "c": [ ] }`,
	`["a b", "\u0120 t"]`, `[["a","b"], [ "c" , "\"" ]]`, `["a"]`, `["a b c"]`, `[["a"]]`, `[["a","b","c"]]`, `[["a",1]]`, `[1]`, `[null]`, `[["a ","b"]]`, `[[]]`, `[{"a":"b"}]`,
}

// TestTables compares with encoding/json what reads the long tables.
func TestTables(t *testing.T) {
	for _, text := range tables {
		t.Run(text, func(t *testing.T) { sameTables(t, []byte(text)) })
	}
	for _, text := range []string{`{"\ud83d": 1}`, `{"x\udc00": 1}`, `{"�\ud83d": 1}`} {
		var v vocabTable
		if err := v.UnmarshalJSON([]byte(text)); !errors.Is(err, ErrFormat) {
			t.Errorf("%s is %v, error %v", text, v, err)
		}
	}
}

func FuzzTables(f *testing.F) {
	for _, text := range tables {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) { sameTables(t, data) })
}
