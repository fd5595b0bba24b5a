package token

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestMatcher compares with trying every token at every place.
func TestMatcher(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	random := func(n int) string {
		b := make([]byte, 1+r.IntN(n))
		for i := range b {
			b[i] = "abc"[r.IntN(3)]
		}
		return string(b)
	}
	for range 300 {
		v := newVocab()
		seen := map[string]bool{}
		for range r.IntN(12) {
			if s := random(5); !seen[s] {
				seen[s] = true
				v.Tokens = append(v.Tokens, s)
				v.Kinds = append(v.Kinds, []Kind{Control, UserDefined, Normal}[r.IntN(3)])
			}
		}
		m := newMatcher(v, matchable)
		for range 30 {
			text := random(12)
			start, end, id := m.next(text)
			wantStart, wantEnd, wantID := len(text), len(text), int32(-1)
			for i := range len(text) {
				for j, s := range v.Tokens {
					if matchable(v.Kinds[j]) && strings.HasPrefix(text[i:], s) && (wantID < 0 || i+len(s) > wantEnd) {
						wantStart, wantEnd, wantID = i, i+len(s), int32(j)
					}
				}
				if wantID >= 0 {
					break
				}
			}
			if start != wantStart || end != wantEnd || id != wantID {
				t.Fatalf("%q in %q: %d to %d is %d, want %d to %d is %d", text, v.Tokens, start, end, id, wantStart, wantEnd, wantID)
			}
		}
	}
}
