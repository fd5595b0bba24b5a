package convert_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/convert"
	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/quant"
)

func repack(t *testing.T, path string, o convert.RepackOptions) (string, *convert.Repacked) {
	t.Helper()
	o.Tool = "test"
	r, err := convert.NewRepack(openGGUF(t, path), o)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "repacked.gguf")
	res, err := r.WriteFile(t.Context(), out, progress.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return out, res
}

// Between the ternary encodings the tensors are those of a direct conversion:
// to the TQ types by the same rounding of the scale, and back with the rounded
// scale.
func TestRepackTypes(t *testing.T) {
	dir := smallMasters(t)
	direct := map[quant.Type]string{}
	for _, typ := range []quant.Type{quant.I2_S, quant.TQ1_0, quant.TQ2_0} {
		direct[typ] = toGGUF(t, dir, convert.Options{Type: typ})
	}
	for from, path := range direct {
		for to, want := range direct {
			if from == to {
				continue
			}
			t.Run(from.String()+" to "+to.String(), func(t *testing.T) {
				got, res := repack(t, path, convert.RepackOptions{Type: to})
				if to == quant.I2_S {
					again, _ := repack(t, got, convert.RepackOptions{Type: from})
					sameTensors(t, path, again)
					for name, codes := range codesOf(t, want) {
						if !bytes.Equal(codes, codesOf(t, got)[name]) {
							t.Errorf("%s: other codes", name)
						}
					}
				} else {
					sameTensors(t, want, got)
				}
				if lossless := from != quant.I2_S; res.Lossless != lossless || res.RoundedBy > 1./2048 || lossless != (res.RoundedBy == 0) {
					t.Errorf("lossless %v, rounded by %v", res.Lossless, res.RoundedBy)
				}
				a, b := openGGUF(t, want), openGGUF(t, got)
				for key, v := range a.Meta.All() {
					if other, _ := b.Meta.Value(key); !same(v, other) {
						t.Errorf("key %s: %v, directly converted %v", key, other, v)
					}
				}
				if a.Meta.Len() != b.Meta.Len() {
					t.Errorf("%d keys, directly converted %d", b.Meta.Len(), a.Meta.Len())
				}
			})
		}
	}
}

// A scale that F16 holds goes to TQ2_0 and back without any change.
func TestRepackOfExactScale(t *testing.T) {
	path := toGGUF(t, smallMasters(t), convert.Options{Type: quant.I2_S})
	f := openGGUF(t, path)
	rescale(t, f, path, 0.75)
	tq, res := repack(t, path, convert.RepackOptions{Type: quant.TQ2_0})
	if !res.Lossless || res.RoundedBy != 0 {
		t.Errorf("%+v", res)
	}
	back, _ := repack(t, tq, convert.RepackOptions{Type: quant.I2_S})
	sameTensors(t, path, back)
}

// rescale sets the scale of all I2_S tensors of a file, in place.
func rescale(t *testing.T, f *gguf.File, path string, s quant.Scale) {
	t.Helper()
	w, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	c, _ := quant.Lookup(quant.I2_S)
	tail := make([]byte, 32)
	if err := c.PutTrailer(tail, s); err != nil {
		t.Fatal(err)
	}
	for _, x := range f.Tensors {
		if x.Type == quant.I2_S {
			if _, err := w.WriteAt(tail, f.DataOffset+x.Offset+x.Size-32); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// arranged rewrites the I2_S tensors of a file in another layout by the
// formulas of docs/formats/i2_s.md, and states it if asked to.
func arranged(t *testing.T, path string, layout gguf.I2SLayout, stated bool) string {
	t.Helper()
	f := openGGUF(t, path)
	c, _ := quant.Lookup(quant.I2_S)
	out := edited(t, path, func(m *gguf.Meta) {
		m.Delete(gguf.LayoutKey)
		if stated {
			m.Set(gguf.LayoutKey, string(layout))
		}
	})
	w, err := os.OpenFile(out, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	g := openGGUF(t, out)
	for i, x := range f.Tensors {
		if x.Type != quant.I2_S {
			continue
		}
		in := tensorsOf(t, path)[x.Name+" I2_S"]
		codes := make([]byte, x.Elements())
		if err := c.UnpackTrits(codes, in[:len(in)-32]); err != nil {
			t.Fatal(err)
		}
		body := make([]byte, len(codes)/4)
		cols := int(x.Cols())
		for e, code := range codes {
			if layout == gguf.Layout64x16 {
				body[16*(e/64)+e%16] |= code << (6 - 2*(e%64/16))
			} else {
				row, col := e/cols, e%cols
				body[row/4*cols+col] |= code << (6 - 2*(row%4))
			}
		}
		if _, err := w.WriteAt(body, g.DataOffset+g.Tensors[i].Offset); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestRepackLayouts(t *testing.T) {
	path := toGGUF(t, smallMasters(t), convert.Options{Type: quant.I2_S})
	for _, layout := range []gguf.I2SLayout{gguf.Layout64x16, gguf.Layout4Rows} {
		t.Run(string(layout), func(t *testing.T) {
			stated, unstated := arranged(t, path, layout, true), arranged(t, path, layout, false)
			got, res := repack(t, stated, convert.RepackOptions{})
			sameTensors(t, path, got)
			if !res.Lossless {
				t.Error("not lossless")
			}
			if s := openGGUF(t, got).I2SLayout(); s != gguf.Layout128x32 {
				t.Errorf("states %q", s)
			}
			got, _ = repack(t, unstated, convert.RepackOptions{Layout: layout})
			sameTensors(t, path, got)
			got, _ = repack(t, unstated, convert.RepackOptions{Layout: layout, Type: quant.TQ1_0})
			sameTensors(t, toGGUF(t, smallMasters(t), convert.Options{Type: quant.TQ1_0}), got)
			// Read as the usual layout it is a file of other codes.
			wrong, _ := repack(t, unstated, convert.RepackOptions{Layout: gguf.Layout128x32})
			a, b := codesOf(t, path), codesOf(t, wrong)
			for name := range a {
				if bytes.Equal(a[name], b[name]) {
					t.Errorf("%s: the wrong layout gives the right codes", name)
				}
			}
		})
	}
	t.Run("stating the usual one", func(t *testing.T) {
		unstated := edited(t, path, func(m *gguf.Meta) { m.Delete(gguf.LayoutKey) })
		got, _ := repack(t, unstated, convert.RepackOptions{Layout: gguf.Layout128x32})
		sameTensors(t, path, got)
		if s := openGGUF(t, got).I2SLayout(); s != gguf.Layout128x32 {
			t.Errorf("states %q", s)
		}
	})
}

func TestRepackTargets(t *testing.T) {
	path := toGGUF(t, smallMasters(t), convert.Options{Type: quant.I2_S})
	tq := toGGUF(t, smallMasters(t), convert.Options{Type: quant.TQ1_0})
	unstated := edited(t, path, func(m *gguf.Meta) { m.Delete(gguf.LayoutKey) })
	tests := []struct {
		name   string
		path   string
		target convert.Target
		arch   string
		typ    quant.Type
	}{
		{"I2_S for llama.cpp", path, convert.LlamaCpp, "bitnet", quant.TQ2_0},
		{"TQ1_0 for llama.cpp", tq, convert.LlamaCpp, "bitnet", quant.TQ1_0},
		{"TQ1_0 for ik_llama", tq, convert.IkLlama, "bitnet-b1.58", quant.I2_S},
		{"I2_S for bitnet.cpp", path, convert.BitNetCpp, "bitnet-b1.58", quant.I2_S},
		{"I2_S of a layout nobody states, for bitnet.cpp", unstated, convert.BitNetCpp, "bitnet-b1.58", quant.I2_S},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := repack(t, tt.path, convert.RepackOptions{Target: tt.target})
			f := openGGUF(t, got)
			if f.Architecture() != tt.arch {
				t.Errorf("architecture %s, want %s", f.Architecture(), tt.arch)
			}
			if _, ok := f.Meta.Int(tt.arch + ".block_count"); !ok {
				t.Error("keys are not renamed")
			}
			if !slices.ContainsFunc(f.Tensors, func(x gguf.Tensor) bool { return x.Type == tt.typ }) {
				t.Errorf("no tensor of type %s", tt.typ)
			}
		})
	}
}

func TestRepackRefuses(t *testing.T) {
	path := toGGUF(t, smallMasters(t), convert.Options{Type: quant.I2_S})
	unstated := edited(t, path, func(m *gguf.Meta) { m.Delete(gguf.LayoutKey) })
	llama := toGGUF(t, smallLlama(t), convert.Options{Type: quant.F16})
	tests := []struct {
		name string
		path string
		o    convert.RepackOptions
		err  error
		text string
	}{
		{"layout nobody states", unstated, convert.RepackOptions{Type: quant.TQ2_0}, convert.ErrLayout, "64x16"},
		{"layout nobody states, nothing asked", unstated, convert.RepackOptions{}, convert.ErrLayout, "4rows"},
		{"layout contradicts the file", path, convert.RepackOptions{Layout: gguf.Layout64x16}, convert.ErrOption, "says 128x32"},
		{"layout without I2_S", llama, convert.RepackOptions{Layout: gguf.Layout64x16}, convert.ErrOption, "no I2_S"},
		{"nothing to do", path, convert.RepackOptions{}, convert.ErrOption, "already"},
		{"no ternary tensors", llama, convert.RepackOptions{Type: quant.TQ2_0}, convert.ErrOption, "no ternary"},
		{"type without codes", path, convert.RepackOptions{Type: quant.Q8_0}, convert.ErrOption, "Q8_0"},
		{"layout to write", path, convert.RepackOptions{Type: quant.I2_S_64x16}, convert.ErrOption, "I2_S_64x16"},
		{"TQ1_0 for ik_llama", path, convert.RepackOptions{Target: convert.IkLlama, Type: quant.TQ1_0}, convert.ErrUnsupported, "TQ1_0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := convert.NewRepack(openGGUF(t, tt.path), tt.o)
			if !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error %v, want %v with %q", err, tt.err, tt.text)
			}
		})
	}
}

// Blocks with scales of their own are no ternary matrix; code 3 is damage.
// Neither leaves a file.
func TestRepackOfBadData(t *testing.T) {
	dir := smallMasters(t)
	tests := []struct {
		name string
		typ  quant.Type
		to   quant.Type
		at   func(x gguf.Tensor) int64
		b    byte
		err  error
	}{
		{"scale of one block", quant.TQ2_0, quant.I2_S, func(gguf.Tensor) int64 { return 66*5 + 65 }, 0x20, convert.ErrNotTernary},
		{"negative scale", quant.TQ2_0, quant.TQ1_0, func(gguf.Tensor) int64 { return 66*5 + 65 }, 0xb0, quant.ErrRange},
		{"infinite scale", quant.TQ2_0, quant.TQ1_0, func(gguf.Tensor) int64 { return 66*5 + 65 }, 0x7c, quant.ErrRange},
		{"code 3", quant.I2_S, quant.TQ2_0, func(gguf.Tensor) int64 { return 77 }, 0xff, quant.ErrCode},
		{"scale of a tensor", quant.I2_S, quant.TQ2_0, func(x gguf.Tensor) int64 { return x.Size - 29 }, 0xff, quant.ErrRange},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := toGGUF(t, dir, convert.Options{Type: tt.typ})
			f := openGGUF(t, path)
			i := slices.IndexFunc(f.Tensors, func(x gguf.Tensor) bool { return x.Type == tt.typ })
			w, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.WriteAt([]byte{tt.b}, f.DataOffset+f.Tensors[i].Offset+tt.at(f.Tensors[i])); err != nil {
				t.Fatal(err)
			}
			w.Close()
			r, err := convert.NewRepack(openGGUF(t, path), convert.RepackOptions{Type: tt.to})
			if err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(t.TempDir(), "out.gguf")
			_, err = r.WriteFile(t.Context(), out, progress.Discard)
			if !errors.Is(err, tt.err) || !strings.Contains(err.Error(), f.Tensors[i].Name) {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			if left, _ := os.ReadDir(filepath.Dir(out)); len(left) > 0 {
				t.Errorf("left over: %v", left)
			}
		})
	}
}
