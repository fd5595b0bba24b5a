package convert

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"testing"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/safetensors"
	"github.com/akadata/bitnet-tool/quant"
)

// Any part of a decoded tensor is what the whole has there.
func TestDecoderReadsAnywhere(t *testing.T) {
	c, _ := quant.Lookup(quant.TQ1_0)
	const rows, cols = 300, 512
	codes := make([]byte, rows*cols)
	for i := range codes {
		codes[i] = byte((i*7 + i/5) % 3)
	}
	l, err := gguf.NewLayout(&gguf.Meta{}, []gguf.TensorInfo{{Name: "w", Dims: []int64{cols, rows}, Type: quant.TQ1_0}})
	if err != nil {
		t.Fatal(err)
	}
	packed := make([]byte, len(codes)/c.BlockLen*c.BlockBytes)
	if err := c.PackTrits(packed, codes, 0.5); err != nil {
		t.Fatal(err)
	}
	file := append(bytes.Clone(l.Header), packed...)
	f, err := gguf.NewFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	d, r, err := decodedReader(f, f.Tensors[0])
	if err != nil || d != safetensors.F32 {
		t.Fatal(d, err)
	}
	whole := make([]byte, 4*len(codes))
	for i, code := range codes {
		binary.LittleEndian.PutUint32(whole[4*i:], math.Float32bits(0.5*float32(int8(code)-1)))
	}
	size := int64(len(whole))
	for _, at := range []struct{ off, n int64 }{
		{0, size}, {0, 1}, {3, 5}, {1020, 8}, {1023, 2}, {4 * maxDecode, 9}, {4*maxDecode - 3, 4096}, {size - 7, 7}, {size - 5000, 5000},
	} {
		part := make([]byte, at.n)
		if _, err := r.ReadAt(part, at.off); err != nil || !bytes.Equal(part, whole[at.off:at.off+at.n]) {
			t.Errorf("%d bytes at %d: %v", at.n, at.off, err)
		}
	}
	if n, err := r.ReadAt(make([]byte, 10), size-4); n != 4 || err != io.EOF {
		t.Errorf("at the end: %d, %v", n, err)
	}
	if _, err := r.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("negative offset")
	}
}
