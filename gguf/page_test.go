package gguf

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akadata/bitnet-tool/quant"
)

func page(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../docs/formats/gguf.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// pageFile gives the bytes of the page's example and checks the offsets that
// are written behind them.
func pageFile(t *testing.T) []byte {
	t.Helper()
	_, block, _ := strings.Cut(page(t), "```hex\n")
	block, _, _ = strings.Cut(block, "```")
	var out []byte
	for line := range strings.Lines(block) {
		digits, comment, _ := strings.Cut(line, "#")
		if f := strings.Fields(comment); len(f) > 0 && f[0] != strconv.Itoa(len(out)) {
			t.Errorf("at offset %d the page says %q", len(out), comment)
		}
		b, err := hex.DecodeString(strings.Join(strings.Fields(digits), ""))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b...)
	}
	return out
}

func TestPageExample(t *testing.T) {
	b := pageFile(t)
	f, err := parse(b)
	if err != nil {
		t.Fatal(err)
	}
	meta, err := entries(&f.Meta)
	if err != nil {
		t.Fatal(err)
	}
	want := []entry{{"general.architecture", "llama"}, {"tokenizer.ggml.tokens", []string{"a", "bc"}}}
	if diff := cmp.Diff(want, meta); diff != "" {
		t.Errorf("metadata (-page says +read):\n%s", diff)
	}
	infos := []TensorInfo{{"embd.weight", []int64{3, 2}, quant.F16}}
	if len(f.Tensors) != 1 || !cmp.Equal(f.Tensors[0].TensorInfo, infos[0]) {
		t.Fatalf("tensors %+v", f.Tensors)
	}
	data := make([]byte, 12)
	if _, err := f.Section(f.Tensors[0]).ReadAt(data, 0); err != nil {
		t.Fatal(err)
	}
	x := make([]float32, 6)
	c, _ := quant.Lookup(quant.F16)
	if err := c.Decode(x, data, 0); err != nil || !cmp.Equal(x, []float32{1, 2, 3, 4, 5, 6}) {
		t.Errorf("weights %v, %v", x, err)
	}

	// Written anew it is the same.
	l, err := NewLayout(metaOf(want...), infos)
	if err != nil {
		t.Fatal(err)
	}
	out := &memory{}
	if _, err := l.Section(out, 0).Write(data); err != nil {
		t.Fatal(err)
	}
	if err := l.WriteFrame(out); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.b, b) {
		t.Errorf("written:\n%s\npage:\n%s", hex.Dump(out.b), hex.Dump(b))
	}
}

// Every row of the page's table of types is what the packages say.
func TestPageTypes(t *testing.T) {
	cells := regexp.MustCompile(`\| (\d+) \| \[?([A-Z][A-Za-z0-9_]*)(?:\]\([a-z0-9_.]+\))? \| (\d+) \| (\d+) `).
		FindAllStringSubmatch(page(t), -1)
	if len(cells) != len(typeByID) {
		t.Errorf("%d types on the page, %d numbers known", len(cells), len(typeByID))
	}
	for _, c := range cells {
		id, err := strconv.ParseUint(c[1], 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		codec, _ := quant.Lookup(typeByID[uint32(id)])
		got := fmt.Sprint(codec.Name, " ", codec.BlockLen, " ", codec.BlockBytes)
		if want := strings.Join(c[2:5], " "); got != want {
			t.Errorf("type %d: page says %s, package %s", id, want, got)
		}
	}
}
