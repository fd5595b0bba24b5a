package kernels_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/x448/float16"

	. "github.com/akadata/bitnet-tool/internal/kernels"
	"github.com/akadata/bitnet-tool/quant"
)

// lengths for tests of kernels that take any number of elements.
var lengths = []int{0, 1, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 255, 256, 1000}

// odd gives weights of all sizes with 0, -0, subnormal and neighbouring ones
// among them, and exact halves of what inv makes of them.
func odd(r *rand.Rand, x []float32, limit float32) {
	for i := range x {
		v := float32(r.NormFloat64() * math.Exp2(float64(r.IntN(40)-30)))
		switch r.IntN(12) {
		case 0:
			v = 0
		case 1:
			v = float32(math.Copysign(0, -1))
		case 2:
			v = math.Float32frombits(r.Uint32() & 0x807fffff)
		case 3:
			v = 0.5
		case 4:
			v = float32(r.IntN(256)-128) / 2
		case 5:
			v = math.Nextafter32(float32(r.IntN(256)-128)/2, 0)
		case 6:
			v = 0.5 + float32(r.IntN(80)-40)*0x1p-25
		}
		x[i] = min(max(v, -limit), limit)
	}
}

// eachLength runs f for lengths up to 1,000 of elements in guarded slices.
func eachLength(t *testing.T, f func(t *testing.T, r *rand.Rand, n, slack int)) {
	t.Helper()
	r := rand.New(rand.NewPCG(5, 6))
	for _, n := range lengths {
		for slack := range 3 {
			isolated(t, func(t *testing.T) { f(t, r, n, slack) })
		}
	}
}

func TestConvertDecode(t *testing.T) {
	backends(t, func(t *testing.T, b, generic *Backend) {
		for name, f := range map[string][2]func([]float32, []byte){
			"bf16": {b.DecodeBF16, generic.DecodeBF16}, "f16": {b.DecodeF16, generic.DecodeF16},
		} {
			eachLength(t, func(t *testing.T, r *rand.Rand, n, slack int) {
				src := fill(r, guarded[byte](t, 2*n, slack))
				got, want := guarded[float32](t, n, slack), make([]float32, n)
				f[0](got, src)
				f[1](want, src)
				for i := range got {
					if math.Float32bits(got[i]) != math.Float32bits(want[i]) && want[i] == want[i] {
						t.Errorf("%s, weight %d of %d: %v, want %v", name, i, n, got[i], want[i])
					}
				}
			})
		}
	})
}

func TestEncodeF16(t *testing.T) {
	backends(t, func(t *testing.T, b, generic *Backend) {
		eachLength(t, func(t *testing.T, r *rand.Rand, n, slack int) {
			x := guarded[float32](t, n, slack)
			odd(r, x, 65519)
			got, want := guarded[byte](t, 2*n, slack), make([]byte, 2*n)
			b.EncodeF16(got, x)
			generic.EncodeF16(want, x)
			if !bytes.Equal(got, want) {
				t.Errorf("%d weights: % x, want % x", n, got, want)
			}
		})
	})
}

func TestEncodeBF16(t *testing.T) {
	backends(t, func(t *testing.T, b, generic *Backend) {
		eachLength(t, func(t *testing.T, r *rand.Rand, n, slack int) {
			x := guarded[float32](t, n, slack)
			odd(r, x, math.MaxFloat32)
			for i := range x {
				if r.IntN(4) == 0 { // a tie, or next to one
					x[i] = math.Float32frombits(math.Float32bits(x[i])&^0xffff | 0x7fff + r.Uint32N(3))
				}
			}
			got, want := guarded[byte](t, 2*n, slack), make([]byte, 2*n)
			b.EncodeBF16(got, x)
			generic.EncodeBF16(want, x)
			if !bytes.Equal(got, want) {
				t.Errorf("%d weights: % x, want % x", n, got, want)
			}
		})
	})
}

// TestEncodeF16Reference holds the specification to another implementation:
// every half float, all numbers in the middle of two and their neighbours.
func TestEncodeF16Reference(t *testing.T) {
	g, err := Lookup("generic")
	if err != nil {
		t.Fatal(err)
	}
	var x []float32
	for h := range uint16(0x7bff) {
		a, b := float16.Frombits(h).Float32(), float16.Frombits(h+1).Float32()
		mid := (a + b) / 2
		x = append(x, a, -a, mid, -mid, math.Nextafter32(mid, 0), math.Nextafter32(mid, 1e9))
	}
	got := make([]byte, 2*len(x))
	g.EncodeF16(got, x)
	for i, v := range x {
		if h, want := binary.LittleEndian.Uint16(got[2*i:]), float16.Fromfloat32(v).Bits(); h != want {
			t.Fatalf("%v: %#04x, want %#04x", v, h, want)
		}
	}
}

func TestMagnitudes(t *testing.T) {
	backends(t, func(t *testing.T, b, generic *Backend) {
		eachLength(t, func(t *testing.T, r *rand.Rand, n, slack int) {
			x := guarded[float32](t, n, slack)
			odd(r, x, math.MaxFloat32)
			switch slack {
			case 1:
				for i := range x {
					x[i] = float32(math.Copysign(0, -1))
				}
			case 2:
				if n > 0 {
					x[r.IntN(n)] = float32(math.Inf(-1))
				}
			}
			sum, least, most := b.Magnitudes(x)
			wantSum, wantLeast, wantMost := generic.Magnitudes(x)
			if sum != wantSum || least != wantLeast || most != wantMost {
				t.Errorf("%d weights: %v %#x %#x, want %v %#x %#x", n, sum, least, most, wantSum, wantLeast, wantMost)
			}
		})
	})
}

// TestMagnitudesOrder pins order and meaning of the result.
func TestMagnitudesOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, b := range Available() {
		for _, n := range []int{0, 1, 9, 100} {
			x := make([]float32, n)
			odd(r, x, math.MaxFloat32)
			var lanes [8]float64
			var least, most float32
			for i, v := range x {
				a := float32(math.Abs(float64(v)))
				lanes[i%8] += float64(a)
				if a > 0 && (least == 0 || a < least) {
					least = a
				}
				most = max(most, a)
			}
			for half := 4; half > 0; half /= 2 {
				for i := range half {
					lanes[i] += lanes[i+half]
				}
			}
			sum, lo, hi := b.Magnitudes(x)
			if sum != lanes[0] || lo != math.Float32bits(least) || hi != math.Float32bits(most) {
				t.Errorf("%s: %v %#x %#x, want %v %v %v", b.Name, sum, lo, hi, lanes[0], least, most)
			}
		}
		nan := []float32{1, float32(math.NaN()), 2}
		if _, _, most := b.Magnitudes(nan); most <= 0x7f800000 {
			t.Errorf("%s: NaN gives %#x", b.Name, most)
		}
	}
}

func TestTernarize(t *testing.T) {
	backends(t, func(t *testing.T, b, generic *Backend) {
		eachLength(t, func(t *testing.T, r *rand.Rand, n, slack int) {
			x := guarded[float32](t, n, slack)
			odd(r, x, 1000)
			inv := []float32{1, 1.0000001, 0.37}[slack]
			got, want := guarded[byte](t, n, slack), make([]byte, n)
			zeros, near := b.Ternarize(got, x, inv)
			wantZeros, wantNear := generic.Ternarize(want, x, inv)
			if !bytes.Equal(got, want) || zeros != wantZeros || near != wantNear {
				t.Errorf("%d weights: %d, %d zeros, %d near; want %d, %d, %d", n, got, zeros, near, want, wantZeros, wantNear)
			}
		})
	})
}

// TestTernarizeRule works the rule by hand.
func TestTernarizeRule(t *testing.T) {
	x := []float32{0.5, -0.5, math.Nextafter32(0.5, 1), math.Nextafter32(-0.5, -1), 0, 3, -3, 0.500002, 0.4999991, 0.25}
	want := []byte{1, 1, 2, 0, 1, 2, 0, 2, 1, 1}
	for _, b := range Available() {
		got := make([]byte, len(x))
		zeros, near := b.Ternarize(got, x, 1)
		if !bytes.Equal(got, want) || zeros != 5 || near != 5 {
			t.Errorf("%s: %d, %d zeros, %d near", b.Name, got, zeros, near)
		}
	}
}

func TestPlane(t *testing.T) {
	backends(t, func(t *testing.T, b, generic *Backend) {
		eachLength(t, func(t *testing.T, r *rand.Rand, n, slack int) {
			packed := fill(r, guarded[byte](t, n, slack))
			if slack == 0 { // no code is 3
				for i := range packed {
					packed[i] &^= packed[i] & 0x55 << 1
				}
			}
			for shift := 0; shift < 8; shift += 2 {
				got, want := guarded[byte](t, n, slack), make([]byte, n)
				largest, ones := b.Plane(got, packed, shift)
				wantLargest, wantOnes := generic.Plane(want, packed, shift)
				if !bytes.Equal(got, want) || largest != wantLargest || ones != wantOnes {
					t.Errorf("%d bytes, shift %d: %d, largest %d, %d ones; want %d, %d, %d", n, shift, got, largest, ones, want, wantLargest, wantOnes)
				}
			}
			in := bytes.Clone(packed)
			want := make([]byte, n)
			b.Plane(in, in, 4)
			if generic.Plane(want, packed, 4); !bytes.Equal(in, want) {
				t.Errorf("%d bytes in place: %d, want %d", n, in, want)
			}
		})
	})
}

func TestTrits(t *testing.T) {
	backends(t, func(t *testing.T, b, generic *Backend) {
		eachLength(t, func(t *testing.T, r *rand.Rand, n, slack int) {
			codes := someCodes(t, r, n, slack)
			got, want := guarded[float32](t, n, slack), make([]float32, n)
			b.Trits(got, codes, 0.37)
			generic.Trits(want, codes, 0.37)
			if !slices.Equal(got, want) {
				t.Errorf("%d codes: %v, want %v", n, got, want)
			}
		})
	})
}

func someCodes(t *testing.T, r *rand.Rand, n, slack int) []byte {
	t.Helper()
	codes := guarded[byte](t, n, slack)
	for i := range codes {
		codes[i] = byte(r.IntN(3))
	}
	if n >= 512 { // the second block is zero, the last one but for one weight
		fillWith(codes[256:512], 1)
		if slack > 0 {
			fillWith(codes[n-256:], 1)
			codes[n-1-r.IntN(256)] = 2
		}
	}
	return codes
}

func fillWith(b []byte, v byte) {
	for i := range b {
		b[i] = v
	}
}

func TestPack(t *testing.T) {
	type pack = func(dst, codes []byte, d uint16) byte
	unscaled := func(f func(dst, codes []byte) byte) pack {
		return func(dst, codes []byte, _ uint16) byte { return f(dst, codes) }
	}
	for name, f := range map[string]struct {
		of          func(b *Backend) pack
		block, size int
	}{
		"I2_S":  {func(b *Backend) pack { return unscaled(b.PackI2S) }, 128, 32},
		"TQ2_0": {func(b *Backend) pack { return b.PackTQ2 }, 256, 66},
		"TQ1_0": {func(b *Backend) pack { return b.PackTQ1 }, 256, 54},
		"Q8_0":  {func(b *Backend) pack { return b.PackQ8 }, 32, 34},
	} {
		t.Run(name, func(t *testing.T) {
			backends(t, func(t *testing.T, b, generic *Backend) {
				if f.of(b) == nil {
					t.Skip("this backend has none")
				}
				r := rand.New(rand.NewPCG(9, 9))
				for _, n := range []int{0, 1, 2, 3, 5, 20} {
					for slack := range 3 {
						isolated(t, func(t *testing.T) {
							codes := someCodes(t, r, n*f.block, slack)
							got, want := guarded[byte](t, n*f.size, slack), make([]byte, n*f.size)
							largest := f.of(b)(got, codes, 0x3c01)
							if wantLargest := f.of(generic)(want, codes, 0x3c01); !bytes.Equal(got, want) || largest != wantLargest {
								t.Errorf("%d blocks: % x, largest %d; want % x, %d", n, got, largest, want, wantLargest)
							}
							if n == 0 {
								return
							}
							codes[r.IntN(len(codes))] = 3 + byte(r.IntN(253))
							if largest := f.of(b)(got, codes, 0x3c01); largest < 3 {
								t.Errorf("%d blocks with a wrong code: largest %d", n, largest)
							}
						})
					}
				}
			})
		})
	}
}

// TestPackTQ1All packs every combination of five trits.
func TestPackTQ1All(t *testing.T) {
	for _, b := range Available() {
		codes, dst := make([]byte, 256), make([]byte, 54)
		for v := range 243 {
			for i := range codes[:160] {
				codes[i] = byte(v / []int{81, 27, 9, 3, 1}[i/32] % 3)
			}
			for i := range codes[160:240] {
				codes[160+i] = byte(v / []int{81, 27, 9, 3, 1}[i/16] % 3)
			}
			b.PackTQ1(dst, codes, 1)
			want := byte((v*256 + 242) / 243)
			for i, got := range dst[:48] {
				if got != want {
					t.Fatalf("%s: trits of %d: byte %d is %d, want %d", b.Name, v, i, got, want)
				}
			}
		}
	}
}

func TestEncodeQ8(t *testing.T) {
	backends(t, func(t *testing.T, b, generic *Backend) {
		r := rand.New(rand.NewPCG(10, 10))
		for _, n := range []int{0, 1, 2, 3, 100} {
			for slack := range 3 {
				isolated(t, func(t *testing.T) {
					x := guarded[float32](t, 32*n, slack)
					odd(r, x, 65519*127)
					for b := 0; b+32 <= len(x); b += 64 { // the scale is 1 or nearly
						for i := range x[b : b+32] {
							x[b+i] = min(max(x[b+i], -127), 127)
						}
						x[b] = 127
					}
					if n > 2 {
						clear(x[32:64])
						x[65], x[66] = 0x1p-140, -0x1p-140
						clear(x[67:96])
						x[64] = 0
					}
					got, want := guarded[byte](t, 34*n, slack), make([]byte, 34*n)
					b.EncodeQ8(got, x)
					generic.EncodeQ8(want, x)
					if !bytes.Equal(got, want) {
						t.Errorf("%d blocks: % x, want % x", n, got, want)
					}
				})
			}
		}
	})
}

// TestConvertCodecs: the specification gives what the codecs give.
func TestConvertCodecs(t *testing.T) {
	g, err := Lookup("generic")
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(11, 11))
	x := make([]float32, 32*1024)
	odd(r, x, 65519)
	want := make([]byte, 34*1024)
	if err := codec(t, quant.Q8_0).Encode(want, x, 0); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(want))
	if g.EncodeQ8(got, x); !bytes.Equal(got, want) {
		t.Error("Q8_0 differs")
	}
}

func BenchmarkConvert(b *testing.B) {
	const n = 1 << 16
	src, x, codes, dst := make([]byte, 2*n), make([]float32, n), make([]byte, n), make([]byte, 2*n)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range x {
		x[i] = float32(r.NormFloat64())
		codes[i] = byte(r.IntN(3))
		binary.LittleEndian.PutUint16(src[2*i:], uint16(math.Float32bits(x[i])>>16))
	}
	for _, k := range Available() {
		for name, f := range map[string]func(){
			"DecodeBF16": func() { k.DecodeBF16(x, src) },
			"EncodeF16":  func() { k.EncodeF16(dst, x) },
			"Magnitudes": func() { k.Magnitudes(x) },
			"Ternarize":  func() { k.Ternarize(codes, x, 1.2) },
			"Trits":      func() { k.Trits(x, codes, 1.2) },
			"PackI2S":    func() { k.PackI2S(dst, codes) },
			"PackTQ2":    func() { k.PackTQ2(dst, codes, 1) },
			"PackTQ1":    func() { k.PackTQ1(dst, codes, 1) },
			"PackQ8": func() {
				if k.PackQ8 != nil {
					k.PackQ8(dst, codes, 1)
				}
			},
			"EncodeQ8": func() { k.EncodeQ8(dst, x) },
		} {
			b.Run(k.Name+"/"+name, func(b *testing.B) {
				b.SetBytes(n) // weights
				for b.Loop() {
					f()
				}
			})
		}
	}
}
