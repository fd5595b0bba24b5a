package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// hostile is a file that must be refused, for the reason given in want.
type hostile struct {
	name string
	file []byte
	want string
}

// one makes a file of one tensor "a" with this description and data.
func one(description, data string) []byte {
	return raw(`{"a":{`+description+`}}`, data)
}

// length makes a file that starts with this header length.
func length(n uint64, rest string) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, n), rest...)
}

// hostiles are small; see bombs for the large ones.
func hostiles() []hostile {
	good := encode(nil, entry{"a", U8, []int64{4}, "data"})
	const u8 = `"dtype":"U8","shape":[4],`
	offsets := func(pairs ...[2]int) []byte {
		var members []string
		for i, p := range pairs {
			members = append(members, fmt.Sprintf(`"%c":{"dtype":"U8","shape":[%d],"data_offsets":[%d,%d]}`,
				'a'+i, p[1]-p[0], p[0], p[1]))
		}
		return raw("{"+strings.Join(members, ",")+"}", "0123456789")
	}
	named := func(quoted string) []byte {
		return raw(`{`+quoted+`:{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, "")
	}
	metadata := func(value string) []byte { return raw(`{"__metadata__":`+value+`}`, "") }

	return []hostile{
		// The header length.
		{"empty file", nil, "0 bytes are too few"},
		{"7 bytes", []byte("\x02\x00\x00\x00\x00\x00\x00"), "7 bytes are too few"},
		{"length only", length(2, ""), "a header of 2 bytes in a file of 8: incomplete"},
		{"length 2^63", length(1<<63, "{}"), "a header of 9223372036854775808 bytes, while the format allows 100000000"},
		{"length 2^64-1", length(1<<64-1, "{}"), "a header of 18446744073709551615 bytes"},
		{"length 2^64-8 wraps to 0", length(1<<64-8, "{}"), "a header of 18446744073709551608 bytes"},
		{"length beyond the file", length(3, "{}"), "a header of 3 bytes in a file of 10: incomplete"},
		{"length 0", length(0, "{}"), "a header of 0 bytes is too short"},
		{"length 1", length(1, "{}"), "a header of 1 bytes is too short"},

		// Another file in its place.
		{"Git LFS pointer", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:0000\nsize 1\n"), "Git LFS pointer"},
		{"HTML page", []byte("<!DOCTYPE html><html>"), "HTML page"},
		{"HTML page without doctype", []byte("\n <HTML><head>"), "HTML page"},
		{"XML message", []byte(`<?xml version="1.0"?><Error/>`), "XML message"},
		{"JSON message", []byte(`{"error":"Repository not found"}`), "JSON text"},
		{"zip archive", []byte("PK\x03\x04\x00\x00\x08\x08\x00\x00\x00\x00"), "zip archive"},
		{"GGUF file", []byte("GGUF\x03\x00\x00\x00\x01\x00\x00\x00"), "GGUF file"},
		{"nothing known", []byte("\xff\xff\xff\xff\xff\xff\xff\x00data"), "while the format allows 100000000"},
		{"truncated", good[:len(good)-1], `tensor "a" ends 1 bytes beyond the end of the file: incomplete`},
		{"trailing bytes", append(good[:len(good):len(good)], 0), "1 bytes follow the last tensor"},
		{"trailing bytes without tensors", raw(`{}`, "PK"), "2 bytes follow the last tensor"},

		// The JSON text.
		{"does not start with a brace", raw(` {}`, ""), "byte 0x20 where '{' is expected"},
		{"array", raw(`[]`, ""), "byte 0x5b where '{' is expected"},
		{"invalid UTF-8", raw("{\"a\xff\":0}", ""), "offset 11: the header is not valid UTF-8"},
		{"invalid UTF-8 in metadata", raw("{\"__metadata__\":{\"a\":\"\xc3(\"}}", ""), "offset 30: the header is not valid UTF-8"},
		{"surrogate in UTF-8", named("\"\xed\xa0\x80\""), "not valid UTF-8"},
		{"ends early", raw(`{"a"`, ""), "offset 12: the JSON text ends where ':' is expected"},
		{"ends in a string", raw(`{"a`, ""), "ends where '\"' is expected"},
		{"ends in an escape", raw(`{"a\`, ""), "ends where an escape is expected"},
		{"ends after a comma", raw(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},`, ""), "ends where a string is expected"},
		{"trailing comma", raw(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},}`, ""), "'}' where a string is expected"},
		{"two values", raw(`{}{}`, ""), "'{' where the end of the header"},
		{"padding with newlines", raw("{}\n", ""), `'\n' where the end of the header`},
		{"padding with zero bytes", raw("{}\x00", ""), `'\x00' where the end of the header`},
		{"comment", raw("{/**/}", ""), "'/' where a string is expected"},
		{"key without quotes", raw("{a:1}", ""), "'a' where a string is expected"},
		{"raw control character", named("\"a\nb\""), "control character 0x0a in a string"},
		{"unknown escape", named(`"\x41"`), "an escape that JSON does not know"},
		{"short escape", named(`"\u41"`), "an escape that JSON does not know"},
		{"high surrogate alone", named(`"\ud83d"`), "half a surrogate pair"},
		{"low surrogate alone", named(`"\ude00"`), "half a surrogate pair"},
		{"high surrogate and letter", named(`"\ud83d\u0041"`), "half a surrogate pair"},

		// Names.
		{"empty name", named(`""`), "the name is empty"},
		{"duplicate name", raw(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, "x"), `tensor "a" appears twice`},
		{"duplicate name through an escape", raw(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\u0061":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, "x"), `tensor "a" appears twice`},
		{"names that differ in case", raw(`{"aB":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"ab":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, ""), `tensors "aB" and "ab" differ only in case`},
		{"name with slash", named(`"a/b"`), `tensor "a/b": the name holds something else than printable ASCII`},
		{"name with escaped slash", named(`"..\/a"`), `tensor "../a": the name holds something else`},
		{"name with backslash", named(`"a\\b"`), "the name holds something else"},
		{"name with escaped control character", named(`"a\u001b[2J"`), "the name holds something else"},
		{"name with NUL", named(`"a\u0000"`), "the name holds something else"},
		{"name with DEL", named("\"a\x7f\""), "the name holds something else"},
		{"name in composed form", named(`"é"`), "the name holds something else"},
		{"name in decomposed form", named(`"e\u0301"`), "the name holds something else"},
		{"name that reads backwards", named(`"\u202ea"`), "the name holds something else"},
		{"name of 1025 bytes", named(`"` + strings.Repeat("a", maxName+1) + `"`), "a string longer than 1024 bytes"},

		// __metadata__.
		{"duplicate metadata", raw(`{"__metadata__":{},"__metadata__":{}}`, ""), `key "__metadata__" appears twice`},
		{"duplicate metadata key", metadata(`{"k":"1","k":"2"}`), `__metadata__: offset 37: key "k" appears twice`},
		{"metadata number", metadata(`{"k":1}`), `__metadata__: key "k": offset 29: '1' where a string is expected`},
		{"metadata object", metadata(`{"k":{}}`), `__metadata__: key "k": offset 29: '{' where a string is expected`},
		{"metadata null", metadata(`null`), `__metadata__: offset 24: 'n' where '{' is expected`},
		{"metadata array", metadata(`["k"]`), `__metadata__: offset 24: '[' where '{' is expected`},
		{"tensor named __metadata__", named(`"__metadata__"`), `__metadata__: key "shape": offset 46: '[' where a string is expected`},

		// Descriptions.
		{"no object", raw(`{"a":[[[[[[[[1]]]]]]]]}`, ""), `tensor "a": offset 13: '[' where '{' is expected`},
		{"null", raw(`{"a":null}`, ""), `tensor "a": offset 13: 'n' where '{' is expected`},
		{"no dtype", one(`"shape":[4],"data_offsets":[0,4]`, "data"), `tensor "a": offset 47: dtype is missing`},
		{"no shape", one(`"dtype":"U8","data_offsets":[0,4]`, "data"), "shape is missing"},
		{"no data_offsets", one(`"dtype":"U8","shape":[0]`, ""), "data_offsets is missing"},
		{"unknown key", one(u8+`"data_offsets":[0,4],"strides":[1]`, "data"), `unknown key "strides"`},
		{"key in another case", one(`"Dtype":"U8","shape":[4],"data_offsets":[0,4]`, "data"), `unknown key "Dtype"`},
		{"duplicate dtype", one(`"dtype":"U8",`+u8+`"data_offsets":[0,4]`, "data"), `key "dtype" appears twice`},
		{"duplicate shape", one(`"shape":[1],`+u8+`"data_offsets":[0,4]`, "data"), `key "shape" appears twice`},
		{"duplicate data_offsets", one(`"data_offsets":[0,1],`+u8+`"data_offsets":[0,4]`, "data"), `key "data_offsets" appears twice`},
		{"dtype in lower case", one(`"dtype":"u8","shape":[4],"data_offsets":[0,4]`, "data"), `tensor "a": offset 22: unknown dtype "u8"`},
		{"unknown dtype", one(`"dtype":"I2_S","shape":[16],"data_offsets":[0,4]`, "data"), `unknown dtype "I2_S"`},
		{"empty dtype", one(`"dtype":"","shape":[4],"data_offsets":[0,4]`, "data"), `unknown dtype ""`},
		{"dtype number", one(`"dtype":8,"shape":[4],"data_offsets":[0,4]`, "data"), "'8' where a string is expected"},
		{"odd number of 4-bit elements", one(`"dtype":"F4","shape":[7],"data_offsets":[0,4]`, "data"), `tensor "a": shape [7] of F4: the elements do not fill whole bytes`},
		{"6-bit elements that fill no byte", one(`"dtype":"F6_E3M2","shape":[5],"data_offsets":[0,4]`, "data"), "the elements do not fill whole bytes"},
		{"shape overflows", one(`"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,4]`, "data"), "shape [4294967296 4294967296]: the product of the dimensions overflows"},
		{"bytes overflow by one bit", one(`"dtype":"U8","shape":[1073741824,1073741824],"data_offsets":[0,4]`, "data"), "of U8: the product of the dimensions overflows"},
		{"shape overflows beside a zero", one(`"dtype":"U8","shape":[0,4294967296,4294967296],"data_offsets":[0,0]`, ""), "the product of the dimensions overflows"},
		{"bytes overflow", one(`"dtype":"F64","shape":[4294967296,536870912],"data_offsets":[0,0]`, ""), "of F64: the product of the dimensions overflows"},
		{"9 dimensions", one(`"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]`, "x"), `tensor "a": offset 35: an array of more than 8 numbers`},
		{"zero dimension with bytes", one(`"dtype":"U8","shape":[4,0],"data_offsets":[0,4]`, "data"), "shape [4 0] of U8 needs 0 bytes, data_offsets hold 4"},
		{"scalar without bytes", one(`"dtype":"U8","shape":[],"data_offsets":[0,0]`, ""), "shape [] of U8 needs 1 bytes, data_offsets hold 0"},
		{"too few bytes", one(`"dtype":"BF16","shape":[4],"data_offsets":[0,4]`, "data"), "shape [4] of BF16 needs 8 bytes, data_offsets hold 4"},
		{"shape no array", one(`"dtype":"U8","shape":4,"data_offsets":[0,4]`, "data"), "'4' where '[' is expected"},
		{"shape nested", one(`"dtype":"U8","shape":[[4]],"data_offsets":[0,4]`, "data"), "'[' where a digit is expected"},
		{"shape unfinished", one(`"dtype":"U8","shape":[4`, ""), "'}' where ',' or ']' is expected"},

		// Numbers.
		{"exponent", one(`"dtype":"U8","shape":[1e3],"data_offsets":[0,4]`, "data"), "a number with fraction or exponent"},
		{"capital exponent", one(`"dtype":"U8","shape":[4E0],"data_offsets":[0,4]`, "data"), "a number with fraction or exponent"},
		{"fraction", one(`"dtype":"U8","shape":[4.0],"data_offsets":[0,4]`, "data"), "a number with fraction or exponent"},
		{"negative", one(`"dtype":"U8","shape":[-4],"data_offsets":[0,4]`, "data"), "'-' where a digit is expected"},
		{"negative zero", one(`"dtype":"U8","shape":[0],"data_offsets":[-0,0]`, ""), "'-' where a digit is expected"},
		{"plus sign", one(`"dtype":"U8","shape":[+4],"data_offsets":[0,4]`, "data"), "'+' where a digit is expected"},
		{"leading zero", one(`"dtype":"U8","shape":[04],"data_offsets":[0,4]`, "data"), "a number with a leading zero"},
		{"hexadecimal", one(`"dtype":"U8","shape":[0x4],"data_offsets":[0,4]`, "data"), "'x' where ',' or ']' is expected"},
		{"number as a string", one(`"dtype":"U8","shape":["4"],"data_offsets":[0,4]`, "data"), "where a digit is expected"},
		{"2^53+1", one(`"dtype":"U8","shape":[9007199254740993],"data_offsets":[0,4]`, "data"), "greater than 2^53"},
		{"2^64+4", one(`"dtype":"U8","shape":[18446744073709551620],"data_offsets":[0,4]`, "data"), "greater than 2^53"},

		// Ranges of data.
		{"begin beyond end", one(u8+`"data_offsets":[4,0]`, "data"), "data_offsets [4,0] end before they begin"},
		{"one offset", one(u8+`"data_offsets":[4]`, "data"), "data_offsets is not a pair"},
		{"three offsets", one(u8+`"data_offsets":[0,4,4]`, "data"), "an array of more than 2 numbers"},
		{"end beyond the data", offsets([2]int{0, 11}), `tensor "a" ends 1 bytes beyond the end of the file`},
		{"end far beyond the data", offsets([2]int{0, 1 << 53}), `tensor "a" ends 9007199254740982 bytes beyond`},
		{"hole before the first", offsets([2]int{1, 10}), `tensor "a": data offset 1 leaves a hole of 1 bytes`},
		{"hole", offsets([2]int{0, 4}, [2]int{5, 10}), `tensor "b": data offset 5 leaves a hole of 1 bytes`},
		{"overlap", offsets([2]int{0, 6}, [2]int{5, 10}), `tensor "b": data offset 5 lies inside tensor "a", which ends at 6`},
		{"one inside the other", offsets([2]int{0, 10}, [2]int{2, 4}), `tensor "b": data offset 2 lies inside tensor "a"`},
		{"two names for one range", offsets([2]int{0, 10}, [2]int{0, 10}), `data offset 0 lies inside tensor`},
		{"nothing inside another", offsets([2]int{0, 10}, [2]int{5, 5}), `tensor "b": data offset 5 lies inside tensor "a"`},
	}
}

func TestHostile(t *testing.T) {
	for _, c := range hostiles() {
		t.Run(c.name, func(t *testing.T) {
			refuse(t, bytes.NewReader(c.file), int64(len(c.file)), c.want)
		})
	}
}

// refuse checks that a file is refused as malformed, with the reason wanted,
// within the memory allowed.
func refuse(t *testing.T, r io.ReaderAt, size int64, want string) {
	t.Helper()
	var err error
	checkMemory(t, func() { _, err = NewFile(r, size, "t.safetensors") })
	if !errors.Is(err, ErrFormat) {
		t.Fatalf("got %v, want an ErrFormat", err)
	}
	if msg := err.Error(); !strings.HasPrefix(msg, "t.safetensors: ") || !strings.Contains(msg, want) || len(msg) > 500 {
		t.Errorf("got  %.600s\nwant t.safetensors: … %s", msg, want)
	}
}

// sparse is a large file of zero bytes after a few others.
type sparse []byte

func (s sparse) ReadAt(p []byte, off int64) (int, error) {
	clear(p)
	if off < int64(len(s)) {
		copy(p, s[off:])
	}
	return len(p), nil
}

func TestHeaderLimits(t *testing.T) {
	for _, c := range []struct {
		name string
		n    uint64
		want string
	}{
		{"over ours", maxHeader + 1, "a header of 16777217 bytes, while our limit is 16777216 (the format allows 100000000)"},
		{"at the format's", 100_000_000, "a header of 100000000 bytes, while our limit is 16777216"},
		{"over the format's", 100_000_001, "a header of 100000001 bytes, while the format allows 100000000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			refuse(t, sparse(length(c.n, "{")), 1<<30, c.want)
		})
	}
}

// repeat makes a header of 16 MiB: before, as many units as fit, after.
func repeat(before string, unit func(i int) string, after string) []byte {
	var b strings.Builder
	b.Grow(maxHeader)
	b.WriteString(before)
	for i := 0; ; i++ {
		u := unit(i)
		if b.Len()+len(u)+len(after) > maxHeader {
			break
		}
		b.WriteString(u)
	}
	b.WriteString(after)
	b.WriteString(strings.Repeat(" ", maxHeader-b.Len()))
	return raw(b.String(), "")
}

// same makes a unit for repeat of many times s.
func same(s string) func(int) string {
	s = strings.Repeat(s, 4096/len(s))
	return func(int) string { return s }
}

// Headers of the greatest length allowed, each filled with one kind of thing.
func TestBombs(t *testing.T) {
	many := func(n int) []byte {
		name := strings.Repeat("n", 170)
		return repeat("{", func(i int) string {
			if i >= n {
				return " "
			}
			comma := ","
			if i == 0 {
				comma = ""
			}
			return fmt.Sprintf(`%s"%s%05d":{"dtype":"U8","shape":[0,0,0,0,0,0,0,0],"data_offsets":[0,0]}`, comma, name, i)
		}, "}")
	}
	const empty = `{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`
	for _, c := range []struct {
		name string
		file func() []byte
		want string // empty: the file is good
	}{
		{"nested arrays", func() []byte { return repeat(`{"a":`, same("["), "") }, `tensor "a": offset 13: '[' where '{'`},
		{"nested arrays in a shape", func() []byte { return repeat(`{"a":{"shape":`, same("["), "") }, "'[' where a digit is expected"},
		{"nested objects", func() []byte { return repeat("", same(`{"a":`), "") }, `tensor "a": offset 18: unknown key "a"`},
		{"a long name", func() []byte { return repeat(`{"`, same("a"), `":`+empty+`}`) }, "a string longer than 1024 bytes"},
		{"a long dtype", func() []byte { return repeat(`{"a":{"dtype":"`, same("F"), `"}}`) }, "a string longer than 1024 bytes"},
		{"a long unknown key", func() []byte { return repeat(`{"a":{"`, same("F"), `":0}}`) }, "a string longer than 1024 bytes"},
		{"a long number", func() []byte { return repeat(`{"a":{"shape":[`, same("9"), `]}}`) }, "greater than 2^53"},
		{"a number of zeros", func() []byte { return repeat(`{"a":{"shape":[`, same("0"), `]}}`) }, "a number with a leading zero"},
		{"a shape of zeros", func() []byte { return repeat(`{"a":{"shape":[0`, same(",0"), `]}}`) }, "an array of more than 8 numbers"},
		{"tiny tensors", func() []byte {
			return repeat(`{"a":`+empty, func(i int) string { return fmt.Sprintf(`,"%x":%s`, i, empty) }, "}")
		}, "more than 65536 tensors, which is our limit"},
		{"one tensor again and again", func() []byte { return repeat(`{"a":`+empty, same(`,"a":`+empty), "}") }, "more than 65536 tensors"},
		{"metadata keys", func() []byte {
			return repeat(`{"__metadata__":{"":""`, func(i int) string { return fmt.Sprintf(`,"%x":""`, i) }, "}}")
		}, "more than 4096 keys, which is our limit"},
		{"one metadata key again and again", func() []byte { return repeat(`{"__metadata__":{"":""`, same(`,"":""`), "}}") }, `key "" appears twice`},
		{"metadata itself again and again", func() []byte { return repeat(`{"__metadata__":{}`, same(`,"__metadata__":{}`), "}") }, `key "__metadata__" appears twice`},
		{"invalid UTF-8", func() []byte { return repeat(`{"`, same("\xff"), `":0}`) }, "not valid UTF-8"},
		{"white space in the middle", func() []byte { return repeat(`{"a":`, same("\n"), `0}`) }, "'0' where '{' is expected"},
		{"a long metadata string", func() []byte { return repeat(`{"__metadata__":{"k":"`, same("v"), `"}}`) }, ""},
		{"a metadata string of escapes", func() []byte { return repeat(`{"__metadata__":{"k":"`, same(`\n`), `"}}`) }, ""},
		{"padding", func() []byte { return repeat(`{}`, same(" "), "") }, ""},
		{"65,536 tensors with long names and shapes", func() []byte { return many(maxTensors) }, ""},
		{"65,537 tensors with long names and shapes", func() []byte { return many(maxTensors + 1) }, "more than 65536 tensors"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := c.file()
			if len(file) != lengthSize+maxHeader {
				t.Fatalf("the file has %d bytes", len(file))
			}
			r := bytes.NewReader(file)
			if c.want != "" {
				refuse(t, r, int64(len(file)), c.want)
				return
			}
			checkMemory(t, func() {
				if _, err := NewFile(r, int64(len(file)), "t.safetensors"); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
