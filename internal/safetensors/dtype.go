package safetensors

import "fmt"

// DType is the element type of a tensor. The zero value is no type at all.
type DType uint8

// The types of the format, in the order of the reference reader.
const (
	BOOL DType = iota + 1
	F4
	F6E2M3
	F6E3M2
	U8
	I8
	F8E5M2
	F8E4M3
	F8E8M0
	F8E4M3FNUZ
	F8E5M2FNUZ
	I16
	U16
	F16
	BF16
	I32
	U32
	F32
	C64
	F64
	I64
	U64
)

// dtypes gives spelling and width of each type (Dtype::bitsize in
// huggingface/safetensors, safetensors/src/tensor.rs at 24b0b285).
var dtypes = [...]struct {
	name string
	bits int
}{
	BOOL:       {"BOOL", 8},
	F4:         {"F4", 4},
	F6E2M3:     {"F6_E2M3", 6},
	F6E3M2:     {"F6_E3M2", 6},
	U8:         {"U8", 8},
	I8:         {"I8", 8},
	F8E5M2:     {"F8_E5M2", 8},
	F8E4M3:     {"F8_E4M3", 8},
	F8E8M0:     {"F8_E8M0", 8},
	F8E4M3FNUZ: {"F8_E4M3FNUZ", 8},
	F8E5M2FNUZ: {"F8_E5M2FNUZ", 8},
	I16:        {"I16", 16},
	U16:        {"U16", 16},
	F16:        {"F16", 16},
	BF16:       {"BF16", 16},
	I32:        {"I32", 32},
	U32:        {"U32", 32},
	F32:        {"F32", 32},
	C64:        {"C64", 64},
	F64:        {"F64", 64},
	I64:        {"I64", 64},
	U64:        {"U64", 64},
}

// String returns the spelling used in files, such as "BF16".
func (d DType) String() string {
	if d == 0 || int(d) >= len(dtypes) {
		return fmt.Sprintf("DType(%d)", uint8(d))
	}
	return dtypes[d].name
}

// Bits returns the width of one element in bits, 0 for no type. F4 and the F6
// types are narrower than a byte and are packed without gaps.
func (d DType) Bits() int {
	if int(d) >= len(dtypes) {
		return 0
	}
	return dtypes[d].bits
}

// parseDType finds the type of a spelling; case matters.
func parseDType(name []byte) (DType, bool) {
	for d := BOOL; int(d) < len(dtypes); d++ {
		if string(name) == dtypes[d].name {
			return d, true
		}
	}
	return 0, false
}
