package token

import (
	"fmt"
	"slices"
)

// mergeTable gives rank and result of merging two adjacent tokens.
type mergeTable map[pair]merge

type pair struct{ left, right int32 }

type merge struct {
	rank int32 // lower is done first
	id   int32 // the token that results
}

// newMergeTable resolves merges to ids. A merge whose parts or result are no
// tokens is an error, as in Hugging Face's tokenizers.
func newMergeTable(merges []string, ids map[string]int32) (mergeTable, error) {
	t := make(mergeTable, len(merges))
	var both []byte
	for rank, m := range merges {
		left, right, ok := splitMerge(m)
		if !ok {
			return nil, fmt.Errorf("%w: merge %d (%q) is not two parts with one space between", ErrFormat, rank, m)
		}
		var p pair
		if p.left, ok = ids[left]; !ok {
			return nil, fmt.Errorf("%w: merge %d (%q): %q is not a token", ErrFormat, rank, m, left)
		}
		if p.right, ok = ids[right]; !ok {
			return nil, fmt.Errorf("%w: merge %d (%q): %q is not a token", ErrFormat, rank, m, right)
		}
		both = append(append(both[:0], left...), right...)
		id, ok := ids[string(both)]
		if !ok {
			return nil, fmt.Errorf("%w: merge %d (%q): %q is not a token", ErrFormat, rank, m, both)
		}
		t[p] = merge{int32(rank), id}
		if len(t) == rank { // it was there: tokens have one text, so the merge had this one
			return nil, fmt.Errorf("%w: merges %d and %d are both %q", ErrFormat, slices.Index(merges, m), rank, m)
		}
	}
	return t, nil
}

// Merged gives the token that each merge makes, most preferred first; none for
// SentencePiece.
func (t *Tokenizer) Merged() []int32 {
	ids := make([]int32, len(t.merges))
	for _, m := range t.merges {
		ids[m.rank] = m.id
	}
	return ids
}

// merger merges the tokens of one piece. It takes O(n log n) for a piece of n
// bytes and keeps its memory from piece to piece.
type merger struct {
	symbols []symbol
	queue   mergeQueue
}

// symbol is a token in a linked list; a symbol that was merged into its left
// neighbour has id -1.
type symbol struct {
	id         int32
	prev, next int32 // indices of symbols, -1 at the ends
}

// candidate is a merge that was possible when it was queued.
type candidate struct {
	merge
	pair
	at int32 // index of the left symbol
}

// encode appends the tokens of piece to out: its bytes' tokens, the possible
// merge of lowest rank done over and over, the leftmost first among equals.
func (m *merger) encode(out []int32, piece string, bytes *[256]int32, table mergeTable) []int32 {
	m.symbols, m.queue = m.symbols[:0], m.queue[:0]
	for i := range len(piece) {
		m.symbols = append(m.symbols, symbol{bytes[piece[i]], int32(i) - 1, int32(i) + 1})
	}
	m.symbols[len(piece)-1].next = -1
	for i := range len(piece) - 1 {
		m.consider(int32(i), table)
	}
	for len(m.queue) > 0 {
		c := m.queue.pop()
		left := &m.symbols[c.at]
		if left.id != c.left || left.next < 0 || m.symbols[left.next].id != c.right {
			continue // one of the two has been merged since
		}
		right := &m.symbols[left.next]
		left.id, left.next, right.id = c.id, right.next, -1
		if left.next >= 0 {
			m.symbols[left.next].prev = c.at
			m.consider(c.at, table)
		}
		if left.prev >= 0 {
			m.consider(left.prev, table)
		}
	}
	for i := int32(0); i >= 0; i = m.symbols[i].next {
		out = append(out, m.symbols[i].id)
	}
	return out
}

// consider queues the merge of the symbol at i with the next one, if there is
// such a merge.
func (m *merger) consider(i int32, table mergeTable) {
	p := pair{m.symbols[i].id, m.symbols[m.symbols[i].next].id}
	if found, ok := table[p]; ok {
		m.queue.push(candidate{found, p, i})
	}
}

// mergeQueue is a binary heap, the next merge to do on top.
type mergeQueue []candidate

func (q mergeQueue) less(i, j int) bool {
	if q[i].rank != q[j].rank {
		return q[i].rank < q[j].rank
	}
	return q[i].at < q[j].at
}

func (q *mergeQueue) push(c candidate) {
	*q = append(*q, c)
	h := *q
	for i := len(h) - 1; i > 0 && h.less(i, (i-1)/2); i = (i - 1) / 2 {
		h[i], h[(i-1)/2] = h[(i-1)/2], h[i]
	}
}

func (q *mergeQueue) pop() candidate {
	h := *q
	top, last := h[0], len(h)-1
	h[0] = h[last]
	h = h[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child+1 < last && h.less(child+1, child) {
			child++
		}
		if child >= last || !h.less(child, i) {
			break
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
	*q = h
	return top
}
