package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// FuzzNewFile checks what an accepted file promises, against encoding/json and
// a plain reading of the format.
func FuzzNewFile(f *testing.F) {
	for _, c := range hostiles() {
		f.Add(c.file)
	}
	f.Add(raw(`{}`, ""))
	f.Add(encode(map[string]string{"format": "pt", "é\n": "\x00😀"},
		entry{"b.weight", BF16, []int64{2, 3}, "012345678901"},
		entry{"a", F32, nil, "0123"},
		entry{"empty", U8, []int64{0, 5}, ""},
		entry{"f4", F4, []int64{2}, "x"}))
	f.Add(raw("{ \"\\u0061\" : { \"dtype\" : \"U8\" , \"shape\" : [ 1 ] , \"data_offsets\" : [ 0 , 1 ] } }  ", "x"))
	f.Fuzz(func(t *testing.T, file []byte) {
		before := bytes.Clone(file)
		got, err := open(file)
		if !bytes.Equal(before, file) {
			t.Fatal("the input was written to")
		}
		if err != nil {
			return
		}
		n := binary.LittleEndian.Uint64(file)
		header, data := file[8:8+n], file[8+n:]

		var members map[string]json.RawMessage
		if err := json.Unmarshal(header, &members); err != nil {
			t.Fatalf("accepted, but %v", err)
		}
		var metadata map[string]string
		if m, ok := members["__metadata__"]; ok {
			if err := json.Unmarshal(m, &metadata); err != nil {
				t.Fatal(err)
			}
			delete(members, "__metadata__")
		}
		if d := cmp.Diff(metadata, got.Metadata(), cmpopts.EquateEmpty()); d != "" {
			t.Errorf("metadata (-want +got):\n%s", d)
		}
		if len(members) != len(got.Tensors()) {
			t.Errorf("%d tensors of %d", len(got.Tensors()), len(members))
		}
		var byOffset []Tensor
		for _, tensor := range got.Tensors() {
			var want struct {
				DType   string `json:"dtype"`
				Shape   []int64
				Offsets [2]int64 `json:"data_offsets"`
			}
			if err := json.Unmarshal(members[tensor.Name], &want); err != nil {
				t.Fatal(err)
			}
			begin := tensor.Offset - int64(8+n)
			if want.DType != tensor.DType.String() || !slices.Equal(want.Shape, tensor.Shape) ||
				want.Offsets != [2]int64{begin, begin + tensor.Size()} {
				t.Errorf("%+v, want %+v", tensor, want)
			}
			if tensor.Elements()*int64(tensor.DType.Bits()) != tensor.Size()*8 {
				t.Errorf("%+v: %d elements in %d bytes", tensor, tensor.Elements(), tensor.Size())
			}
			byOffset = append(byOffset, tensor)
		}
		// Laid end to end the tensors are the data.
		slices.SortFunc(byOffset, func(a, b Tensor) int { return int(a.Offset - b.Offset) })
		var all bytes.Buffer
		for _, tensor := range byOffset {
			if _, err := io.Copy(&all, tensor.Section()); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(all.Bytes(), data) {
			t.Error("the tensors are not the data")
		}
	})
}

// FuzzIndex compares an accepted index with what encoding/json makes of it.
func FuzzIndex(f *testing.F) {
	f.Add(index("a", shard1, "b", shard2))
	f.Add([]byte(` {"version":[1,-2.5e3,true,null,{"\u0061":"\n"}],"weight_map":{"\ud83d\ude00":"m.safetensors"}} `))
	f.Add([]byte(`{"weight_map":{"a":"../m.safetensors"}}`))
	f.Add([]byte(`{"metadata":{"a":[{"b":{}}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := readIndex(bytes.NewReader(text), int64(len(text)), indexName)
		if err != nil {
			return
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(text, &members); err != nil {
			t.Fatalf("accepted, but %v", err)
		}
		var want map[string]string
		if err := json.Unmarshal(members["weight_map"], &want); err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) {
			t.Errorf("%d tensors, want %d", len(got), len(want))
		}
		for _, m := range got {
			if want[m.tensor] != m.file {
				t.Errorf("%q: %q, want %q", m.tensor, m.file, want[m.tensor])
			}
			if strings.ContainsAny(m.file, "/\\:\x00") || !strings.HasSuffix(m.file, ".safetensors") {
				t.Errorf("file %q", m.file)
			}
		}
	})
}

// FuzzString checks that the strings that encoding/json reads are read, and as it
// reads them, save those where it puts U+FFFD for half a surrogate pair: they are
// refused.
func FuzzString(f *testing.F) {
	for _, s := range []string{
		`"a"`, `"\u00e9\/\\\""`, `"\ud83d\ude00"`, `"\ude00"`, `"\ud83d\ud83d\ude00"`, `"\uFFFD\\ufffd�"`,
		`"\b\f\n\r\t"`, `"\x"`, "\"\x01\"", `"é`, `""""`, `null`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if !utf8.Valid(text) {
			return // refused before a scanner sees it
		}
		raw := string(text)
		var want any
		jsonErr := json.Unmarshal(text, &want)
		wanted, isString := want.(string)

		s := &scanner{text: text}
		got, err := s.str(len(text))
		s.space()
		if err == nil && s.pos == len(text) {
			if string(got) != wanted || !isString {
				t.Errorf("%s is read as %q, want %q, %v", raw, got, wanted, jsonErr)
			}
			return
		}
		// Without escaped backslashes every \ufffd is an escape.
		plain := strings.ToLower(strings.ReplaceAll(raw, `\\`, ""))
		written := strings.Count(plain, "\uFFFD") + strings.Count(plain, `\ufffd`)
		if isString && strings.Count(wanted, "\uFFFD") == written {
			t.Errorf("%s is refused (%v), want %q", raw, err, wanted)
		}
	})
}
