package convert

import (
	"bytes"
	"crypto/sha256"
	"math/rand/v2"
	"testing"
)

func TestHashes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for messages := 1; messages <= 2; messages++ {
		if messages == 2 && fast().Hash2 == nil {
			t.Skip("this machine hashes one message at a time")
		}
		for _, lengths := range [][]int{{}, {0}, {5}, {64}, {128, 3}, {640, 64, 127}, {1 << 17, 1 << 17, 100}} {
			h := newHash(messages)
			want := make([][]byte, messages)
			for _, n := range lengths {
				parts := make([][]byte, messages)
				for i := range parts {
					for range n {
						parts[i] = append(parts[i], byte(r.Uint32()))
					}
					want[i] = append(want[i], parts[i]...)
				}
				h.write(parts)
			}
			for i, m := range want {
				if sum := sha256.Sum256(m); !bytes.Equal(h.sum(i), sum[:]) {
					t.Errorf("message %d of %d, parts %d: wrong digest", i, messages, lengths)
				}
			}
		}
	}
}
