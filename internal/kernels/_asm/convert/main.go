// Command convert writes the kernels that turn weights into other encodings.
// They are for AVX2 and F16C: more would gain nothing, as a conversion spends its
// time hashing and moving bytes.
//
// Every kernel takes whole groups of elements; what is left over is done in Go.
package main

import (
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	order := orderData()
	decodeBF16()
	decodeF16()
	encodeF16()
	encodeBF16()
	addMagnitudes()
	ternarize(order)
	plane()
	trits()
	packI2S()
	packTQ2()
	packTQ1()
	packQ8()
	encodeQ8(order)
	Generate()
}

// function starts a kernel.
func function(name, signature, doc string) {
	TEXT(name, NOSPLIT, signature)
	Pragma("noescape")
	Doc(strings.Split(name+" "+doc, "\n")...)
}

func pointer(param string) Register { return Load(Param(param), GP64()) }

// loop repeats body n times, n being in a register that is counted down; 0 is
// never.
func loop(n Register, body func()) {
	TESTQ(n, n)
	JZ(LabelRef("done"))
	Label("loop")
	body()
	DECQ(n)
	JNZ(LabelRef("loop"))
	Label("done")
}

func advance(p Register, bytes int) { ADDQ(U32(bytes), p) }

// dwords gives a vector of eight times the same 32 bits.
func dwords(v uint32) VecVirtual {
	r, x, y := GP32(), XMM(), YMM()
	MOVL(U32(v), r)
	VMOVD(r, x)
	VPBROADCASTD(x, y)
	return y
}

// bytesOf gives a vector of 32 times the same byte.
func bytesOf(v byte) VecVirtual { return dwords(uint32(v) * 0x01010101) }

func zero() VecVirtual {
	y := YMM()
	VPXOR(y, y, y)
	return y
}

func at(p Register, disp int) Mem { return Mem{Base: p, Disp: disp} }

// broadcast loads a float32 parameter into all elements.
func broadcast(param string) VecVirtual {
	x, y := XMM(), YMM()
	Load(Param(param), x)
	VBROADCASTSS(x, y)
	return y
}

// undo loads the order of dwords that two rounds of packing leave behind.
func undo(order Mem) VecVirtual {
	y := YMM()
	VMOVDQU(order, y)
	return y
}

func orderData() Mem {
	order := GLOBL("order", RODATA|NOPTR)
	for i, v := range []uint32{0, 4, 1, 5, 2, 6, 3, 7} {
		DATA(4*i, U32(v))
	}
	return order
}
