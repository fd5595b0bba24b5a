package digest

import (
	"crypto/sha256"
	"hash"
	"math/rand/v2"
	"testing"
)

// TestMessages compares with the standard library, for lengths about the borders
// of the padding, in one part and in several.
func TestMessages(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var lengths [][]int
	for n := range 200 {
		lengths = append(lengths, []int{n}, []int{128, n}, []int{64, 640, n})
	}
	lengths = append(lengths, nil, []int{64, 0}, []int{5, 0}, []int{1 << 17, 1 << 17, 100})
	for count := 1; count <= 2; count++ {
		for _, ns := range lengths {
			m := NewMessages(count)
			want := make([]hash.Hash, count)
			for i := range want {
				want[i] = sha256.New()
			}
			for _, n := range ns {
				parts := make([][]byte, count)
				for i := range parts {
					parts[i] = make([]byte, n+1)[1:] // at an odd address
					for k := range parts[i] {
						parts[i][k] = byte(r.Uint32())
					}
					want[i].Write(parts[i])
				}
				m.Write(parts)
			}
			for i := range want {
				if got := m.Sum(i); got != [sha256.Size]byte(want[i].Sum(nil)) {
					t.Errorf("message %d of %d, parts %d: %x", i, count, ns, got)
				}
			}
		}
	}
}

// TestMessagesPortable runs what other machines run.
func TestMessagesPortable(t *testing.T) {
	m := &Messages{std: []hash.Hash{sha256.New(), sha256.New()}}
	m.Write([][]byte{[]byte("a"), []byte("b")})
	if m.Sum(0) != sha256.Sum256([]byte("a")) || m.Sum(1) != sha256.Sum256([]byte("b")) {
		t.Error("wrong sum")
	}
}

func BenchmarkMessages(b *testing.B) {
	data := [][]byte{make([]byte, 1<<17), make([]byte, 1<<17)}
	for name, n := range map[string]int{"one": 1, "two": 2} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(n * len(data[0])))
			m := NewMessages(n)
			for b.Loop() {
				m.Write(data[:n])
			}
		})
	}
}
