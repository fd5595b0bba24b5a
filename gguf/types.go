package gguf

import (
	"fmt"
	"strings"

	"github.com/akadata/bitnet-tool/quant"
)

// The type numbers of ggml include/ggml.h (d99724f2) with one meaning.
var typeByID = map[uint32]quant.Type{
	0: quant.F32, 1: quant.F16, 2: quant.Q4_0, 3: quant.Q4_1, 6: quant.Q5_0, 7: quant.Q5_1,
	8: quant.Q8_0, 9: quant.Q8_1, 10: quant.Q2_K, 11: quant.Q3_K, 12: quant.Q4_K, 13: quant.Q5_K,
	14: quant.Q6_K, 15: quant.Q8_K, 16: quant.IQ2_XXS, 17: quant.IQ2_XS, 18: quant.IQ3_XXS,
	19: quant.IQ1_S, 20: quant.IQ4_NL, 21: quant.IQ3_S, 22: quant.IQ2_S, 23: quant.IQ4_XS,
	24: quant.I8, 25: quant.I16, 26: quant.I32, 27: quant.I64, 28: quant.F64, 29: quant.IQ1_M,
	30: quant.BF16, 31: quant.Q4_0_4_4, 32: quant.Q4_0_4_8, 33: quant.Q4_0_8_8,
	34: quant.TQ1_0, 35: quant.TQ2_0,
}

// The numbers that different programs use for different types. 36 to 39:
// bitnet.cpp's meaning first (ggml.h 0f0e7dae), then upstream's. 40 to 42:
// upstream's; forks gave them to types of their own.
var disputedTypes = map[uint32][]quant.Type{
	36: {quant.I2_S, quant.IQ4_NL_4_4},
	37: {quant.I8_S, quant.IQ4_NL_4_8},
	38: {quant.TL1, quant.IQ4_NL_8_8},
	39: {quant.TL2, quant.MXFP4},
	40: {quant.NVFP4, quant.Q1_0},
	41: {quant.Q1_0},
	42: {quant.Q2_0},
}

// Names of numbers whose layout is not known here.
var unknownTypeNames = map[uint32]string{
	4: "Q4_2 (removed)", 5: "Q4_3 (removed)",
	133: "Q6_0 (ik_llama.cpp)", 134: "IQ1_BN (ik_llama.cpp)", 135: "IQ2_BN (ik_llama.cpp)",
	136: "Q8_K64 (ik_llama.cpp)", 335: "IQ2_BN_R4 (ik_llama.cpp)",
}

// typeID gives the number to write for t.
func typeID(t quant.Type) (uint32, bool) {
	for id, u := range typeByID {
		if u == t {
			return id, true
		}
	}
	switch t {
	case quant.I2_S:
		return 36, true
	case quant.NVFP4:
		return 40, true
	case quant.Q1_0:
		return 41, true
	case quant.Q2_0:
		return 42, true
	}
	return 0, false
}

// knowledge is what the metadata add to a type number.
type knowledge struct {
	arch string     // general.architecture
	i2s  quant.Type // what I2_S is: one of its layouts, or Invalid if the file names one that is not known
}

// resolveType decides what the number of a tensor means, given the bytes
// between its offset and the next one's. It never goes by the number alone
// where two programs disagree: the size decides, then the architecture. The
// result is quant.Invalid when nothing fits.
func resolveType(id uint32, rows, cols, gap, align int64, k knowledge) quant.Type {
	if t, ok := typeByID[id]; ok {
		return t
	}
	var fits []quant.Type
	for _, t := range disputedTypes[id] {
		if t == quant.I2_S {
			t = k.i2s
		}
		c, _ := quant.Lookup(t)
		if n, err := c.Size(rows, cols); err == nil && fills(n, gap, align) {
			fits = append(fits, t)
		}
	}
	switch {
	case len(fits) == 1:
		return fits[0]
	case len(fits) > 1 && strings.HasPrefix(k.arch, "bitnet"):
		return fits[0]
	}
	return quant.Invalid
}

// fills reports whether a tensor of size bytes takes up gap bytes, with its
// padding or without.
func fills(size, gap, align int64) bool { return size == gap || alignUp(size, align) == gap }

// TypeName names the type of a tensor for people, also when its layout is not
// known.
func (t Tensor) TypeName() string {
	if t.Type != quant.Invalid {
		return t.Type.String()
	}
	if name, ok := unknownTypeNames[t.TypeID]; ok {
		return name
	}
	if t.TypeID == 36 && t.Cols()%128 != 0 && fills(t.Elements()/4+32, t.Size, defaultAlign) {
		// So llama-quantize of bitnet.cpp writes the 3B model of 1bitLLM
		// (microsoft/BitNet issue 348).
		return fmt.Sprintf("I2_S with rows of %d weights, which are no whole blocks of 128", t.Cols())
	}
	if meanings, ok := disputedTypes[t.TypeID]; ok {
		names := make([]string, len(meanings))
		for i, m := range meanings {
			names[i] = m.String()
		}
		return fmt.Sprintf("type %d (%s: undecided by its size)", t.TypeID, strings.Join(names, " or "))
	}
	if private(t.TypeID) {
		return fmt.Sprintf("type %d (private to ik_llama.cpp)", t.TypeID)
	}
	return fmt.Sprintf("type %d (unknown)", t.TypeID)
}

// private reports whether a number is in the range that ik_llama.cpp uses for
// its own types (ggml.h, 8337e4cd).
func private(id uint32) bool { return id >= 64 && id < 400 }

// Dialect says whose type numbers a file uses.
type Dialect string

// The dialects. A file without any disputed type is Upstream.
const (
	Upstream Dialect = "upstream"
	BitNet   Dialect = "bitnet.cpp"
	IK       Dialect = "ik_llama.cpp"
	Prism    Dialect = "prism" // PrismML's forks: 40 is Q1_0
)

// Dialect tells the dialect from the tensor types present.
func (f *File) Dialect() Dialect {
	d := Upstream
	for _, t := range f.Tensors {
		switch {
		case private(t.TypeID):
			return IK
		case t.IsI2S() || t.Type == quant.TL1 || t.Type == quant.TL2 || t.Type == quant.I8_S:
			d = BitNet
		case t.Type == quant.Q1_0 && t.TypeID == 40:
			d = Prism
		}
	}
	return d
}
