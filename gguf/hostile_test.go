package gguf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	goruntime "runtime"
	"strings"
	"testing"
)

// hostileFile is a file that must be refused with an error that says each of
// says. A size above the length of head stands for a hole after it.
type hostileFile struct {
	name string
	head *raw
	size int64 // 0: head is the whole file
	says []string
}

const gib = 1 << 30

func (h hostileFile) open() (*File, error) {
	r := h.head.sparse(h.size)
	return NewFile(r, r.size)
}

// second has a good tensor of 32 bytes before one that is up to the case.
func second(id uint32, offset uint64, dims ...uint64) *raw {
	return v3(2, 0).tensor("good", 24, 0, 32).tensor("bad", id, offset, dims...).data(32, 64)
}

func hostileCounts() []hostileFile {
	le := binary.LittleEndian
	return []hostileFile{
		{"tensor count 2^63", v3(1<<63, 0), 16 * gib, []string{"tensor count", "9223372036854775808"}},
		{"tensor count 2^64-1", v3(1<<64-1, 0), 16 * gib, []string{"tensor count", "18446744073709551615"}},
		{"tensor count of a million", v3(1000000, 0), 16 * gib, []string{"tensor count", "1000000", "65536"}},
		{"tensor count one above the limit", v3(65537, 0), 16 * gib, []string{"tensor count", "65537"}},
		{"tensor count beyond the file", v3(65536, 0), 65536*24 - 1, []string{"tensor count", "bytes left"}},
		{"tensor count 2^32-1 in version 1", begin(1, le, 1<<32-1, 0), 16 * gib, []string{"tensor count", "4294967295"}},
		{"key count 2^63", v3(0, 1<<63), 16 * gib, []string{"metadata count", "9223372036854775808"}},
		{"key count 2^64-1", v3(0, 1<<64-1), 16 * gib, []string{"metadata count"}},
		{"key count one above the limit", v3(0, 65537), 16 * gib, []string{"metadata count", "65537"}},
		{"key count beyond the file", v3(0, 65536), 65536*13 - 1, []string{"metadata count", "bytes left"}},
		{"key count of zeros", v3(0, 65536), 16 * gib, []string{"metadata 1 of 65536", "empty key"}},
		{"key length 2^63", v3(0, 1).u64(1 << 63).bytes(32), 16 * gib, []string{"metadata 1 of 1", "key length"}},
		{"key length 2^64-1", v3(0, 1).u64(1<<64 - 1).bytes(32), 0, []string{"metadata 1 of 1", "key length"}},
		{"key of 65536 bytes", v3(0, 1).str(strings.Repeat("k", 65536)).u32(0).u8(0), 0, []string{"key length", "65535"}},
		{"key beyond the file", v3(0, 1).u64(100).bytes(32), 0, []string{"key length of 100", "32 bytes left"}},
		{"string length 2^63", v3(0, 1).key("s", 8).u64(1 << 63).bytes(32), 16 * gib, []string{`key "s"`, "string length"}},
		{"string length 2^64-1", v3(0, 1).key("s", 8).u64(1<<64 - 1).bytes(32), 0, []string{`key "s"`, "string length"}},
		{"string of 16 MiB and a byte", v3(0, 1).key("s", 8).u64(16<<20 + 1), 16 * gib, []string{`key "s"`, "16777216"}},
		{"string beyond the file", v3(0, 1).key("s", 8).u64(33).bytes(32), 0, []string{`key "s"`, "32 bytes left"}},
		{"array length 2^63", v3(0, 1).array("a", 4, 1<<63), 16 * gib, []string{`key "a"`, "array length"}},
		{"array length 2^64-1", v3(0, 1).array("a", 0, 1<<64-1).bytes(64), 0, []string{`key "a"`, "array length"}},
		{"array length that wraps times 8", v3(0, 1).array("a", 10, 1<<61+1).bytes(64), 0, []string{`key "a"`, "array length"}},
		{"array of 4 Mi and one", v3(0, 1).array("a", 0, 4<<20+1), 16 * gib, []string{`key "a"`, "4194304"}},
		{"array beyond the file", v3(0, 1).array("a", 4, 9).bytes(35), 0, []string{`key "a"`, "array length of 9"}},
		{"array of 10^9 empty strings", v3(0, 1).array("a", 8, 1e9), 16 * gib, []string{`key "a"`, "1000000000"}},
		{
			"length of a string in an array", v3(0, 1).array("a", 8, 2).str("x").u64(1<<64 - 1).bytes(32), 0,
			[]string{`key "a"`, "element 1", "string length"},
		},
		{
			"string in an array beyond the file", v3(0, 1).array("a", 8, 2).str("x").u64(33).bytes(32), 0,
			[]string{`key "a"`, "element 1", "32 bytes left"},
		},
		{"strings of 16 MiB without end", longStrings(8), 16 * gib, []string{`key "a"`, "header larger"}},
		{"arrays without end", longArrays(5), 16 * gib, []string{`key "a3"`, "header larger"}},
		{"values that fill the memory", longValues(), 16 * gib, []string{`key "k1"`, "25165824 bytes of strings"}},
		{"tensor name length 2^64-1", v3(1, 0).u64(1<<64 - 1).bytes(64), 0, []string{"tensor 1 of 1", "tensor name length"}},
		{"tensor name of 256 bytes", v3(1, 0).tensor(strings.Repeat("n", 256), 0, 0, 1).data(32, 4), 0, []string{"tensor 1 of 1", "255"}},
	}
}

// longStrings has an array of n strings of 16 MiB.
func longStrings(n int) *raw {
	r := v3(0, 1).array("a", 8, uint64(n))
	for range n {
		r.u64(16 << 20).hole(16 << 20)
	}
	return r
}

// longArrays has n arrays of 32 MiB.
func longArrays(n int) *raw {
	r := v3(0, uint64(n))
	for i := range n {
		r.array(fmt.Sprint("a", i), 10, 4<<20).hole(32 << 20)
	}
	return r
}

// longValues has two strings of 16 MiB.
func longValues() *raw {
	return v3(0, 2).key("k0", 8).u64(16<<20).hole(16<<20).key("k1", 8).u64(16 << 20)
}

func hostileMetadata() []hostileFile {
	align := func(t ValueType) *raw { return v3(0, 1).key("general.alignment", t) }
	return []hostileFile{
		{"array of arrays", v3(0, 1).array("a", 9, 1).u32(9).u64(1), 0, []string{`key "a"`, "array of arrays"}},
		{"value type 13", v3(0, 2).key("k", 13).u64(0).key("l", 0).u8(1), 0, []string{`key "k"`, "13"}},
		{"value type 2^32-1", v3(0, 1).key("k", math.MaxUint32).u64(0), 0, []string{`key "k"`, "4294967295"}},
		{"array of value type 13", v3(0, 1).array("a", 13, 1).bytes(64), 0, []string{`key "a"`, "13"}},
		{"array of value type 2^32-1", v3(0, 1).array("a", math.MaxUint32, 1).bytes(64), 0, []string{`key "a"`}},
		{"alignment 0", align(4).u32(0), 0, []string{"general.alignment", "0 (uint32)"}},
		{"alignment 4", align(4).u32(4), 0, []string{"general.alignment", "4 (uint32)"}},
		{"alignment 48", align(4).u32(48), 0, []string{"general.alignment", "48"}},
		{"alignment 33", align(4).u32(33), 0, []string{"general.alignment", "33"}},
		{"alignment 2 MiB", align(4).u32(2 << 20), 0, []string{"general.alignment", "2097152"}},
		{"alignment 2^31", align(4).u32(1 << 31), 0, []string{"general.alignment", "2147483648"}},
		{"alignment as u64", align(10).u64(32), 0, []string{"general.alignment", "uint64"}},
		{"alignment as i32", align(5).u32(32), 0, []string{"general.alignment", "int32"}},
		{"alignment as string", align(8).str("32"), 0, []string{"general.alignment", "string"}},
		{"alignment as array", v3(0, 1).array("general.alignment", 4, 1).u32(32), 0, []string{"general.alignment"}},
		{"key twice", v3(0, 2).key("k", 0).u8(1).key("k", 0).u8(1), 0, []string{`key "k"`, "twice"}},
		{
			"alignment twice", v3(0, 2).key("general.alignment", 4).u32(32).key("general.alignment", 4).u32(64), 0,
			[]string{`key "general.alignment"`, "twice"},
		},
		{"empty key", v3(0, 1).key("", 0).u8(1), 0, []string{"metadata 1 of 1", "empty key"}},
		{"NUL in a key", v3(0, 1).key("a\x00b", 0).u8(1), 0, []string{`key "a\x00b"`, "U+0000"}},
		{"terminal escape in a key", v3(0, 1).key("\x1b]0;x\a", 0).u8(1), 0, []string{`"\x1b]0;x\a"`}},
		{"key that is not UTF-8", v3(0, 1).key("\xff", 0).u8(1), 0, []string{`key "\xff"`, "UTF-8"}},
		{"key that reverses the line", v3(0, 1).key("a\u202eb", 0).u8(1), 0, []string{"U+202E"}},
		{"bool of 2", v3(0, 1).key("b", 7).u8(2), 0, []string{`key "b"`, "bool of value 2"}},
		{"bool of 255 in an array", v3(0, 1).array("b", 7, 3).u8(1).u8(0).u8(255), 0, []string{`key "b"`, "element 2", "255"}},
	}
}

func hostileTensors() []hostileFile {
	one := func(id uint32, dims ...uint64) *raw { return v3(1, 0).tensor("bad", id, 0, dims...).data(32, 4096) }
	return []hostileFile{
		{"dimension 0", one(0, 32, 0), 0, []string{`"bad"`, "dimension 1 is 0"}},
		{"only dimension 0", one(0, 0), 0, []string{`"bad"`, "dimension 0 is 0"}},
		{"dimension beyond 2^40", one(0, 1<<42+1, 1<<22), 0, []string{`"bad"`, "dimension 0 is 4398046511105"}},
		{"dimension 2^64-1", one(0, 1<<64-1), 0, []string{`"bad"`, "dimension 0"}},
		{"product wraps to 0", one(0, 1<<40, 1<<24), 0, []string{`"bad"`, "overflows"}},
		{"product wraps to a small number", one(0, 1<<32, 1<<32, 2, 1<<10), 0, []string{`"bad"`, "overflows"}},
		{"product of 2^63", one(24, 1<<40, 1<<23), 0, []string{`"bad"`, "overflows"}},
		{"product wraps to 0 in an unknown type", one(4000, 1<<40, 1<<24), 0, []string{`"bad"`, "overflows"}},
		{"product of 2^63 of an unknown type", one(4000, 1<<40, 1<<23), 0, []string{`"bad"`, "overflows"}},
		{"bytes overflow", one(28, 1<<40, 1<<22), 0, []string{`"bad"`, "overflows"}},
		{"bytes beyond any file", one(24, 1<<40, 1<<22), 0, []string{`"bad"`, "larger than any file"}},
		{"five dimensions", one(0, 1, 1, 1, 1, 1), 0, []string{`"bad"`, "5 dimensions"}},
		{"2^32-1 dimensions", v3(1, 0).str("bad").u32(math.MaxUint32).bytes(4096), 16 * gib, []string{`"bad"`, "4294967295 dimensions"}},
		{"Q8_0 row of 33", one(8, 33), 0, []string{`"bad"`, "33", "Q8_0"}},
		{"TQ2_0 row of 128", one(35, 128, 2), 0, []string{`"bad"`, "128", "TQ2_0"}},
		{"bytes beyond the file", one(0, 1<<30), 0, []string{`"bad"`, "truncated by at least 4294963200 bytes"}},
		{"first offset not 0", v3(1, 0).tensor("bad", 0, 32, 8).data(32, 64), 0, []string{`"bad"`, "32, not 0"}},
		{"offset 2^63", second(24, 1<<63, 32), 0, []string{`"bad"`, "9223372036854775808"}},
		{"offset 2^64-32", second(24, 1<<64-32, 32), 0, []string{`"bad"`, "18446744073709551584"}},
		{"offset 2^62-32", second(24, 1<<62-32, 32), 0, []string{`"good"`, `"bad"`}},
		{"offset not aligned", second(24, 33, 31), 0, []string{`tensor "bad"`, "33", "alignment 32"}},
		{"two names for one blob", second(24, 0, 32), 0, []string{`tensor "bad"`, "not after"}},
		{"gap before a tensor", second(24, 64, 0x20), 0, []string{`tensor "good"`, `"bad"`, "64 bytes further on"}},
		{
			"overlap", v3(2, 0).tensor("long", 24, 0, 33).tensor("next", 24, 32, 32).data(32, 64), 0,
			[]string{`tensor "long"`, "64 bytes with padding", `"next"`},
		},
		{
			"out of order", v3(3, 0).tensor("a", 24, 0, 32).tensor("b", 24, 64, 32).tensor("c", 24, 32, 32).data(32, 96), 0,
			[]string{`tensor "c"`, "not after", `"b" at 64`},
		},
		{
			"same name twice", v3(3, 0).tensor("a", 24, 0, 32).tensor("b", 24, 32, 32).tensor("a", 24, 64, 32).data(32, 96), 0,
			[]string{`"a"`, "twice", "1 and 3"},
		},
		{"no name", v3(1, 0).tensor("", 24, 0, 32).data(32, 32), 0, []string{"tensor 1 of 1", "empty"}},
		{"NUL in a name", v3(1, 0).tensor("a\x00b", 24, 0, 32).data(32, 32), 0, []string{`"a\x00b"`}},
		{"slash in a name", v3(1, 0).tensor("a/b", 24, 0, 32).data(32, 32), 0, []string{`"a/b"`, "path"}},
		{"backslash in a name", v3(1, 0).tensor(`a\b`, 24, 0, 32).data(32, 32), 0, []string{`"a\\b"`, "path"}},
		{"parent directory in a name", v3(1, 0).tensor("..", 24, 0, 32).data(32, 32), 0, []string{`".."`}},
		{"terminal escape in a name", v3(1, 0).tensor("a\x1b[31m", 24, 0, 32).data(32, 32), 0, []string{`"a\x1b[31m"`, "U+001B"}},
		{"name that is not UTF-8", v3(1, 0).tensor("a\xc3", 24, 0, 32).data(32, 32), 0, []string{`"a\xc3"`, "UTF-8"}},
		{"bytes after the last tensor", v3(1, 0).tensor("t", 24, 0, 32).data(32, 33), 0, []string{`"t"`, "1 bytes follow"}},
		{"gigabytes after the last tensor", v3(1, 0).tensor("t", 24, 0, 32).data(32, 32), 16 * gib, []string{`"t"`, "bytes follow"}},
		{"bytes after a header without tensors", v3(0, 0).data(32, 1), 0, []string{"1 bytes after a header without tensors"}},
		{"cut in the padding of the last tensor", v3(1, 0).tensor("t", 24, 0, 33).data(32, 34), 0, []string{`"t"`, "truncated by at least 30 bytes"}},
		{
			"type 31 with the size of I2_S", v3(2, 0).tensor("old", 31, 0, 256).tensor("t", 24, 96, 1).data(32, 97), 0,
			[]string{`"old"`, "2024 development build"},
		},
		{
			"type 30 with the size of I2_S at the end", v3(1, 0).tensor("old", 30, 0, 256).data(32, 96), 0,
			[]string{`"old"`, "2024 development build"},
		},
	}
}

func hostileStarts() []hostileFile {
	text := func(s string) *raw { return &raw{b: []byte(s + strings.Repeat(" ", 64))} }
	return []hostileFile{
		{"nothing", &raw{}, 0, []string{"0 bytes is too short"}},
		{"three bytes", &raw{b: []byte("GGU")}, 0, []string{"3 bytes is too short"}},
		{"only the magic", &raw{b: []byte("GGUF")}, 0, []string{"file ends"}},
		{"zeros", &raw{}, 16 * gib, []string{"starts with"}},
		{"magic backwards", text("FUGG\x03\x00\x00\x00"), 0, []string{`"FUGG"`}},
		{"magic in small letters", text("gguf\x03\x00\x00\x00"), 0, []string{`"gguf"`}},
		{"Git LFS pointer", text("version https://git-lfs.github.com/spec/v1\n"), 0, []string{"Git LFS"}},
		{"web page", text("<!DOCTYPE html>"), 0, []string{"web page"}},
		{"GGML file", text("lmgg"), 0, []string{"before GGUF"}},
		{"version 0", begin(0, binary.LittleEndian, 0, 0), 0, []string{"version 0"}},
		{"version 4", begin(4, binary.LittleEndian, 0, 0), 0, []string{"version 4"}},
		{"big-endian version 4", begin(4, binary.BigEndian, 0, 0), 0, []string{"version 4"}},
		{"version 2^32-1", begin(math.MaxUint32, binary.LittleEndian, 0, 0), 0, []string{"version 4294967295"}},
	}
}

func hostileFiles() []hostileFile {
	var all []hostileFile
	for _, list := range [][]hostileFile{hostileStarts(), hostileCounts(), hostileMetadata(), hostileTensors()} {
		all = append(all, list...)
	}
	return all
}

func TestHostileFiles(t *testing.T) {
	for _, h := range hostileFiles() {
		t.Run(h.name, func(t *testing.T) {
			var f *File
			var err error
			if n := allocated(func() { f, err = h.open() }); n > 64<<20 {
				t.Errorf("allocated %d bytes", n)
			}
			if !errors.Is(err, ErrFormat) || f != nil {
				t.Fatalf("got %v, %v, want ErrFormat", f, err)
			}
			for _, s := range h.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%q does not say %q", err, s)
				}
			}
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == 0x202e || r == '\ufffd' }) {
				t.Errorf("%q is not fit for a terminal", err)
			}
		})
	}
}

// allocated gives the bytes that f allocates.
func allocated(f func()) uint64 {
	var before, after goruntime.MemStats
	goruntime.ReadMemStats(&before)
	f()
	goruntime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
