package convert_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/safetensors"
	"github.com/akadata/bitnet-tool/quant"
)

// toGGUF converts a checkpoint or a GGUF file.
func toGGUF(t *testing.T, src string, o convert.Options) string {
	t.Helper()
	s, err := convert.OpenModel(src)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	o.Tool = "test"
	p, err := s.Plan(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), o.Type.String()+".gguf")
	if _, err := p.WriteFile(t.Context(), path, false, progress.Discard); err != nil {
		t.Fatal(err)
	}
	return path
}

func openGGUF(t *testing.T, path string) *gguf.File {
	t.Helper()
	f, err := gguf.OpenModel(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// tensorsOf gives the bytes of all tensors.
func tensorsOf(t *testing.T, path string) map[string][]byte {
	t.Helper()
	f := openGGUF(t, path)
	out := map[string][]byte{}
	for _, x := range f.Tensors {
		b, err := io.ReadAll(f.Section(x))
		if err != nil {
			t.Fatal(err)
		}
		out[x.Name+" "+x.TypeName()] = b
	}
	return out
}

func sameTensors(t *testing.T, want, got string) {
	t.Helper()
	a, b := tensorsOf(t, want), tensorsOf(t, got)
	for name, x := range a {
		if y, ok := b[name]; !ok || !bytes.Equal(x, y) {
			t.Errorf("%s: there %v, bytes are the same %v", name, ok, bytes.Equal(x, y))
		}
	}
	if len(a) != len(b) {
		t.Errorf("%d tensors, then %d", len(a), len(b))
	}
}

// A file made from a GGUF file has the tensors of one made from the checkpoint,
// wherever the first step kept the weights.
func TestRequantizeIsConverting(t *testing.T) {
	masters, llama := smallMasters(t), smallLlama(t)
	tests := []struct {
		name     string
		src      string
		via, to  quant.Type
		embedVia quant.Type
	}{
		{name: "trits as F32 to I2_S", src: masters, via: quant.F32, to: quant.I2_S},
		{name: "trits as F32 to TQ1_0", src: masters, via: quant.F32, to: quant.TQ1_0},
		{name: "trits as F32 to Q4_K", src: masters, via: quant.F32, to: quant.Q4_K},
		{name: "I2_S to TQ2_0", src: masters, via: quant.I2_S, to: quant.TQ2_0},
		{name: "I2_S to TQ1_0", src: masters, via: quant.I2_S, to: quant.TQ1_0},
		{name: "I2_S to Q8_0", src: masters, via: quant.I2_S, embedVia: quant.BF16, to: quant.Q8_0},
		{name: "TQ2_0 to TQ1_0", src: masters, via: quant.TQ2_0, to: quant.TQ1_0},
		{name: "TQ1_0 to TQ2_0", src: masters, via: quant.TQ1_0, to: quant.TQ2_0},
		{name: "I2_S to I2_S", src: masters, via: quant.I2_S, to: quant.I2_S},
		{name: "llama, BF16 to Q8_0", src: llama, via: quant.BF16, to: quant.Q8_0},
		{name: "llama, BF16 to Q6_K", src: llama, via: quant.BF16, to: quant.Q6_K},
		{name: "llama, Q8_0 to Q8_0", src: llama, via: quant.Q8_0, to: quant.Q8_0},
		{name: "llama, Q4_K to Q4_K", src: llama, via: quant.Q4_K, to: quant.Q4_K},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			via := toGGUF(t, tt.src, convert.Options{Type: tt.via, TokenEmbedding: tt.embedVia})
			sameTensors(t, toGGUF(t, tt.src, convert.Options{Type: tt.to}), toGGUF(t, via, convert.Options{Type: tt.to}))
		})
	}
}

// Where the first step rounds the scale the codes stay.
func TestRequantizeKeepsCodes(t *testing.T) {
	masters := smallMasters(t)
	want := codesOf(t, toGGUF(t, masters, convert.Options{Type: quant.I2_S}))
	for _, via := range []quant.Type{quant.TQ1_0, quant.TQ2_0, quant.Q8_0, quant.F16, quant.BF16, quant.F32} {
		got := codesOf(t, toGGUF(t, toGGUF(t, masters, convert.Options{Type: via}), convert.Options{Type: quant.I2_S}))
		for name, codes := range want {
			if !bytes.Equal(codes, got[name]) {
				t.Errorf("by %s: %s has other codes", via, name)
			}
		}
	}
}

// codesOf gives the packed codes of all I2_S tensors.
func codesOf(t *testing.T, path string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for name, b := range tensorsOf(t, path) {
		if strings.HasSuffix(name, " I2_S") {
			out[name] = b[:len(b)-32]
		}
	}
	if len(out) == 0 {
		t.Fatal("no I2_S tensors")
	}
	return out
}

// mastersGGUF puts the masters of a BitNet checkpoint into a GGUF file as they
// are, the mistake of converters that do not ternarize.
func mastersGGUF(t *testing.T, dir string) string {
	t.Helper()
	like := openGGUF(t, toGGUF(t, dir, convert.Options{Type: quant.BF16}))
	set, err := safetensors.OpenSet(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	src, err := convert.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	hf := map[string]string{}
	for _, x := range src.Params.Tensors() {
		hf[x.Name] = x.HF
	}
	l, err := gguf.LayoutOf(&like.Meta, like.Tensors)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "masters.gguf")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := l.WriteFrame(out); err != nil {
		t.Fatal(err)
	}
	for i, x := range like.Tensors {
		var r io.Reader = like.Section(x)
		if x.Type == quant.BF16 {
			r = readers(t, set, hf[x.Name])
		}
		if _, err := io.Copy(l.Section(out, i), r); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func readers(t *testing.T, set *safetensors.Set, name string) io.Reader {
	t.Helper()
	for _, x := range set.Tensors() {
		if x.Name == name {
			return x.Section()
		}
	}
	t.Fatalf("no tensor %s", name)
	return nil
}

// Masters in a GGUF file are ternarized like those of a checkpoint.
func TestRequantizeMasters(t *testing.T) {
	dir := smallMasters(t)
	sameTensors(t, toGGUF(t, dir, convert.Options{Type: quant.I2_S}), toGGUF(t, mastersGGUF(t, dir), convert.Options{Type: quant.I2_S}))
}

func TestRequantizeMeta(t *testing.T) {
	i2s := toGGUF(t, smallMasters(t), convert.Options{Type: quant.I2_S})
	a, b := openGGUF(t, i2s), openGGUF(t, toGGUF(t, i2s, convert.Options{Type: quant.TQ2_0}))
	changed := map[string]any{}
	for key, v := range b.Meta.All() {
		if old, _ := a.Meta.Value(key); !same(old, v) {
			changed[key] = v
		}
	}
	delete(changed, "bitnet_tool.source.digest")
	want := map[string]any{"general.file_type": uint32(37), "bitnet_tool.recipe": "--type TQ2_0"}
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Errorf("changed keys (-want +got):\n%s", diff)
	}
	if _, ok := b.Meta.Value(gguf.LayoutKey); ok {
		t.Error("the layout key of I2_S is kept without I2_S")
	}
}

// same compares metadata values; arrays by their bytes.
func same(a, b any) bool {
	x, ok := a.(gguf.Array)
	y, ok2 := b.(gguf.Array)
	if !ok || !ok2 {
		return a == b
	}
	p, _ := io.ReadAll(x.Raw())
	q, _ := io.ReadAll(y.Raw())
	return bytes.Equal(p, q)
}

func TestRequantizeRefuses(t *testing.T) {
	masters, llama := smallMasters(t), smallLlama(t)
	i2s := toGGUF(t, masters, convert.Options{Type: quant.I2_S})
	tests := []struct {
		name string
		path string
		to   quant.Type
		err  error
		text string
	}{
		{"lossy blocks of a ternary model", toGGUF(t, masters, convert.Options{Type: quant.Q4_0}), quant.I2_S, convert.ErrNotTernary, "Q4_0 blocks hold neither"},
		{"lossy blocks of a ternary model, to Q8_0", toGGUF(t, masters, convert.Options{Type: quant.Q6_K}), quant.Q8_0, convert.ErrNotTernary, "convert from the checkpoint"},
		{"plain model", toGGUF(t, llama, convert.Options{Type: quant.Q8_0}), quant.TQ2_0, convert.ErrNotTernary, "projections by"},
		{"layout not stated", edited(t, i2s, func(m *gguf.Meta) { m.Delete(gguf.LayoutKey) }), quant.TQ2_0, convert.ErrLayout, gguf.LayoutKey},
		{"layout of four rows", edited(t, i2s, func(m *gguf.Meta) { m.Set(gguf.LayoutKey, "4rows") }), quant.TQ2_0, convert.ErrUnsupported, "repack"},
		{"not a GGUF file", filepath.Join(masters, "config.json"), quant.I2_S, gguf.ErrFormat, "GGUF"},
		{"unknown architecture", edited(t, i2s, func(m *gguf.Meta) { m.Rename("other") }), quant.I2_S, nil, "other"},
		{"fewer layers", edited(t, i2s, func(m *gguf.Meta) { m.Set("bitnet-b1.58.block_count", uint32(2)) }), quant.I2_S, convert.ErrTensors, "missing"},
		{"other width", edited(t, i2s, func(m *gguf.Meta) { m.Set("bitnet-b1.58.feed_forward_length", uint32(1024)) }), quant.I2_S, convert.ErrTensors, "dimensions"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := convert.OpenModel(tt.path)
			if err == nil {
				defer s.Close()
				_, err = s.Plan(t.Context(), convert.Options{Type: tt.to})
			}
			if err == nil || tt.err != nil && !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error %v, want %v with %q", err, tt.err, tt.text)
			}
		})
	}
}

// edited copies a file with other metadata; tensors keep their numbers.
func edited(t *testing.T, path string, edit func(*gguf.Meta)) string {
	t.Helper()
	f := openGGUF(t, path)
	m := f.Meta.Clone()
	edit(m)
	out := filepath.Join(t.TempDir(), "edited.gguf")
	if _, err := f.Copy(t.Context(), out, m, false, progress.Discard); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRequantizeWarns(t *testing.T) {
	q8 := toGGUF(t, smallLlama(t), convert.Options{Type: quant.Q8_0})
	s, err := convert.OpenModel(q8)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p, err := s.Plan(t.Context(), convert.Options{Type: quant.Q4_K})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(p.Warnings, "\n"), "the errors of both encodings add up") {
		t.Errorf("warnings %q", p.Warnings)
	}
}

func TestSourceFileChanges(t *testing.T) {
	i2s := toGGUF(t, smallMasters(t), convert.Options{Type: quant.I2_S})
	s, err := convert.OpenModel(i2s)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p, err := s.Plan(t.Context(), convert.Options{Type: quant.TQ2_0})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(i2s, openGGUF(t, i2s).FileSize-100); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out.gguf")
	if _, err := p.WriteFile(t.Context(), out, false, progress.Discard); err == nil {
		t.Error("written from a file that was cut")
	}
	if left, _ := os.ReadDir(filepath.Dir(out)); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}
