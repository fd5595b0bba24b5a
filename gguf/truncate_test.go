package gguf

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/akadata/bitnet-tool/quant"
)

// A file cut anywhere is refused: in its header, in a tensor, between tensors,
// in padding. Only the padding after the last tensor may be missing as a whole.
// One cut of a disputed type cannot be seen: to just the size of the number's
// other meaning.
func TestTruncated(t *testing.T) {
	small := metaOf(everythingMeta...)
	wide := metaOf(append(everythingMeta, entry{"general.alignment", uint32(256)})...)
	wide.Set("general.architecture", "bitnet-b1.58") // I2_S is told by it
	lastI2S := []TensorInfo{sample[0], sample[1]}
	tests := []struct {
		name   string
		b      []byte
		pad    int // bytes of padding at the end
		unseen int // bytes cut off that leave another type's size, or 0
	}{
		{"version 3", write(t, small, sample), 12, 0},
		{"alignment 256", write(t, wide, sample), 256 - 20, 0},
		{"last tensor I2_S", write(t, small, lastI2S), 0, 0},
		{"last tensor I2_S, alignment 256", write(t, wide, lastI2S), 256 - 96, 256 - 144}, // IQ4_NL_4_4
		{"version 1", everything(1, binary.LittleEndian).b, 22, 0},
		{"version 2", everything(2, binary.LittleEndian).b, 22, 0},
		{"big-endian", everything(3, binary.BigEndian).b, 22, 0},
		{"last tensor MXFP4", v3(1, 0).tensor("t", 39, 0, 256, 2).data(32, 288).b, 16, 288 - 160}, // TL2
		{"last tensor Q1_0 of number 40", v3(1, 0).tensor("t", 40, 0, 256, 2).data(32, 96).b, 24, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			whole := len(tt.b)
			for n := range whole + 1 {
				_, err := parse(tt.b[:n])
				if n == whole || n == whole-tt.pad || n == whole-tt.unseen {
					if err != nil {
						t.Errorf("%d bytes of %d: %v", n, whole, err)
					}
				} else if !errors.Is(err, ErrFormat) {
					t.Fatalf("%d bytes of %d: got %v, want ErrFormat", n, whole, err)
				}
			}
		})
	}
}

// In a file without tensors only the header's own padding may be missing.
func TestTruncatedWithoutTensors(t *testing.T) {
	b := write(t, metaOf(everythingMeta...), nil)
	end := len(arraysEnd(t, b))
	for n := range len(b) + 1 {
		if _, err := parse(b[:n]); (err == nil) != (n >= end) {
			t.Fatalf("%d bytes of %d, header of %d: %v", n, len(b), end, err)
		}
	}
}

// arraysEnd gives b up to the end of its last array, "ints".
func arraysEnd(t *testing.T, b []byte) []byte {
	f, err := parse(b)
	if err != nil {
		t.Fatal(err)
	}
	a, ok := Get[Array](&f.Meta, "ints")
	if !ok {
		t.Fatal("no array")
	}
	return b[:a.off+a.size]
}

// The tensor that does not fit is named, not the one after it.
func TestErrorNamesTheTensor(t *testing.T) {
	for i, bad := range []string{"a", "b", "c"} {
		ids := []uint32{24, 24, 24}
		ids[i] = 25 // I16 takes twice the room
		r := v3(3, 0)
		for j, name := range []string{"a", "b", "c"} {
			r.tensor(name, ids[j], uint64(64*j), 64)
		}
		_, err := r.data(32, 192).file()
		if want := `tensor "` + bad + `": `; err == nil || !errors.Is(err, ErrFormat) || !contains(err, want) {
			t.Errorf("got %v, want an error about %s", err, want)
		}
	}
}

func TestTruncatedErrorNamesTheTensor(t *testing.T) {
	b := v3(2, 0).tensor("a", 24, 0, 64).tensor("b", 24, 64, 64).data(32, 128).b
	for cut, want := range map[int]string{
		100: `tensor "a": malformed GGUF: file is truncated by at least 36 bytes`,
		64:  `tensor "b": malformed GGUF: file is truncated by at least 64 bytes`,
		10:  `tensor "b": malformed GGUF: file is truncated by at least 10 bytes`,
	} {
		if _, err := parse(b[:len(b)-cut]); err == nil || !contains(err, want) {
			t.Errorf("%d bytes cut off: got %v, want %s", cut, err, want)
		}
	}
}

func TestOpenedThenCut(t *testing.T) {
	cut := &cutFile{b: write(t, &Meta{}, []TensorInfo{{"t", []int64{64}, quant.F32}})}
	f, err := NewFile(cut, int64(len(cut.b)))
	if err != nil {
		t.Fatal(err)
	}
	cut.b = cut.b[:f.DataOffset+100]
	n, err := f.Section(f.Tensors[0]).ReadAt(make([]byte, 256), 0)
	if n != 100 || err == nil {
		t.Errorf("read %d bytes, %v", n, err)
	}
}
