package main

import "errors"

// The classes of encodings. Each function puts bits and operands, destination
// first, into a word. It looks only at what it encodes; the test compares all
// instructions in use with those of another assembler.

var errOperands = errors.New("operands do not fit")

func registers(o []operand) uint32 {
	word := o[0].n | o[1].n<<5
	if len(o) > 2 {
		word |= o[2].n << 16
	}
	return word
}

// same: three vectors of one kind.
func same(bits uint32, o []operand) (uint32, error) {
	if len(o) != 3 || o[0].size != o[1].size || o[1].size != o[2].size || o[0].full != o[2].full {
		return 0, errOperands
	}
	return 0x0e200400 | bits | o[0].full<<30 | o[0].size<<22 | registers(o), nil
}

func logical(bits uint32, o []operand) (uint32, error) {
	if len(o) != 3 || o[0].size+o[1].size+o[2].size != 0 {
		return 0, errOperands
	}
	return 0x0e201c00 | bits | o[0].full<<30 | registers(o), nil
}

// float: three vectors of floating point numbers; products have an element of
// a vector, too.
func float(bits uint32, o []operand) (uint32, error) {
	if len(o) != 3 || o[0].size != o[1].size || o[1].size != o[2].size || o[0].size < 2 {
		return 0, errOperands
	}
	word := o[0].full<<30 | registers(o)
	if o[2].kind == 'v' {
		return 0x0e200400 | bits | (o[0].size-2)<<22 | word, nil
	}
	if bits != product || o[2].size != 2 {
		return 0, errOperands
	}
	return 0x0f809000 | word | o[2].number&1<<21 | o[2].number>>1<<11, nil
}

// product is the bits of FMUL.
const product = 1<<29 | 0x1b<<11

// wide: two vectors, or upper halves of vectors, to one of elements twice as
// long.
func wide(bits uint32, o []operand) (uint32, error) {
	if len(o) != 3 || o[0].size != o[1].size+1 || o[1].size != o[2].size {
		return 0, errOperands
	}
	return 0x0e200000 | bits | o[1].full<<30 | o[1].size<<22 | registers(o), nil
}

func unary(bits uint32, o []operand) (uint32, error) {
	if len(o) != 2 || o[0].size != o[1].size {
		return 0, errOperands
	}
	return 0x0e200800 | bits | o[0].full<<30 | o[0].size<<22 | registers(o), nil
}

// pairs: sums of neighbours, twice as long.
func pairs(bits uint32, o []operand) (uint32, error) {
	if len(o) != 2 || o[0].size != o[1].size+1 {
		return 0, errOperands
	}
	return 0x0e200800 | bits | o[1].full<<30 | o[1].size<<22 | registers(o), nil
}

// narrow: to elements half as long, in the lower or upper half.
func narrow(bits uint32, o []operand) (uint32, error) {
	if len(o) != 2 || o[0].size+1 != o[1].size {
		return 0, errOperands
	}
	return 0x0e200800 | bits | o[0].full<<30 | o[0].size<<22 | registers(o), nil
}

// convert: one vector with elements of 4 or 8 bytes.
func convert(bits uint32, o []operand) (uint32, error) {
	if len(o) != 2 || o[0].size != o[1].size || o[0].size < 2 {
		return 0, errOperands
	}
	return 0x0e200800 | bits | o[0].full<<30 | (o[0].size-2)<<22 | registers(o), nil
}

func lengthen(bits uint32, o []operand) (uint32, error) {
	if len(o) != 2 || o[0].size != o[1].size+1 || o[0].size < 2 {
		return 0, errOperands
	}
	return 0x0e200800 | bits | o[1].full<<30 | (o[0].size-2)<<22 | registers(o), nil
}

func shorten(bits uint32, o []operand) (uint32, error) {
	if len(o) != 2 || o[0].size+1 != o[1].size || o[1].size < 2 {
		return 0, errOperands
	}
	return 0x0e200800 | bits | o[0].full<<30 | (o[1].size-2)<<22 | registers(o), nil
}

// across: all elements of a vector to one.
func across(bits uint32, o []operand) (uint32, error) {
	if len(o) != 2 || o[1].full == 0 || o[0].kind != "bhs"[min(o[1].size, 2)] {
		return 0, errOperands
	}
	return 0x4e300800 | bits | o[1].size<<22 | registers(o), nil
}

func acrossFloat(bits uint32, o []operand) (uint32, error) {
	if len(o) != 2 || o[1].full == 0 || o[0].kind != 's' || o[1].size != 2 {
		return 0, errOperands
	}
	return 0x4e300800 | bits | registers(o), nil
}

// fold: the sum of the two elements of a vector.
func fold(bits uint32, o []operand) (uint32, error) {
	if len(o) != 2 || o[1].size < 2 {
		return 0, errOperands
	}
	return bits | (o[1].size-2)<<22 | registers(o), nil
}

// right: shifts to the right; of those to other elements the shorter ones count.
func right(bits uint32, o []operand) (uint32, error) {
	if len(o) != 3 || o[2].kind != '#' {
		return 0, errOperands
	}
	size := uint32(8) << o[0].size
	if o[2].number < 1 || o[2].number > size {
		return 0, errOperands
	}
	return 0x0f000400 | bits | o[0].full<<30 | (2*size-o[2].number)<<16 | registers(o[:2]), nil
}

func left(bits uint32, o []operand) (uint32, error) {
	if len(o) != 3 || o[2].kind != '#' {
		return 0, errOperands
	}
	size := uint32(8) << o[1].size
	if o[2].number >= size {
		return 0, errOperands
	}
	return 0x0f000400 | bits | o[1].full<<30 | (size+o[2].number)<<16 | registers(o[:2]), nil
}

func permute(bits uint32, o []operand) (uint32, error) {
	if len(o) != 3 || o[0].size != o[1].size || o[1].size != o[2].size {
		return 0, errOperands
	}
	return 0x0e000800 | bits | o[0].full<<30 | o[0].size<<22 | registers(o), nil
}

func extract(_ uint32, o []operand) (uint32, error) {
	if len(o) != 4 || o[0].size != 0 || o[3].number > 15 {
		return 0, errOperands
	}
	return 0x2e000000 | o[0].full<<30 | o[3].number<<11 | registers(o[:3]), nil
}

// duplicate: an element, or a general register, to all elements.
func duplicate(_ uint32, o []operand) (uint32, error) {
	if len(o) != 2 {
		return 0, errOperands
	}
	word := o[0].full<<30 | registers(o)
	switch o[1].kind {
	case 'e':
		return 0x0e000400 | word | (2*o[1].number+1)<<o[0].size<<16, nil
	case 'w':
		return 0x0e000c00 | word | 1<<o[0].size<<16, nil
	}
	return 0, errOperands
}

// immediate: a number of 8 bits to all elements of a byte or of 4 bytes.
func immediate(_ uint32, o []operand) (uint32, error) {
	if len(o) != 2 || o[1].kind != '#' || o[1].number > 255 || o[0].size != 0 && o[0].size != 2 {
		return 0, errOperands
	}
	word := 0x0f000400 | o[0].full<<30 | o[0].n | o[1].number>>5<<16 | o[1].number&31<<5
	if o[0].size == 0 {
		word |= 0xe << 12
	}
	return word, nil
}

// dot: sums of four products of int8, of two vectors or of one and an element
// of four.
func dot(_ uint32, o []operand) (uint32, error) {
	if len(o) != 3 || o[0].size != 2 || o[1].size != 0 {
		return 0, errOperands
	}
	word := o[0].full<<30 | registers(o)
	if o[2].kind == 'v' {
		return 0x0e809400 | word, nil
	}
	return 0x0f80e000 | word | o[2].number&1<<21 | o[2].number>>1<<11, nil
}
