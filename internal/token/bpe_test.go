package token

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// slowBPE is the rule in words: as long as some adjacent pair can be merged,
// merge the one of lowest rank, the leftmost among equals.
func slowBPE(t *Tokenizer, piece string) []int32 {
	if id, ok := t.whole[piece]; ok {
		return []int32{id}
	}
	var ids []int32
	for i := range len(piece) {
		ids = append(ids, t.bytes[piece[i]])
	}
	for {
		best, at := merge{rank: 1 << 30}, -1
		for i := range len(ids) - 1 {
			if m, ok := t.merges[pair{ids[i], ids[i+1]}]; ok && m.rank < best.rank {
				best, at = m, i
			}
		}
		if at < 0 {
			return ids
		}
		ids = slices.Replace(ids, at, at+2, best.id)
	}
}

// encodePiecewise yields the pieces of a text without special tokens.
func (t *Tokenizer) encodePiecewise(text string, yield func(string)) {
	if text != "" {
		t.split.split(text, yield)
	}
}

func TestMerger(t *testing.T) {
	tok := mustNew(t, fixtureVocab(t))
	tok.whole = nil // merges only
	r := rand.New(rand.NewPCG(1, 2))
	var m merger
	for range 5000 {
		piece := make([]byte, 1+r.IntN(40))
		for i := range piece {
			piece[i] = " theandiousrt"[r.IntN(13)]
		}
		got := m.encode(nil, string(piece), &tok.bytes, tok.merges)
		if want := slowBPE(tok, string(piece)); !slices.Equal(got, want) {
			t.Fatalf("%q is %v, want %v", piece, got, want)
		}
	}
}

// TestMergerTies uses merges that make pairs of lower rank, which no trained
// vocabulary has.
func TestMergerTies(t *testing.T) {
	tok := &Tokenizer{merges: mergeTable{
		{'a', 'a'}: {2, 300},
		{300, 'a'}: {1, 301},
		{'b', 'a'}: {0, 302},
		{300, 300}: {3, 303},
	}}
	for i := range tok.bytes {
		tok.bytes[i] = int32(i)
	}
	r := rand.New(rand.NewPCG(3, 4))
	var m merger
	for range 5000 {
		piece := make([]byte, 1+r.IntN(12))
		for i := range piece {
			piece[i] = "aaab"[r.IntN(4)]
		}
		got := m.encode(nil, string(piece), &tok.bytes, tok.merges)
		if want := slowBPE(tok, string(piece)); !slices.Equal(got, want) {
			t.Fatalf("%q is %v, want %v", piece, got, want)
		}
	}
}

func TestBytes(t *testing.T) {
	for b, want := range map[byte]rune{' ': 'Ġ', '\n': 'Ċ', '!': '!', '~': '~', 0: 'Ā', 0x7f: 'ġ', 0xa0: 'ł', 0xad: 'Ń', 0xff: 'ÿ'} {
		if got := byteRune(b); got != want {
			t.Errorf("byte 0x%02x is %U, want %U", b, got, want)
		}
	}
	seen := map[rune]bool{}
	for b := range 256 {
		r := byteRune(byte(b))
		if back, ok := runeByte(r); !ok || back != byte(b) || seen[r] {
			t.Errorf("byte 0x%02x is %U, which is taken or stands for 0x%02x", b, r, back)
		}
		seen[r] = true
	}
	for r := rune(-1); r < 0x3000; r++ {
		if _, ok := runeByte(r); ok != seen[r] {
			t.Errorf("%U stands for a byte: %t", r, ok)
		}
	}
	if _, ok := fromAlphabet("a b"); ok {
		t.Error("a space is of the alphabet")
	}
}
