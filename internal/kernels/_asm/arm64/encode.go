package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Go's assembler knows few of the vector instructions of arm64: neither SDOT nor
// SMLAL, nor the arithmetic of vectors of floating point numbers. Here all of
// them, save those that move to and from memory and general registers, are
// written as Arm's assemblers write them and become words. What the bits are
// is in the Arm Architecture Reference Manual, "Advanced SIMD data-processing".

// instruction is a class of encodings and the bits that tell an instruction of
// that class from others.
type instruction struct {
	encode func(bits uint32, o []operand) (uint32, error)
	bits   uint32
}

var instructions = map[string]instruction{
	"add": {same, 0x10 << 11}, "sub": {same, 1<<29 | 0x10<<11}, "mul": {same, 0x13 << 11}, "mla": {same, 0x12 << 11},
	"cmeq": {same, 1<<29 | 0x11<<11},
	"umax": {same, 1<<29 | 0x0c<<11}, "umin": {same, 1<<29 | 0x0d<<11},
	"uhadd": {same, 1 << 29}, "ushl": {same, 1<<29 | 0x08<<11}, "addp": {same, 0x17 << 11},

	"and": {logical, 0}, "orr": {logical, 2 << 22},
	"eor": {logical, 1 << 29},

	"fadd": {float, 0x1a << 11}, "fsub": {float, 1<<23 | 0x1a<<11},
	"fmul": {float, product}, "fdiv": {float, 1<<29 | 0x1f<<11}, "fmla": {float, 0x19 << 11},
	"fmax": {float, 0x1e << 11}, "fmin": {float, 1<<23 | 0x1e<<11}, "fmaxnm": {float, 0x18 << 11},
	"fcmgt": {float, 1<<29 | 1<<23 | 0x1c<<11}, "fcmge": {float, 1<<29 | 0x1c<<11},

	"smull": {wide, 0xc << 12}, "smlal": {wide, 0x8 << 12}, "umull": {wide, 1<<29 | 0xc<<12},
	"smull2": {wide, 0xc << 12}, "smlal2": {wide, 0x8 << 12}, "umull2": {wide, 1<<29 | 0xc<<12},

	"neg": {unary, 1<<29 | 0x0b<<12}, "saddlp": {pairs, 0x02 << 12}, "sadalp": {pairs, 0x06 << 12},

	"xtn": {narrow, 0x12 << 12}, "xtn2": {narrow, 0x12 << 12},
	"sqxtn": {narrow, 0x14 << 12}, "sqxtn2": {narrow, 0x14 << 12},

	"scvtf": {convert, 0x1d << 12}, "ucvtf": {convert, 1<<29 | 0x1d<<12},
	"fcvtns": {convert, 0x1a << 12}, "fcvtas": {convert, 0x1c << 12}, "frintn": {convert, 0x18 << 12},
	"fabs": {convert, 1<<23 | 0x0f<<12}, "fneg": {convert, 1<<29 | 1<<23 | 0x0f<<12},
	"fcvtl": {lengthen, 0x17 << 12}, "fcvtl2": {lengthen, 0x17 << 12},
	"fcvtn": {shorten, 0x16 << 12}, "fcvtn2": {shorten, 0x16 << 12},

	"addv": {across, 0x1b << 12}, "umaxv": {across, 1<<29 | 0x0a<<12}, "uminv": {across, 1<<29 | 0x1a<<12},
	"fmaxnmv": {acrossFloat, 1<<29 | 0x0c<<12},
	"faddp":   {fold, 0x7e30d800},

	"ushr": {right, 1 << 29}, "sshr": {right, 0}, "shl": {left, 0x0a << 11},
	"shrn": {right, 0x10 << 11}, "shrn2": {right, 0x10 << 11},
	"sshll": {left, 0x14 << 11}, "sshll2": {left, 0x14 << 11},
	"ushll": {left, 1<<29 | 0x14<<11}, "ushll2": {left, 1<<29 | 0x14<<11},

	"trn1": {permute, 2 << 12}, "zip1": {permute, 3 << 12},
	"trn2": {permute, 6 << 12}, "zip2": {permute, 7 << 12},
	"ext": {extract, 0}, "dup": {duplicate, 0}, "movi": {immediate, 0}, "sdot": {dot, 0},
}

// operand is a vector register with the size of its elements, 1 << size bytes,
// a single register (b0, s0, w3), or a number.
type operand struct {
	kind   byte // 'v', 'e' for an element of a vector, '#', or the letter of the register
	n      uint32
	size   uint32
	full   uint32 // 1 if all 16 bytes are meant
	number uint32 // the index of an element, or the number
}

var operandForm = regexp.MustCompile(`^(?:v(\d+)\.(\d*)([bhsd])(?:\[(\d+)\])?|([bsdw])(\d+)|#(\d+))$`)

func parseOperand(s string) (operand, error) {
	m := operandForm.FindStringSubmatch(s)
	if m == nil {
		return operand{}, fmt.Errorf("operand %q", s)
	}
	number := func(s string) uint32 { n, _ := strconv.Atoi(s); return uint32(n) }
	size := func(s string) uint32 { return uint32(strings.Index("bhsd", s)) }
	switch {
	case m[7] != "":
		return operand{kind: '#', number: number(m[7])}, nil
	case m[5] != "":
		return operand{kind: m[5][0], n: number(m[6])}, nil
	case m[4] != "":
		return operand{kind: 'e', n: number(m[1]), size: size(m[3]), number: number(m[4])}, nil
	}
	o := operand{kind: 'v', n: number(m[1]), size: size(m[3])}
	switch number(m[2]) << o.size {
	case 16:
		o.full = 1
	case 8:
	default:
		return o, fmt.Errorf("operand %q", s)
	}
	return o, nil
}

// encode gives the word of an instruction.
func encode(text string) (uint32, error) {
	name, rest, _ := strings.Cut(text, " ")
	in, ok := instructions[name]
	if !ok {
		return 0, fmt.Errorf("%s: unknown", text)
	}
	var operands []operand
	for s := range strings.SplitSeq(rest, ", ") {
		o, err := parseOperand(s)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", text, err)
		}
		if o.n > 31 {
			return 0, fmt.Errorf("%s: no register %d", text, o.n)
		}
		operands = append(operands, o)
	}
	word, err := in.encode(in.bits, operands)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", text, err)
	}
	if base := strings.TrimSuffix(name, "2"); long[base] && (base != name) != (word>>30&1 == 1) {
		return 0, fmt.Errorf("%s: the half does not fit the name", text)
	}
	return word, nil
}

// long are the instructions that are called otherwise for the upper half.
var long = map[string]bool{
	"smull": true, "smlal": true, "umull": true, "xtn": true, "sqxtn": true, "fcvtl": true, "fcvtn": true,
	"shrn": true, "sshll": true, "ushll": true,
}
