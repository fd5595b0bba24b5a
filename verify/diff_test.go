package verify

import (
	"errors"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/gguf"
	"github.com/akadata/bitnet-tool/internal/arch"
	"github.com/akadata/bitnet-tool/quant"
	"github.com/google/go-cmp/cmp"
)

func TestDiff(t *testing.T) {
	gate := arch.Block(1, arch.FFNGate)
	same := func(f *file) string { return f.path }
	tests := []struct {
		name   string
		typ    quant.Type // of the second file; the first is I2_S
		change func(f *file) string
		o      DiffOptions
		want   []Difference // details need only contain what is here
	}{
		{"same", quant.I2_S, same, DiffOptions{}, nil},
		{"rubbish after the scale", quant.I2_S, func(f *file) string {
			f.patch(gate, 49156, repeat(0x6e, 28))
			return f.path
		}, DiffOptions{}, nil},
		{
			"scale", quant.I2_S, func(f *file) string { f.setScale(gate, 0.5); return f.path },
			DiffOptions{},
			[]Difference{{DiffTensor, gate, ", then 0.5"}},
		},
		{"scale is no trit", quant.I2_S, func(f *file) string { f.setScale(gate, 0.5); return f.path }, DiffOptions{Trits: true}, nil},
		{
			"trit", quant.I2_S, func(f *file) string { flip(f, gate, 515); return f.path },
			DiffOptions{},
			[]Difference{{DiffTensor, gate, "1 of 196608 weights differ, the first at row 2, column 3"}},
		},
		{
			"trit, by trits", quant.I2_S, func(f *file) string { flip(f, gate, 515); return f.path },
			DiffOptions{Trits: true},
			[]Difference{{DiffTrits, gate, "1 of 196608 trits differ, the first at row 2, column 3"}},
		},
		{"trit, metadata only", quant.I2_S, func(f *file) string { flip(f, gate, 515); return f.path }, DiffOptions{KV: true}, nil},
		{
			"code 3", quant.I2_S, func(f *file) string { f.patch(gate, 0, []byte{0xff}); return f.path },
			DiffOptions{},
			[]Difference{{DiffTensor, gate, "code 3 in the second"}},
		},
		{"metadata", quant.I2_S, func(f *file) string {
			return f.rewrite(func(m *gguf.Meta) {
				m.Set("bitnet-b1.58.hidden_activation", "silu")
				m.Set("bitnet-b1.58.block_count", uint64(4))
				m.Set("general.name", "x")
				m.Delete("general.type")
				v, _, _ := gguf.Slice[string](m, "tokenizer.ggml.tokens")
				v[7] = "seven"
				m.Set("tokenizer.ggml.tokens", v)
			})
		}, DiffOptions{}, []Difference{
			{DiffKV, "general.type", `"model" in the first file only`},
			{DiffKV, "bitnet-b1.58.block_count", "4 (uint32), then 4 (uint64)"},
			{DiffKV, "bitnet-b1.58.hidden_activation", `"relu2", then "silu"`},
			{DiffKV, "tokenizer.ggml.tokens", `element 7: "(", then "seven"`},
			{DiffKV, "general.name", `"x" in the second file only`},
		}},
		{
			"tensor missing", quant.I2_S, func(f *file) string { return f.rewrite(func(*gguf.Meta) {}, gate) },
			DiffOptions{},
			[]Difference{{DiffTensor, gate, "in the first file only"}},
		},
		{"TQ1_0, by trits", quant.TQ1_0, same, DiffOptions{Trits: true}, nil},
		{"TQ2_0, by trits", quant.TQ2_0, same, DiffOptions{Trits: true}, nil},
		{"Q8_0, by trits", quant.Q8_0, same, DiffOptions{Trits: true}, nil},
		{"BF16, by trits", quant.BF16, same, DiffOptions{Trits: true}, nil},
		{"Q8_0 with one weight erased, by trits", quant.Q8_0, func(f *file) string {
			b := f.bytes(gate)
			for i := 2; i < 34; i++ {
				if b[i] != 0 {
					f.patch(gate, int64(i), []byte{0})
					return f.path
				}
			}
			return f.path
		}, DiffOptions{Trits: true}, []Difference{{DiffTrits, gate, "1 of 196608 trits differ, the first at row 0"}}},
	}
	first, err := gguf.Open(model(t, "masters", quant.I2_S))
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			second := openFile(t, tt.change(openFile(t, model(t, "masters", tt.typ))))
			got, err := Diff(t.Context(), first, second.File, tt.o)
			if err != nil {
				t.Fatal(err)
			}
			for i := range min(len(got), len(tt.want)) {
				if strings.Contains(got[i].Detail, tt.want[i].Detail) {
					got[i].Detail = tt.want[i].Detail
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestDiffTypes lists a tensor by its types where these differ.
func TestDiffTypes(t *testing.T) {
	a, b := openFile(t, model(t, "masters", quant.I2_S)), openFile(t, model(t, "masters", quant.TQ2_0))
	ds, err := Diff(t.Context(), a.File, b.File, DiffOptions{})
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[DiffKind]int{}
	for _, d := range ds {
		kinds[d.Kind]++
		if d.Kind == DiffTensor && (!strings.HasPrefix(d.Detail, "type I2_S, then TQ2_0: ") || !strings.HasSuffix(d.Detail, ", and 0 signs")) {
			t.Errorf("%+v", d)
		}
	}
	if kinds[DiffTensor] != 28 || kinds[DiffKV] == 0 {
		t.Errorf("kinds %v", kinds)
	}
}

// TestDiffAcrossTypes compares weights that two types hold alike, and ones that
// are damaged in one of the files.
func TestDiffAcrossTypes(t *testing.T) {
	gate := arch.Block(1, arch.FFNGate)
	a, b := openFile(t, model(t, "masters", quant.TQ1_0)), openFile(t, model(t, "masters", quant.TQ2_0))
	b.patch(gate, 0, []byte{0xff})
	ds, err := Diff(t.Context(), a.File, openFile(t, b.path).File, DiffOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range ds {
		want := "type TQ1_0, then TQ2_0: the weights are the same"
		if d.Name == gate {
			want = "type TQ1_0, then TQ2_0: second file: block 0, weight 0: code 3 in ternary data"
		}
		if d.Kind == DiffTensor && d.Detail != want {
			t.Errorf("%+v, want %q", d, want)
		}
	}
}

// TestDiffPacked: packed weights are the masters' trits.
func TestDiffPacked(t *testing.T) {
	a, b := openFile(t, model(t, "masters", quant.I2_S)), openFile(t, model(t, "packed", quant.TQ1_0))
	if ds, err := Diff(t.Context(), a.File, b.File, DiffOptions{Trits: true}); err != nil || len(ds) > 0 {
		t.Errorf("differences %v, error %v", ds, err)
	}
}

func TestDiffNothingTernary(t *testing.T) {
	a, b := openFile(t, model(t, "llama", quant.BF16)), openFile(t, model(t, "llama", quant.Q8_0))
	if _, err := Diff(t.Context(), a.File, b.File, DiffOptions{Trits: true}); !errors.Is(err, ErrOption) {
		t.Errorf("error %v", err)
	}
}
