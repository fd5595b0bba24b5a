package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestNewFile(t *testing.T) {
	for _, c := range []struct {
		name     string
		file     []byte
		want     []Tensor // Offset counts from the end of the header
		data     []string // of want
		metadata map[string]string
	}{
		{
			name: "no tensors",
			file: raw(`{}`, ""),
		},
		{
			name: "listed out of order and at odd offsets",
			file: raw(`{"c":{"dtype":"F32","shape":[1],"data_offsets":[3,7]},`+
				`"a":{"dtype":"BF16","shape":[1,1],"data_offsets":[1,3]},`+
				`"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, "0123456"),
			want: []Tensor{
				{Name: "a", DType: BF16, Shape: []int64{1, 1}, Offset: 1},
				{Name: "b", DType: U8, Shape: []int64{1}},
				{Name: "c", DType: F32, Shape: []int64{1}, Offset: 3},
			},
			data: []string{"12", "0", "3456"},
		},
		{
			name: "a scalar and tensors without elements",
			file: raw(`{"s":{"dtype":"I8","shape":[],"data_offsets":[0,1]},`+
				`"x":{"dtype":"F64","shape":[0],"data_offsets":[0,0]},`+
				`"y":{"dtype":"F4","shape":[3,0],"data_offsets":[1,1]}}`, "!"),
			want: []Tensor{
				{Name: "s", DType: I8, Shape: []int64{}},
				{Name: "x", DType: F64, Shape: []int64{0}},
				{Name: "y", DType: F4, Shape: []int64{3, 0}, Offset: 1},
			},
			data: []string{"!", "", ""},
		},
		{
			name: "elements narrower than a byte",
			file: encode(nil, entry{"f4", F4, []int64{2, 3}, "abc"}, entry{"f6", F6E2M3, []int64{4}, "def"}),
			want: []Tensor{
				{Name: "f4", DType: F4, Shape: []int64{2, 3}},
				{Name: "f6", DType: F6E2M3, Shape: []int64{4}, Offset: 3},
			},
			data: []string{"abc", "def"},
		},
		{
			name: "white space between tokens, padding, fields in another order",
			file: raw("{\n \"a\" :\t{ \"data_offsets\" : [ 0 , 2 ] ,\r\n \"shape\" : [ 2 ] , \"dtype\" : \"U8\" } }   ", "ab"),
			want: []Tensor{{Name: "a", DType: U8, Shape: []int64{2}}},
			data: []string{"ab"},
		},
		{
			name: "escapes",
			file: raw(`{"__metadata__":{"\u006b\/\"":"\b\f\n\r\t\\\u00e9\u20AC\ud83d\uDE00é€😀"},`+
				`"\u0061\"":{"d\u0074ype":"\u00558","shape":[0],"data_offsets":[0,0]}}`, ""),
			want:     []Tensor{{Name: `a"`, DType: U8, Shape: []int64{0}}},
			data:     []string{""},
			metadata: map[string]string{`k/"`: "\b\f\n\r\t\\é€😀é€😀"},
		},
		{
			name:     "metadata after the tensors, empty strings",
			file:     raw(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"__metadata__":{"":""}}`, ""),
			want:     []Tensor{{Name: "a", DType: U8, Shape: []int64{0}}},
			data:     []string{""},
			metadata: map[string]string{"": ""},
		},
		{
			name: "largest dimension, as many as allowed",
			file: raw(`{"a":{"dtype":"U8","shape":[9007199254740992,0,1,1,1,1,1,1],"data_offsets":[0,0]}}`, ""),
			want: []Tensor{{Name: "a", DType: U8, Shape: []int64{1 << 53, 0, 1, 1, 1, 1, 1, 1}}},
			data: []string{""},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := open(c.file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			header := int64(binary.LittleEndian.Uint64(c.file))
			for i := range c.want {
				c.want[i].File = "t.safetensors"
				c.want[i].Offset += 8 + header
			}
			opts := []cmp.Option{cmpopts.IgnoreUnexported(Tensor{}), cmpopts.EquateEmpty()}
			if d := cmp.Diff(c.want, f.Tensors(), opts...); d != "" {
				t.Errorf("tensors (-want +got):\n%s", d)
			}
			if d := cmp.Diff(c.metadata, f.Metadata(), cmpopts.EquateEmpty()); d != "" {
				t.Errorf("metadata (-want +got):\n%s", d)
			}
			for i, tensor := range f.Tensors() {
				if got := read(t, tensor); got != c.data[i] {
					t.Errorf("%s holds %q, want %q", tensor.Name, got, c.data[i])
				}
				if got, want := tensor.Size()*8, tensor.Elements()*int64(tensor.DType.Bits()); got != want {
					t.Errorf("%s: %d bits for %d elements of %v", tensor.Name, got, tensor.Elements(), tensor.DType)
				}
				found, ok := f.Tensor(tensor.Name)
				if d := cmp.Diff(tensor, found, opts...); !ok || d != "" {
					t.Errorf("Tensor(%q): %v\n%s", tensor.Name, ok, d)
				}
			}
			if _, ok := f.Tensor("missing"); ok {
				t.Error("a tensor found that is not there")
			}
		})
	}
}

func read(t *testing.T, tensor Tensor) string {
	t.Helper()
	b, err := io.ReadAll(tensor.Section())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDType(t *testing.T) {
	// Widths by the names of the types: OCP MX formats, FP8, and the digits.
	want := map[string]int{
		"BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8,
		"F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
		"I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
		"C64": 64, "F64": 64, "I64": 64, "U64": 64,
	}
	got := map[string]int{}
	for d := DType(1); d.Bits() != 0; d++ {
		got[d.String()] = d.Bits()
		if p, ok := parseDType([]byte(d.String())); p != d || !ok {
			t.Errorf("%v is read as %v, %v", d, p, ok)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if s := DType(0).String() + DType(200).String(); s != "DType(0)DType(200)" {
		t.Error(s)
	}
}

// Results belong to the caller: changing them does not change the File.
func TestResultsAreCopies(t *testing.T) {
	f, err := open(encode(map[string]string{"k": "v"}, entry{"a", U8, []int64{1}, "x"}))
	if err != nil {
		t.Fatal(err)
	}
	f.Tensors()[0].Name = "changed"
	f.Metadata()["k"] = "changed"
	if f.Tensors()[0].Name != "a" || f.Metadata()["k"] != "v" {
		t.Error("the file changed")
	}
}

func TestConcurrentReads(t *testing.T) {
	want := strings.Repeat("0123456789", 1000)
	f, err := open(encode(nil, entry{"a", U8, []int64{10000}, want}))
	if err != nil {
		t.Fatal(err)
	}
	tensor, _ := f.Tensor("a")
	section := tensor.Section()
	var wg sync.WaitGroup
	for start := range 10 {
		wg.Go(func() {
			b := make([]byte, 1000)
			if _, err := section.ReadAt(b, int64(start)*1000); err != nil || string(b) != want[:1000] {
				t.Errorf("at %d: %v", start*1000, err)
			}
		})
	}
	wg.Wait()
}

// failing gives its error for every read.
type failing struct{ err error }

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.err }

func TestNewFileReadError(t *testing.T) {
	want := errors.New("disk on fire")
	if _, err := NewFile(failing{want}, 100, "t.safetensors"); !errors.Is(err, want) || errors.Is(err, ErrFormat) {
		t.Error(err)
	}
}

// A file that shrinks must not look like a tensor that ends early.
func TestShrunkFile(t *testing.T) {
	file := encode(nil, entry{"a", U8, []int64{100}, strings.Repeat("x", 100)})
	for _, c := range []struct {
		name string
		left int
	}{{"in the length", 4}, {"in the header", 20}} {
		t.Run(c.name, func(t *testing.T) {
			_, err := NewFile(bytes.NewReader(file[:c.left]), int64(len(file)), "t.safetensors")
			if !errors.Is(err, ErrChanged) {
				t.Error(err)
			}
		})
	}
	t.Run("in a tensor", func(t *testing.T) {
		f, err := NewFile(bytes.NewReader(file[:len(file)-1]), int64(len(file)), "t.safetensors")
		if err != nil {
			t.Fatal(err)
		}
		tensor, _ := f.Tensor("a")
		n, err := io.Copy(io.Discard, tensor.Section())
		if n != 99 || !errors.Is(err, ErrChanged) {
			t.Errorf("copied %d: %v", n, err)
		}
	})
}

func TestOpen(t *testing.T) {
	dir := writeFiles(t, map[string][]byte{"m.safetensors": encode(nil, entry{"a", U8, []int64{2}, "hi"}), "bad.safetensors": {}})
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Run("good", func(t *testing.T) {
		f, err := Open(filepath.Join(dir, "m.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		tensor, _ := f.Tensor("a")
		if got := read(t, tensor); got != "hi" || tensor.File != "m.safetensors" {
			t.Errorf("%q from %s", got, tensor.File)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if _, err := io.ReadAll(tensor.Section()); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("read after Close: %v", err)
		}
	})
	for _, c := range []struct {
		name, file string
		want       error
	}{
		{"missing", "none", fs.ErrNotExist},
		{"empty", "bad.safetensors", ErrFormat},
		{"folder", ".", ErrFormat},
		{"named pipe", "pipe", ErrFormat},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Open(filepath.Join(dir, c.file)); !errors.Is(err, c.want) {
				t.Error(err)
			}
		})
	}
}

func TestCheckUnchanged(t *testing.T) {
	content := encode(nil, entry{"a", U8, []int64{2}, "hi"})
	for _, c := range []struct {
		name   string
		change func(path string) error
		want   string // in the error; empty: none
	}{
		{"nothing", func(string) error { return nil }, ""},
		{"truncated", func(p string) error { return os.Truncate(p, 5) }, "5 bytes"},
		{"written to", func(p string) error {
			if err := os.WriteFile(p, content, 0o644); err != nil {
				return err
			}
			later := time.Now().Add(time.Second) // clocks of file systems are coarse
			return os.Chtimes(p, later, later)
		}, "written to"},
		{"replaced", func(p string) error {
			if err := os.WriteFile(p+".new", content, 0o644); err != nil {
				return err
			}
			return os.Rename(p+".new", p)
		}, "another file"},
		{"removed", os.Remove, "no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(writeFiles(t, map[string][]byte{"m.safetensors": content}), "m.safetensors")
			f, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if err := c.change(path); err != nil {
				t.Fatal(err)
			}
			err = f.CheckUnchanged()
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
			} else if !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	f, err := open(content)
	if err != nil || f.CheckUnchanged() != nil {
		t.Error("a file without a path has nothing to check")
	}
}
