package token

import (
	"slices"
	"strings"
)

// matcher finds tokens that stand literally in text.
type matcher struct {
	texts []string // sorted
	ids   []int32  // of texts
	first [256]bool
}

// newMatcher makes a matcher of the tokens that keep accepts.
func newMatcher(v *Vocab, keep func(Kind) bool) *matcher {
	m := &matcher{}
	for id, text := range v.Tokens {
		if keep(v.Kinds[id]) {
			m.ids = append(m.ids, int32(id))
			m.first[text[0]] = true
		}
	}
	slices.SortFunc(m.ids, func(a, b int32) int { return strings.Compare(v.Tokens[a], v.Tokens[b]) })
	for _, id := range m.ids {
		m.texts = append(m.texts, v.Tokens[id])
	}
	return m
}

// next finds the leftmost token in s, the longest one if several start there.
// If there is none, id is -1 and both others are len(s).
func (m *matcher) next(s string) (start, end int, id int32) {
	for i := range len(s) {
		if !m.first[s[i]] {
			continue
		}
		if n, id := m.prefix(s[i:]); n > 0 {
			return i, i + n, id
		}
	}
	return len(s), len(s), -1
}

// prefix finds the longest token that s starts with; n is 0 if there is none.
func (m *matcher) prefix(s string) (n int, id int32) {
	s = s[:min(len(s), maxTokenLen)]
	for {
		i, exact := slices.BinarySearch(m.texts, s)
		if exact {
			return len(s), m.ids[i]
		}
		if i == 0 {
			return 0, -1
		}
		// All prefixes of s sort before s and are prefixes of the nearest text
		// before s too, unless that is the one.
		before := m.texts[i-1]
		if strings.HasPrefix(s, before) {
			return len(before), m.ids[i-1]
		}
		if s = s[:commonPrefix(s, before)]; s == "" {
			return 0, -1
		}
	}
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
