package gguf

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/akadata/bitnet-tool/quant"
)

func contains(err error, s string) bool { return strings.Contains(err.Error(), s) }

// The numbers of ggml include/ggml.h (d99724f2) that have one meaning.
func TestTypeNumbers(t *testing.T) {
	names := strings.Fields(`F32 F16 Q4_0 Q4_1 - - Q5_0 Q5_1 Q8_0 Q8_1 Q2_K Q3_K Q4_K Q5_K Q6_K Q8_K
		IQ2_XXS IQ2_XS IQ3_XXS IQ1_S IQ4_NL IQ3_S IQ2_S IQ4_XS I8 I16 I32 I64 F64 IQ1_M BF16
		Q4_0_4_4 Q4_0_4_8 Q4_0_8_8 TQ1_0 TQ2_0`)
	if len(names) != 36 {
		t.Fatalf("%d names", len(names))
	}
	for id, name := range names {
		c, _ := quant.ByName(name)
		if got := resolveType(uint32(id), 1, 256, 0, 32, knowledge{}); got != c.Type {
			t.Errorf("%d is %s, want %s", id, got, name)
		}
		if name == "-" {
			continue
		}
		if got, ok := typeID(c.Type); !ok || got != uint32(id) {
			t.Errorf("%s is written as %d, %v, want %d", name, got, ok, id)
		}
	}
}

func TestDisputedTypesToWrite(t *testing.T) {
	for typ, want := range map[quant.Type]uint32{quant.I2_S: 36, quant.NVFP4: 40, quant.Q1_0: 41, quant.Q2_0: 42} {
		if got, ok := typeID(typ); !ok || got != want {
			t.Errorf("%s is written as %d, %v, want %d", typ, got, ok, want)
		}
	}
	for _, typ := range []quant.Type{quant.Invalid, quant.I8_S, quant.TL1, quant.TL2, quant.MXFP4, quant.IQ4_NL_4_4, 9999} {
		if got, ok := typeID(typ); ok {
			t.Errorf("%s is written as %d", typ, got)
		}
	}
}

// The numbers 36 to 42 mean what the size says: for 2 rows of 256 weights,
// I2_S and TL1 take 512/4 + 32 = 160 bytes, the removed IQ4_NL_* 512/32·18 =
// 288, TL2 64·2 + 32 = 160, MXFP4 512/32·17 = 272, NVFP4 512/64·36 = 288, Q1_0
// 512/128·18 = 72, Q2_0 512/64·18 = 144.
func TestDisputedTypesBySize(t *testing.T) {
	tests := []struct {
		id   uint32
		size int
		want quant.Type
	}{
		{36, 160, quant.I2_S},
		{36, 288, quant.IQ4_NL_4_4},
		{37, 288, quant.IQ4_NL_4_8},
		{37, 512, quant.Invalid},
		{38, 160, quant.TL1},
		{38, 288, quant.IQ4_NL_8_8},
		{39, 160, quant.TL2},
		{39, 272, quant.MXFP4},
		{40, 288, quant.NVFP4},
		{40, 72, quant.Q1_0},
		{41, 72, quant.Q1_0},
		{42, 144, quant.Q2_0},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%d of %d bytes", tt.id, tt.size), func(t *testing.T) {
			padded := (tt.size + 31) / 32 * 32
			size := int64(tt.size)
			if tt.want == quant.Invalid {
				size = int64(padded)
			}
			check := func(where string, r *raw) {
				t.Helper()
				f, err := r.file()
				if err != nil {
					t.Fatalf("%s: %v", where, err)
				}
				if got := f.Tensors[0]; got.Type != tt.want || got.TypeID != tt.id || got.Size != size {
					t.Errorf("%s: type %s (%d) of %d bytes, want %s", where, got.Type, got.TypeID, got.Size, tt.want)
				}
			}
			check("in the middle", v3(2, 0).tensor("t", tt.id, 0, 256, 2).tensor("next", 24, uint64(padded), 1).data(32, padded+1))
			check("last", v3(1, 0).tensor("t", tt.id, 0, 256, 2).data(32, tt.size))
			check("last, padded", v3(1, 0).tensor("t", tt.id, 0, 256, 2).data(32, padded))
		})
	}
}

// A disputed number of a size that none of its types has is listed as unknown
// where another tensor follows, and taken for a damaged file at its end.
func TestDisputedTypesOfNoSize(t *testing.T) {
	for _, tt := range []struct {
		id   uint32
		name string
	}{
		{36, "type 36 (I2_S or IQ4_NL_4_4: undecided by its size)"},
		{38, "type 38 (TL1 or IQ4_NL_8_8: undecided by its size)"},
		{39, "type 39 (TL2 or MXFP4: undecided by its size)"},
		{40, "type 40 (NVFP4 or Q1_0: undecided by its size)"},
		{42, "type 42 (Q2_0: undecided by its size)"},
	} {
		f, err := v3(2, 0).tensor("t", tt.id, 0, 256, 2).tensor("next", 24, 1024, 1).data(32, 1025).file()
		if err != nil {
			t.Errorf("%d: %v", tt.id, err)
			continue
		}
		if got := f.Tensors[0]; got.Type != quant.Invalid || got.TypeName() != tt.name || got.Size != 1024 {
			t.Errorf("%s %q of %d bytes, want %q", got.Type, got.TypeName(), got.Size, tt.name)
		}
		for _, size := range []int{32, 1024} {
			_, err := v3(1, 0).tensor("bad", tt.id, 0, 256, 2).data(32, size).file()
			if !errors.Is(err, ErrFormat) || !contains(err, `"bad"`) || !contains(err, fmt.Sprint(size)) {
				t.Errorf("%d at the end of the file, %d bytes: %v", tt.id, size, err)
			}
		}
	}
}

// Rows of 67.5 blocks exist in published files of 1bitLLM/bitnet_b1_58-3B; no
// program computes them rightly.
func TestI2SRowsOfPartBlocks(t *testing.T) {
	size := 8640*2/4 + 32
	f, err := v3(2, 0).tensor("t", 36, 0, 8640, 2).tensor("next", 24, uint64(size+31)/32*32, 1).data(32, (size+31)/32*32+1).file()
	if err != nil {
		t.Fatal(err)
	}
	if f.Tensors[0].Type != quant.Invalid {
		t.Errorf("taken for %s", f.Tensors[0].Type)
	}
}

// With an alignment of 128 one block of I2_S and of IQ4_NL_4_4 take the same
// room; then the architecture decides, and without one that knows I2_S nothing.
func TestDisputedTypesOfOneSize(t *testing.T) {
	for arch, want := range map[string]quant.Type{"bitnet-b1.58": quant.I2_S, "bitnet": quant.I2_S, "llama": quant.Invalid} {
		r := v3(1, 2).key("general.alignment", 4).u32(128).key("general.architecture", 8).str(arch)
		f, err := r.tensor("t", 36, 0, 128).data(128, 128).file()
		if err != nil {
			t.Fatalf("%s: %v", arch, err)
		}
		if got := f.Tensors[0].Type; got != want {
			t.Errorf("%s: %s, want %s", arch, got, want)
		}
	}
}

func TestUnknownTypes(t *testing.T) {
	for id, name := range map[uint32]string{
		4: "Q4_2 (removed)", 5: "Q4_3 (removed)", 43: "type 43 (unknown)", 63: "type 63 (unknown)",
		64: "type 64 (private to ik_llama.cpp)", 135: "IQ2_BN (ik_llama.cpp)", 335: "IQ2_BN_R4 (ik_llama.cpp)",
		399: "type 399 (private to ik_llama.cpp)", 400: "type 400 (unknown)",
		1 << 31: "type 2147483648 (unknown)", 1<<32 - 1: "type 4294967295 (unknown)",
	} {
		f, err := v3(2, 0).tensor("t", id, 0, 7, 3).tensor("next", id, 64, 1).data(32, 65).file()
		if err != nil {
			t.Errorf("%d: %v", id, err)
			continue
		}
		if got := f.Tensors[0]; got.Type != quant.Invalid || got.TypeID != id || got.TypeName() != name || got.Size != 64 {
			t.Errorf("%+v called %q, want %q", got, got.TypeName(), name)
		}
		if got := f.Tensors[1].Size; got != 1 {
			t.Errorf("%d: last tensor of %d bytes", id, got)
		}
		// Its size is not known, but nothing at all is too little.
		if _, err := v3(1, 0).tensor("bad", id, 0, 7).data(32, 0).file(); !errors.Is(err, ErrFormat) || !contains(err, `"bad"`) {
			t.Errorf("%d without data: %v", id, err)
		}
	}
}

// Rows that end inside a block make no I2_S that a kernel can read, though the
// size is that of I2_S.
func TestTypeNameOfBrokenRows(t *testing.T) {
	for _, tt := range []struct {
		cols, size int64
		want       string
	}{
		{8640, 8640*2/4 + 32, "I2_S with rows of 8640 weights, which are no whole blocks of 128"},
		{8640, 8640*2/4 + 64, "type 36 (I2_S or IQ4_NL_4_4: undecided by its size)"},
		{256, 256*2/4 + 32, "type 36 (I2_S or IQ4_NL_4_4: undecided by its size)"}, // of a layout that is not known
	} {
		x := Tensor{TensorInfo: TensorInfo{Dims: []int64{tt.cols, 2}}, TypeID: 36, Size: tt.size}
		if got := x.TypeName(); got != tt.want {
			t.Errorf("%d columns, %d bytes: %q, want %q", tt.cols, tt.size, got, tt.want)
		}
	}
}

func TestTypeNameOfKnown(t *testing.T) {
	if got := (Tensor{TensorInfo: TensorInfo{Type: quant.I2_S}, TypeID: 36}).TypeName(); got != "I2_S" {
		t.Errorf("got %q", got)
	}
}

func TestDialect(t *testing.T) {
	tests := []struct {
		name string
		r    *raw
		want Dialect
	}{
		{"no tensors", v3(0, 0), Upstream},
		{"common types", v3(1, 0).tensor("t", 8, 0, 32).data(32, 34), Upstream},
		{"MXFP4", v3(1, 0).tensor("t", 39, 0, 256, 2).data(32, 272), Upstream},
		{"I2_S", v3(2, 0).tensor("t", 36, 0, 256, 2).tensor("n", 0, 160, 1).data(32, 164), BitNet},
		{"TL1", v3(1, 0).tensor("t", 38, 0, 256, 2).data(32, 160), BitNet},
		{"TL2", v3(1, 0).tensor("t", 39, 0, 256, 2).data(32, 160), BitNet},
		{"IQ2_BN", v3(2, 0).tensor("t", 36, 0, 256, 2).tensor("n", 135, 160, 64).data(32, 180), IK},
		{"Q1_0 under 40", v3(1, 0).tensor("t", 40, 0, 256, 2).data(32, 72), Prism},
		{"Q1_0 under 41", v3(1, 0).tensor("t", 41, 0, 256, 2).data(32, 72), Upstream},
		{"I2_S in groups of 64", v3(1, 1).key(LayoutKey, 8).str("64x16").tensor("t", 36, 0, 64, 2).data(32, 64), BitNet},
		{"nobody's number", v3(1, 0).tensor("t", 4000, 0, 1).data(32, 1), Upstream},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := tt.r.file()
			if err != nil {
				t.Fatal(err)
			}
			if got := f.Dialect(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
