package gguf

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akadata/bitnet-tool/quant"
)

// memory is a file in memory that grows as it is written.
type memory struct{ b []byte }

func (m *memory) WriteAt(p []byte, off int64) (int, error) {
	if need := int(off) + len(p); need > len(m.b) {
		m.b = append(m.b, bytes.Repeat([]byte{0xee}, need-len(m.b))...)
	}
	return copy(m.b[off:], p), nil
}

// write lays out a file and writes it whole, tensor i filled with the byte i+1.
func write(t testing.TB, m *Meta, ts []TensorInfo) []byte {
	t.Helper()
	l, err := NewLayout(m, ts)
	if err != nil {
		t.Fatal(err)
	}
	out := &memory{}
	for i := len(ts) - 1; i >= 0; i-- { // in any order
		fill := bytes.Repeat([]byte{byte(i + 1)}, int(l.Tensors[i].Size))
		if _, err := l.Section(out, i).Write(fill); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.WriteFrame(out); err != nil {
		t.Fatal(err)
	}
	if int64(len(out.b)) != l.FileSize {
		t.Fatalf("wrote %d bytes, planned %d", len(out.b), l.FileSize)
	}
	return out.b
}

func metaOf(entries ...entry) *Meta {
	m := &Meta{}
	for _, e := range entries {
		m.Set(e.Key, e.Value)
	}
	return m
}

var sample = []TensorInfo{
	{"token_embd.weight", []int64{3, 2}, quant.F16},
	{"blk.0.attn_q.weight", []int64{128, 2}, quant.I2_S},
	{"blk.0.ffn_up.weight", []int64{256, 1}, quant.TQ1_0},
	{"blk.0.ffn_down.weight", []int64{256, 3}, quant.TQ2_0},
	{"output.weight", []int64{32, 2, 1, 1}, quant.Q8_0},
	{"rope_freqs", []int64{2, 1}, quant.BF16},
	{"output_norm.weight", []int64{5}, quant.F32},
}

var sampleSizes = []int64{12, 96, 54, 198, 68, 4, 20}

func TestRoundTrip(t *testing.T) {
	f, err := parse(write(t, metaOf(everythingMeta...), sample))
	if err != nil {
		t.Fatal(err)
	}
	got, err := entries(&f.Meta)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(everythingMeta, got); diff != "" {
		t.Errorf("metadata (-set +read):\n%s", diff)
	}
	if f.Version != 3 || f.ByteOrder != binary.LittleEndian || f.Alignment != 32 {
		t.Errorf("version %d, %v, alignment %d", f.Version, f.ByteOrder, f.Alignment)
	}
	var offset int64
	for i, tensor := range f.Tensors {
		if diff := cmp.Diff(sample[i], tensor.TensorInfo); diff != "" {
			t.Errorf("tensor %d (-laid out +read):\n%s", i, diff)
		}
		if tensor.Offset != offset || tensor.Size != sampleSizes[i] {
			t.Errorf("%s: %d bytes at %d, want %d at %d", tensor.Name, tensor.Size, tensor.Offset, sampleSizes[i], offset)
		}
		data, err := io.ReadAll(f.Section(tensor))
		if want := bytes.Repeat([]byte{byte(i + 1)}, int(sampleSizes[i])); err != nil || !bytes.Equal(data, want) {
			t.Errorf("%s: data %x, %v", tensor.Name, data, err)
		}
		offset = (offset + sampleSizes[i] + 31) / 32 * 32
	}
	if f.FileSize != f.DataOffset+offset {
		t.Errorf("file of %d bytes, data of %d at %d", f.FileSize, offset, f.DataOffset)
	}
}

func TestPaddingIsZero(t *testing.T) {
	b := write(t, metaOf(entry{"k", uint8(1)}), sample)
	f, err := parse(b)
	if err != nil {
		t.Fatal(err)
	}
	for i, tensor := range f.Tensors {
		end := f.FileSize
		if i+1 < len(f.Tensors) {
			end = f.DataOffset + f.Tensors[i+1].Offset
		}
		pad := b[f.DataOffset+tensor.Offset+tensor.Size : end]
		if len(pad) > 31 || !bytes.Equal(pad, make([]byte, len(pad))) {
			t.Errorf("after %s: %x", tensor.Name, pad)
		}
	}
}

func TestSameInputSameBytes(t *testing.T) {
	first := write(t, metaOf(everythingMeta...), sample)
	for range 20 {
		if !bytes.Equal(first, write(t, metaOf(everythingMeta...), sample)) {
			t.Fatal("two layouts of the same input differ")
		}
	}
}

// The writer and the test's own builder, which share no code, agree.
func TestWriterBytes(t *testing.T) {
	m := metaOf(append(everythingMeta, entry{"general.alignment", uint32(64)})...)
	got := write(t, m, []TensorInfo{{"a", []int64{3}, quant.F32}, {"b", []int64{128, 1}, quant.I2_S}})

	r := everything(3, binary.LittleEndian)
	// Its directory is replaced: everything up to the first tensor's name.
	r.b = r.b[:bytes.Index(r.b, []byte("token_embd.weight"))-8]
	r.key("general.alignment", 4).u32(64)
	r.b[16] = 18 // keys
	r.tensor("a", 0, 0, 3).tensor("b", 36, 64, 128, 1)
	r.data(64, 0)
	r.b = append(r.b, bytes.Repeat([]byte{1}, 12)...)
	r.data(64, 0)
	r.b = append(r.b, bytes.Repeat([]byte{2}, 64)...)
	if diff := cmp.Diff(r.b, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Metadata read from one file may be laid out into another: arrays are copied.
func TestCopyMeta(t *testing.T) {
	src, err := parse(write(t, metaOf(everythingMeta...), sample[:1]))
	if err != nil {
		t.Fatal(err)
	}
	src.Meta.Delete("u8")
	dst, err := parse(write(t, &src.Meta, sample[1:]))
	if err != nil {
		t.Fatal(err)
	}
	got, err := entries(&dst.Meta)
	if err != nil {
		t.Fatal(err)
	}
	want := append(everythingMeta[:1:1], everythingMeta[2:]...)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNoTensors(t *testing.T) {
	b := write(t, &Meta{}, nil)
	f, err := parse(b)
	if err != nil || len(b) != 32 || f.DataOffset != 32 {
		t.Errorf("%d bytes, %+v, %v", len(b), f, err)
	}
}
