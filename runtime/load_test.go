package runtime_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/testmodel"
	"github.com/akadata/bitnet-tool/quant"
	"github.com/akadata/bitnet-tool/runtime"
)

// TestOpenAndLoadAgree: mapped weights and weights in memory are the same, and
// what a file does not say is known.
func TestOpenAndLoadAgree(t *testing.T) {
	f := ternary(t)
	path := f.Write(t)
	m, err := runtime.Open(path, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	tokens := text(5, 96)
	got := evalAll(t, session(t, m, runtime.SessionOptions{}), tokens)
	same(t, "mapped", got, evalAll(t, session(t, load(t, f, runtime.Options{}), runtime.SessionOptions{}), tokens))
	if !m.Params().Tied || m.Params().Vocab != 96 || m.File().Architecture() != "bitnet-b1.58" {
		t.Errorf("parameters %+v", m.Params())
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

// TestOpenParts: a split model is mapped part by part, and computes the same.
func TestOpenParts(t *testing.T) {
	f := ternary(t)
	first := parts(t, f)
	m, err := runtime.Open(first, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	tokens := text(5, 96)
	got := evalAll(t, session(t, m, runtime.SessionOptions{}), tokens)
	same(t, "parts", got, evalAll(t, session(t, load(t, f, runtime.Options{}), runtime.SessionOptions{}), tokens))
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	second := strings.Replace(first, "-00001-", "-00002-", 1)
	if _, err := runtime.Open(second, runtime.Options{}); !errors.Is(err, gguf.ErrNotFirst) {
		t.Errorf("second part: %v", err)
	}
	if err := os.Remove(second); err != nil {
		t.Fatal(err)
	}
	if _, err := runtime.Open(first, runtime.Options{}); !errors.Is(err, gguf.ErrParts) || !strings.Contains(err.Error(), second) {
		t.Errorf("second part missing: %v", err)
	}
}

// parts writes a model in parts and gives the path of the first.
func parts(t *testing.T, f *testmodel.File) string {
	t.Helper()
	whole, err := gguf.Open(f.Write(t))
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Close()
	files, err := whole.Split(t.Context(), filepath.Join(t.TempDir(), "m"), 7, progress.Discard)
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	return files[0].Path
}

// TestUntiedHead: an output matrix is used where there is one.
func TestUntiedHead(t *testing.T) {
	p := testmodel.Params(t, "bitnet-b1.58")
	p.Tied = false
	types := testmodel.Types{Projection: quant.I2_S, Embedding: quant.F16}
	f := testmodel.Random(t, p, types, 2)
	untied := evalAll(t, session(t, load(t, f, runtime.Options{}), runtime.SessionOptions{}), text(3, 96))
	f.Tensor(t, arch.OutputHead).Data = f.Tensor(t, arch.TokenEmbd).Data
	twice := evalAll(t, session(t, load(t, f, runtime.Options{}), runtime.SessionOptions{}), text(3, 96))
	f.Delete(arch.OutputHead)
	tied := evalAll(t, session(t, load(t, f, runtime.Options{}), runtime.SessionOptions{}), text(3, 96))
	same(t, "a copy of the embedding as head", twice, tied)
	if slices.Equal(untied[0], tied[0]) {
		t.Error("the output matrix is not used")
	}
}

func TestLoadRefuses(t *testing.T) {
	set := func(key string, v any) func(*testing.T, *testmodel.File) {
		return func(_ *testing.T, f *testmodel.File) { f.Meta.Set(key, v) }
	}
	tests := []struct {
		name  string
		want  error
		says  string
		spoil func(t *testing.T, f *testmodel.File)
	}{
		{"missing projection", runtime.ErrModel, "blk.1.attn_k.weight", func(_ *testing.T, f *testmodel.File) {
			f.Delete(arch.Block(1, arch.AttnK))
		}},
		{"missing sub-norm", runtime.ErrModel, "blk.0.ffn_sub_norm.weight", func(_ *testing.T, f *testmodel.File) {
			f.Delete(arch.Block(0, arch.FFNSubNorm))
		}},
		{"missing embedding", runtime.ErrModel, "token_embd.weight", func(_ *testing.T, f *testmodel.File) { f.Delete(arch.TokenEmbd) }},
		{"transposed projection", runtime.ErrModel, "blk.0.ffn_gate.weight", func(t *testing.T, f *testmodel.File) {
			slices.Reverse(f.Tensor(t, arch.Block(0, arch.FFNGate)).Dims)
		}},
		{"projection with a third dimension", runtime.ErrModel, "blk.0.ffn_up.weight", func(t *testing.T, f *testmodel.File) {
			x := f.Tensor(t, arch.Block(0, arch.FFNUp))
			x.Dims = []int64{x.Dims[0], x.Dims[1] / 2, 2}
		}},
		{"norm of another width", runtime.ErrModel, "output_norm.weight", func(t *testing.T, f *testmodel.File) {
			x := f.Tensor(t, arch.OutputNorm)
			x.Dims, x.Data = []int64{128}, x.Data[:512]
		}},
		{"norm in F16", runtime.ErrUnsupported, "output_norm.weight", func(t *testing.T, f *testmodel.File) {
			x := f.Tensor(t, arch.OutputNorm)
			x.Type, x.Data = quant.F16, x.Data[:512]
		}},
		{"norm with a NaN", runtime.ErrModel, "element 7", func(t *testing.T, f *testmodel.File) {
			binary.LittleEndian.PutUint32(f.Tensor(t, arch.OutputNorm).Data[28:], 0x7fc00000)
		}},
		{"projection in IQ4_NL", runtime.ErrUnsupported, "IQ4_NL", func(t *testing.T, f *testmodel.File) {
			x := f.Tensor(t, arch.Block(0, arch.AttnV))
			x.Type, x.Data = quant.IQ4_NL, make([]byte, x.Elements()/32*18)
		}},
		{"embedding in I2_S", runtime.ErrUnsupported, "token_embd.weight", func(t *testing.T, f *testmodel.File) {
			x := f.Tensor(t, arch.TokenEmbd)
			x.Type, x.Data = quant.I2_S, make([]byte, x.Elements()/4+32)
		}},
		{"scale is infinite", runtime.ErrModel, "blk.1.attn_q.weight", func(t *testing.T, f *testmodel.File) {
			x := f.Tensor(t, arch.Block(1, arch.AttnQ))
			binary.LittleEndian.PutUint32(x.Data[len(x.Data)-32:], math.Float32bits(float32(math.Inf(1))))
		}},
		{"bias", runtime.ErrUnsupported, "blk.0.attn_q.bias", func(t *testing.T, f *testmodel.File) {
			x := *f.Tensor(t, arch.OutputNorm)
			x.Name = "blk.0.attn_q.bias"
			f.Tensors = append(f.Tensors, x)
		}},
		{"rope factors of another width", runtime.ErrModel, "rope_freqs.weight", func(t *testing.T, f *testmodel.File) {
			x := *f.Tensor(t, arch.OutputNorm)
			x.Name = "rope_freqs.weight"
			f.Tensors = append(f.Tensors, x)
		}},
		{"rope factor of zero", runtime.ErrModel, "rope_freqs.weight", func(_ *testing.T, f *testmodel.File) {
			f.Tensors = append(f.Tensors, testmodel.Tensor{
				TensorInfo: gguf.TensorInfo{Name: "rope_freqs.weight", Dims: []int64{64}, Type: quant.F32}, Data: make([]byte, 256),
			})
		}},
		{"more layers than tensors", runtime.ErrModel, "layers", set("bitnet-b1.58.block_count", uint32(1000))},
		{"fewer layers", runtime.ErrUnsupported, "blk.1", set("bitnet-b1.58.block_count", uint32(1))},
		{"no such architecture", runtime.ErrUnsupported, "gpt-x", set("general.architecture", "gpt-x")},
		{"other head count", runtime.ErrModel, "attn_", set("bitnet-b1.58.attention.head_count_kv", uint32(1))},
		{"other activation", runtime.ErrUnsupported, "gelu", set("bitnet-b1.58.hidden_activation", "gelu")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := ternary(t)
			tt.spoil(t, f)
			if _, err := runtime.Load(f.Open(t), runtime.Options{}); !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Load: error %v, want %v naming %s", err, tt.want, tt.says)
			}
			path := f.Write(t)
			if _, err := runtime.Open(path, runtime.Options{}); !errors.Is(err, tt.want) || !strings.HasPrefix(err.Error(), path) {
				t.Errorf("Open: error %v, want %v naming the file", err, tt.want)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := ternary(t).Bytes(t)
	tests := []struct {
		name, path string
		want       error
	}{
		{"missing", filepath.Join(dir, "none"), fs.ErrNotExist},
		{"folder", dir, nil},
		{"empty", file("empty", nil), gguf.ErrFormat},
		{"text", file("text", []byte("hello, this is no model")), gguf.ErrFormat},
		{"cut", file("cut", good[:len(good)/2]), gguf.ErrFormat},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := runtime.Open(tt.path, runtime.Options{})
			if err == nil {
				m.Close()
			}
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}

// TestLoadShortRead: a reader that ends early is an error.
func TestLoadShortRead(t *testing.T) {
	b := ternary(t).Bytes(t)
	f, err := gguf.NewFile(&shrinking{bytes.NewReader(b), int64(len(b) / 2)}, int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := runtime.Load(f, runtime.Options{}); err == nil || !strings.Contains(err.Error(), "tensor") {
		t.Errorf("error %v, want one that names a tensor", err)
	}
}

type shrinking struct {
	*bytes.Reader
	size int64
}

func (r *shrinking) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > r.size {
		return 0, os.ErrClosed
	}
	return r.Reader.ReadAt(p, off)
}
