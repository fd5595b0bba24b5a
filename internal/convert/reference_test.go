package convert_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/x448/float16"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/internal/fixture"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/quant"
)

// quantize converts a checkpoint into a new file and opens it.
func quantize(t *testing.T, dir string, o convert.Options) (*gguf.File, *convert.Result) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.gguf")
	res, err := tryQuantize(t, dir, path, o)
	if err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, res
}

func tryQuantize(t *testing.T, dir, path string, o convert.Options) (*convert.Result, error) {
	t.Helper()
	o.Tool = "test"
	s, err := convert.Open(dir)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	p, err := s.Plan(t.Context(), o)
	if err != nil {
		return nil, err
	}
	return p.WriteFile(t.Context(), path, false, progress.Discard)
}

func tensorBytes(t *testing.T, f *gguf.File, name string) ([]byte, gguf.Tensor) {
	t.Helper()
	info, ok := f.Tensor(name)
	if !ok {
		t.Fatalf("no tensor %q", name)
	}
	b, err := io.ReadAll(f.Section(info))
	if err != nil {
		t.Fatal(err)
	}
	return b, info
}

var sources = []struct {
	name  string
	model string // of the references
	dir   func(testing.TB) string
}{
	{"masters", fixture.BitNetBF16, fixture.BF16},
	{"sharded masters", fixture.BitNetBF16, fixture.Sharded},
	{"packed", fixture.BitNetPacked, fixture.Packed},
}

func TestI2SEqualsReference(t *testing.T) {
	for _, src := range sources {
		t.Run(src.name, func(t *testing.T) {
			f, res := quantize(t, src.dir(t), convert.Options{Type: quant.I2_S})
			want := fixture.I2S(t, src.model)
			if res.Types[quant.I2_S] != len(want) {
				t.Errorf("%d I2_S tensors, want %d", res.Types[quant.I2_S], len(want))
			}
			for name, ref := range want {
				b, info := tensorBytes(t, f, name)
				if !slices.Equal(info.Dims, ref.Shape[:]) || info.Type != quant.I2_S {
					t.Errorf("%s: %v %v, want I2_S %v", name, info.Type, info.Dims, ref.Shape)
				}
				n := info.Elements() / 4
				if sum := sha256.Sum256(b[:n]); hex.EncodeToString(sum[:]) != ref.SHA256 {
					t.Errorf("%s: codes differ from the reference", name)
				}
				scale := math.Float32frombits(binary.LittleEndian.Uint32(b[n:]))
				if !slices.Contains(ref.Scales, scale) {
					t.Errorf("%s: scale %v, want one of %v", name, scale, ref.Scales)
				}
				if tail := b[n+4:]; !slices.Equal(tail, make([]byte, 28)) {
					t.Errorf("%s: bytes after the scale are not zero: %x", name, tail)
				}
			}
		})
	}
}

// Whatever a ternary model is converted to, the signs are those of the
// reference codes, and each block's scale is the tensor's, rounded to F16.
func TestOtherTypesOfTernaryModel(t *testing.T) {
	for _, ty := range []quant.Type{quant.TQ1_0, quant.TQ2_0, quant.Q8_0, quant.F16, quant.BF16, quant.F32} {
		for _, src := range sources {
			t.Run(ty.String()+"/"+src.name, func(t *testing.T) {
				f, _ := quantize(t, src.dir(t), convert.Options{Type: ty})
				for name, ref := range fixture.I2S(t, src.model) {
					b, info := tensorBytes(t, f, name)
					if info.Type != ty {
						t.Fatalf("%s is %v", name, info.Type)
					}
					if got := signsAsI2S(t, b, info); got != ref.SHA256 {
						t.Errorf("%s: signs differ from the reference codes", name)
					}
					checkBlockScales(t, name, b, info, ref.Scales)
				}
			})
		}
	}
}

// signsAsI2S packs the signs of the decoded weights as I2_S codes and hashes
// them.
func signsAsI2S(t *testing.T, b []byte, info gguf.Tensor) string {
	t.Helper()
	c, _ := quant.Lookup(info.Type)
	w := make([]float32, info.Elements())
	if err := c.Decode(w, b, 0); err != nil {
		t.Fatal(err)
	}
	packed := make([]byte, len(w)/4)
	for e, v := range w {
		code := byte(1)
		if v > 0 {
			code = 2
		} else if v < 0 {
			code = 0
		}
		packed[e/128*32+e%32] |= code << (6 - 2*(e%128/32))
	}
	sum := sha256.Sum256(packed)
	return hex.EncodeToString(sum[:])
}

func checkBlockScales(t *testing.T, name string, b []byte, info gguf.Tensor, accepted []float32) {
	t.Helper()
	c, _ := quant.Lookup(info.Type)
	at, div := 0, float32(1)
	switch info.Type {
	case quant.TQ1_0, quant.TQ2_0:
		at = c.BlockBytes - 2
	case quant.Q8_0:
		div = 127
	default:
		return
	}
	var want []uint16
	for _, m := range accepted {
		want = append(want, float16.Fromfloat32(m/div).Bits())
	}
	w := make([]float32, c.BlockLen)
	for i := 0; i < len(b); i += c.BlockBytes {
		d := binary.LittleEndian.Uint16(b[i+at:])
		if err := c.Decode(w, b[i:i+c.BlockBytes], 0); err != nil {
			t.Fatal(err)
		}
		zero := !slices.ContainsFunc(w, func(x float32) bool { return x != 0 })
		if zero && d != 0 || !zero && !slices.Contains(want, d) {
			t.Fatalf("%s: block %d has scale %04x, want one of %04x (all zero: %v)", name, i/c.BlockBytes, d, want, zero)
		}
	}
}

func TestBytesDoNotDependOnThreadsShardsOrRun(t *testing.T) {
	for _, ty := range []quant.Type{quant.I2_S, quant.Q8_0} {
		var want string
		for _, run := range []struct {
			name    string
			dir     string
			threads int
		}{
			{"first", fixture.BF16(t), 0},
			{"again", fixture.BF16(t), 0},
			{"one thread", fixture.BF16(t), 1},
			{"eight threads", fixture.BF16(t), 8},
			{"sharded", fixture.Sharded(t), 3},
		} {
			_, res := quantize(t, run.dir, convert.Options{Type: ty, Threads: run.threads})
			b, err := os.ReadFile(res.Path)
			if err != nil {
				t.Fatal(err)
			}
			if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != res.SHA256 {
				t.Errorf("%v, %s: reported digest is not the file's", ty, run.name)
			}
			if want == "" {
				want = res.SHA256
			}
			if res.SHA256 != want {
				t.Errorf("%v, %s: other bytes than the first run", ty, run.name)
			}
		}
	}
}

func TestPlainLlama(t *testing.T) {
	for _, ty := range []quant.Type{quant.BF16, quant.F16, quant.F32, quant.Q8_0, quant.Q4_0, quant.Q5_1, quant.Q4_K, quant.Q6_K} {
		t.Run(ty.String(), func(t *testing.T) {
			dir := fixture.Llama(t)
			f, _ := quantize(t, dir, convert.Options{Type: ty})
			src := readTensors(t, filepath.Join(dir, "model.safetensors"))
			// Rows of q and k are interleaved within each head of 64, all other
			// rows keep their place.
			checkRows(t, f, "blk.2.attn_q.weight", src["model.layers.2.self_attn.q_proj.weight"], 64)
			checkRows(t, f, "blk.2.attn_k.weight", src["model.layers.2.self_attn.k_proj.weight"], 64)
			checkRows(t, f, "blk.2.attn_v.weight", src["model.layers.2.self_attn.v_proj.weight"], 0)
			checkRows(t, f, "output.weight", src["lm_head.weight"], 0)
			if v, ok := f.Meta.Value("bitnet_tool.activation"); ok {
				t.Errorf("a plain model has bitnet_tool.activation = %v", v)
			}
		})
	}
}

// checkRows compares a GGUF tensor with encoding the checkpoint's rows in the
// order that headDim asks for.
func checkRows(t *testing.T, f *gguf.File, name string, src rawTensor, headDim int) {
	t.Helper()
	b, info := tensorBytes(t, f, name)
	cols := int(info.Cols())
	rowBytes := 2 * cols
	bf, _ := quant.Lookup(quant.BF16)
	c, _ := quant.Lookup(info.Type)
	var want []byte
	w := make([]float32, cols)
	out := make([]byte, cols/c.BlockLen*c.BlockBytes)
	for r := range int(info.Rows()) {
		from := r
		if headDim != 0 {
			head, in := r/headDim*headDim, r%headDim
			from = head + in/2
			if in%2 == 1 {
				from += headDim / 2
			}
		}
		if err := bf.Decode(w, src.Data[from*rowBytes:(from+1)*rowBytes], 0); err != nil {
			t.Fatal(err)
		}
		if err := c.Encode(out, w, 0); err != nil {
			t.Fatal(err)
		}
		want = append(want, out...)
	}
	if !slices.Equal(b, want) {
		t.Errorf("%s: not the checkpoint's rows", name)
	}
}
