package token

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// spm encodes with a SentencePiece BPE vocabulary: a text starts as its
// characters, and as long as two neighbours together are a piece, the two whose
// piece has the highest score are made one, the leftmost among equals.
// Characters that are no piece become the tokens of their bytes
// (google/sentencepiece, src/bpe_model.cc; llama.cpp v0.4.0,
// src/llama-vocab.cpp, llm_tokenizer_spm_session).
type spm struct {
	pieces map[string]merge // rank 0 has the highest score
	bytes  [256]int32
}

// newSPM makes an encoder of a vocabulary whose lists are of one length.
func newSPM(v *Vocab) (*spm, error) {
	s := &spm{pieces: map[string]merge{}}
	scores := slices.Clone(v.Scores)
	slices.SortFunc(scores, func(a, b float32) int { return cmp.Compare(b, a) })
	scores = slices.Compact(scores)
	found := 0
	for i := range s.bytes {
		s.bytes[i] = -1
	}
	for id, text := range v.Tokens {
		switch v.Kinds[id] {
		case Normal, Undefined:
			rank, _ := slices.BinarySearchFunc(scores, v.Scores[id], func(a, b float32) int { return cmp.Compare(b, a) })
			s.pieces[text] = merge{int32(rank), int32(id)}
		case Byte:
			b, ok := pieceByte(text)
			if !ok || s.bytes[b] >= 0 {
				return nil, fmt.Errorf("%w: token %d (%q) is of type byte", ErrFormat, id, text)
			}
			s.bytes[b] = int32(id)
			found++
		}
	}
	if found < len(s.bytes) {
		b := slices.Index(s.bytes[:], -1)
		return nil, fmt.Errorf("%w: no token for the byte 0x%02x", ErrUnsupported, b)
	}
	if _, ok := s.pieces[spaceMark]; !ok {
		return nil, fmt.Errorf("%w: no token for the space, %s", ErrUnsupported, spaceMark)
	}
	return s, nil
}

// part is a run of characters in a linked list; one that was merged into its
// left neighbour has length 0.
type part struct {
	start, n   int32 // bytes
	prev, next int32 // indices of parts, -1 at the ends
}

// spmRun is one text on its way to tokens.
type spmRun struct {
	*spm
	text  string
	parts []part
	queue mergeQueue // pairs are the lengths of both parts
}

// encode appends the tokens of text.
func (s *spm) encode(out []int32, text string) []int32 {
	if text == "" {
		return out
	}
	r := spmRun{spm: s, text: strings.ReplaceAll(text, " ", spaceMark)}
	for at := 0; at < len(r.text); {
		_, n := utf8.DecodeRuneInString(r.text[at:])
		i := int32(len(r.parts))
		r.parts = append(r.parts, part{int32(at), int32(n), i - 1, i + 1})
		at += n
	}
	r.parts[len(r.parts)-1].next = -1
	for i := range len(r.parts) - 1 {
		r.consider(int32(i))
	}
	for len(r.queue) > 0 {
		r.merge(r.queue.pop())
	}
	for i := int32(0); i >= 0; i = r.parts[i].next {
		out = r.emit(out, r.string(i, 0))
	}
	return out
}

// string gives the text of a part and of more bytes behind it.
func (r *spmRun) string(i, more int32) string {
	p := r.parts[i]
	return r.text[p.start : p.start+p.n+more]
}

// consider queues the merge of part i and the next if both are a piece.
func (r *spmRun) consider(i int32) {
	next := r.parts[r.parts[i].next]
	if m, ok := r.pieces[r.string(i, next.n)]; ok {
		r.queue.push(candidate{m, pair{r.parts[i].n, next.n}, i})
	}
}

// merge does c unless one of its parts has been merged since it was queued.
func (r *spmRun) merge(c candidate) {
	left := &r.parts[c.at]
	if left.n != c.left || left.next < 0 || r.parts[left.next].n != c.right {
		return
	}
	right := &r.parts[left.next]
	left.n, left.next, right.n = left.n+right.n, right.next, 0
	if left.next >= 0 {
		r.parts[left.next].prev = c.at
		r.consider(c.at)
	}
	if left.prev >= 0 {
		r.consider(left.prev)
	}
}

func (r *spmRun) emit(out []int32, text string) []int32 {
	if m, ok := r.pieces[text]; ok {
		return append(out, m.id)
	}
	for i := range len(text) {
		out = append(out, r.bytes[text[i]])
	}
	return out
}
