package synth_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akadata/bitnet-tool/internal/progress"
	"github.com/akadata/bitnet-tool/internal/safetensors"
	. "github.com/akadata/bitnet-tool/internal/synth"
	"github.com/akadata/bitnet-tool/internal/token"
	"github.com/akadata/bitnet-tool/quant"
)

// write makes a checkpoint in a folder of the test's own.
func write(t *testing.T, shape, family string, o Options) string {
	t.Helper()
	s, err := ParseShape(shape)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(s, family, o)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "model")
	if err := c.Write(t.Context(), dir, progress.Discard); err != nil {
		t.Fatal(err)
	}
	return dir
}

// digest hashes names and contents of all files.
func digest(t *testing.T, dir string) string {
	t.Helper()
	h := sha256.New()
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, path))
		fmt.Fprintf(h, "%s %d\n", path, len(data))
		h.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// TestPublishedSizes compares with the sizes of microsoft/bitnet-b1.58-2B-4T and
// -bf16 on the Hub: names, types and the form of the header are all in it.
func TestPublishedSizes(t *testing.T) {
	for family, want := range map[string]int64{"A": 1178623988, "B": 4825679400} {
		t.Run(family, func(t *testing.T) {
			s, err := ParseShape("2b4t")
			if err != nil {
				t.Fatal(err)
			}
			c, err := New(s, family, Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range c.Files() {
				if f.Path == "model.safetensors" && f.Size != want {
					t.Errorf("%d bytes, published are %d", f.Size, want)
				}
			}
		})
	}
}

// TestFrozen pins the bytes: a seed must give the same checkpoint for ever and
// on every machine.
func TestFrozen(t *testing.T) {
	for family, want := range frozen {
		t.Run(family, func(t *testing.T) {
			if got := digest(t, write(t, "tiny,layers=1", family, Options{Seed: 7})); got != want {
				t.Errorf("digest %s, want %s", got, want)
			}
		})
	}
	if len(frozen) != len(Families()) {
		t.Errorf("%d digests for %d families", len(frozen), len(Families()))
	}
}

var frozen = map[string]string{
	"A":         "8346ef71b2382723",
	"B":         "59ad898cb2da7dc2",
	"D":         "02c32f24a1542c3d",
	"E":         "bed0cc89edb85cb4",
	"F":         "050878577b738cd8",
	"G":         "f06d78c9734980d8",
	"G-masters": "9598397f2a27615b",
	"G-ternary": "372ab623bd1a4309",
	"H":         "aa32773b3ff1d8b6",
	"H-gemma3":  "05e3165472c42aad",
	"llama":     "a399043430867f95",
}

func TestSeedsDiffer(t *testing.T) {
	a := digest(t, write(t, "tiny,layers=1", "B", Options{Seed: 1}))
	b := digest(t, write(t, "tiny,layers=1", "B", Options{Seed: 2}))
	if a == b {
		t.Error("two seeds give the same bytes")
	}
}

// TestShards: names and bytes of the tensors do not depend on how they are
// distributed.
func TestShards(t *testing.T) {
	one, err := safetensors.OpenSet(write(t, "tiny", "B", Options{}))
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	dir := write(t, "tiny", "B", Options{MaxShard: 1 << 20})
	many, err := safetensors.OpenSet(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer many.Close()
	if w := many.Warnings(); len(w) > 0 {
		t.Errorf("warnings: %q", w)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "model-*-of-*.safetensors"))
	if len(files) < 5 {
		t.Errorf("%d shards", len(files))
	}
	a, b := one.Tensors(), many.Tensors()
	if len(a) != len(b) {
		t.Fatalf("%d and %d tensors", len(a), len(b))
	}
	for i := range a {
		x, _ := io.ReadAll(a[i].Section())
		y, _ := io.ReadAll(b[i].Section())
		if a[i].Name != b[i].Name || !bytes.Equal(x, y) {
			t.Errorf("%s and %s differ", a[i].Name, b[i].Name)
		}
	}
}

// TestMasters ternarizes by the published rule and looks at what comes out.
func TestMasters(t *testing.T) {
	set, err := safetensors.OpenSet(write(t, "tiny", "B", Options{}))
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	for _, x := range set.Tensors() {
		w := floats(t, x)
		var sum float64
		for _, v := range w {
			sum += math.Abs(float64(v))
		}
		mean := sum / float64(len(w))
		switch {
		case !strings.HasSuffix(x.Name, "_proj.weight"):
			continue
		case mean < 0.7 || mean > 1.6:
			t.Errorf("%s: mean weight %v", x.Name, mean)
		}
		var count [3]int
		for _, v := range w {
			count[1+int(min(max(math.RoundToEven(float64(v)/mean), -1), 1))]++
		}
		for i, want := range []float64{0.345, 0.31, 0.345} {
			if share := float64(count[i]) / float64(len(w)); math.Abs(share-want) > 0.02 {
				t.Errorf("%s: %.3f of the trits are %d", x.Name, share, i-1)
			}
		}
	}
}

func floats(t *testing.T, x safetensors.Tensor) []float32 {
	t.Helper()
	b, err := io.ReadAll(x.Section())
	if err != nil {
		t.Fatal(err)
	}
	c, ok := quant.ByName(x.DType.String())
	if !ok {
		return nil
	}
	w := make([]float32, x.Elements())
	if err := c.Decode(w, b, 0); err != nil {
		t.Fatal(err)
	}
	return w
}

// TestPacked: no code is 3, and scales have the size that tells multiplying
// from dividing.
func TestPacked(t *testing.T) {
	for family, in := range map[string][2]float32{"A": {0.5, 3}, "E": {30, 150}, "F": {30, 150}, "G": {30, 150}} {
		t.Run(family, func(t *testing.T) {
			set, err := safetensors.OpenSet(write(t, "tiny", family, Options{}))
			if err != nil {
				t.Fatal(err)
			}
			defer set.Close()
			projections := 0
			for _, x := range set.Tensors() {
				if strings.HasSuffix(x.Name, "weight_scale") {
					projections++
					if s := floats(t, x)[0]; s < in[0] || s > in[1] {
						t.Errorf("%s is %v", x.Name, s)
					}
				}
				if x.DType != safetensors.U8 {
					continue
				}
				b, _ := io.ReadAll(x.Section())
				zeros := 0
				for _, v := range b {
					for shift := 0; shift < 8; shift += 2 {
						switch v >> shift & 3 {
						case 1:
							zeros++
						case 3:
							t.Fatalf("%s has code 3", x.Name)
						}
					}
				}
				if share := float64(zeros) / float64(4*len(b)); math.Abs(share-0.375) > 0.02 {
					t.Errorf("%s: %.3f zeros", x.Name, share)
				}
			}
			if projections != 28 {
				t.Errorf("%d scales", projections)
			}
		})
	}
}

// TestTokenizers encodes and decodes with every byte-level tokenizer.
func TestTokenizers(t *testing.T) {
	for _, family := range []string{"B", "E"} {
		for _, shape := range []string{"tiny,layers=1", "tiny,layers=1,vocab=20000"} {
			v, err := token.FromHF(os.DirFS(write(t, shape, family, Options{})))
			if err != nil {
				t.Fatal(err)
			}
			if len(v.Warnings) > 0 {
				t.Errorf("warnings: %q", v.Warnings)
			}
			tok, err := token.New(v)
			if err != nil {
				t.Fatal(err)
			}
			const text = "the cat's naïve 1234 \n\tüber"
			ids := tok.Encode(text, token.EncodeOptions{AddSpecial: true})
			if ids[0] != v.BOS || v.EOT < 0 || v.ChatTemplate == "" {
				t.Errorf("%s: first token %d, roles %d %d %d", family, ids[0], v.BOS, v.EOS, v.EOT)
			}
			if len(ids) >= len(text) {
				t.Errorf("%s: %d tokens: nothing was merged", family, len(ids))
			}
			if got := tok.Decode(ids[1:], true); got != text {
				t.Errorf("%s: %q comes back as %q", family, text, got)
			}
		}
	}
}

func TestParseShape(t *testing.T) {
	for _, tc := range []struct {
		text string
		want Shape
		err  string
	}{
		{text: "tiny", want: Shape{256, 768, 4, 4, 2, 64, 1088, 512}},
		{text: "layers=2", want: Shape{256, 768, 2, 4, 2, 64, 1088, 512}},
		{text: "8b,layers=36,vocab=512", want: Shape{4096, 14336, 36, 32, 8, 128, 512, 8192}},
		{text: "", err: `shape ""`},
		{text: "13b", err: "known are"},
		{text: "layers=2,tiny", err: `"tiny"`},
		{text: "depth=2", err: "depth"},
		{text: "layers=two", err: "no number"},
		{text: "layers=0", err: "1 to"},
		{text: "layers=9999999", err: "1 to"},
		{text: "kv_heads=3", err: "evenly"},
		{text: "head_dim=63", err: "odd"},
		{text: "vocab=511", err: "512"},
	} {
		t.Run(tc.text, func(t *testing.T) {
			got, err := ParseShape(tc.text)
			if tc.err != "" {
				if !errors.Is(err, ErrOption) || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("error %v, want %q", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestWriteFails leaves nothing behind.
func TestWriteFails(t *testing.T) {
	s, err := ParseShape("tiny")
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(s, "b", Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Write(ctx, filepath.Join(dir, "x"), progress.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := c.Write(t.Context(), filepath.Join(dir, "x"), progress.Discard); err != nil {
		t.Fatal(err)
	}
	if err := c.Write(t.Context(), filepath.Join(dir, "x"), progress.Discard); !errors.Is(err, fs.ErrExist) {
		t.Errorf("again: %v", err)
	}
	if _, err := New(s, "Z", Options{}); !errors.Is(err, ErrOption) {
		t.Errorf("family Z: %v", err)
	}
}

// TestFiles: the plan names what is written.
func TestFiles(t *testing.T) {
	for _, family := range Families() {
		s, err := ParseShape("tiny,layers=1")
		if err != nil {
			t.Fatal(err)
		}
		c, err := New(s, family.Name, Options{MaxShard: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "x")
		if err := c.Write(t.Context(), dir, progress.Discard); err != nil {
			t.Fatal(err)
		}
		var got []File
		err = fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			got = append(got, File{path, info.Size()})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(got, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
		if diff := cmp.Diff(c.Files(), got); diff != "" {
			t.Errorf("%s (-plan +written):\n%s", family.Name, diff)
		}
	}
}
