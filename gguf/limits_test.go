package gguf

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// The most that the reader accepts: as many keys and tensors as the limits
// allow, with names that together fill what may be held in memory. It takes
// less than 64 MiB and no time that grows with the square of the counts.
func TestLargestHeader(t *testing.T) {
	const n = 65536
	r := v3(n, n)
	for i := range n {
		r.key(fmt.Sprintf("%0128d", i), 0).u8(1)
	}
	for i := range n {
		r.tensor(fmt.Sprintf("%0255d", i), 24, uint64(32*i), 1, 1, 1, 1)
	}
	r.data(32, 32*n)
	var f *File
	var err error
	start := time.Now()
	size := allocated(func() { f, err = r.file() })
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Tensors) != n || f.Meta.Len() != n {
		t.Errorf("%d tensors, %d keys", len(f.Tensors), f.Meta.Len())
	}
	t.Logf("%d bytes allocated in %v", size, time.Since(start))
	if size > 64<<20 {
		t.Errorf("%d bytes allocated", size)
	}
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("took %v", d)
	}
}

// The tokenizers that exist fit: 262,144 tokens, and a template of a megabyte.
func TestLargeVocabulary(t *testing.T) {
	const n = 262144
	r := v3(0, 4).key("tokenizer.chat_template", 8).str(strings.Repeat("x", 1<<20))
	r.array("tokenizer.ggml.tokens", 8, n)
	for i := range n {
		r.str(fmt.Sprintf("token%d", i))
	}
	r.array("tokenizer.ggml.scores", 6, n).hole(4 * n)
	r.array("tokenizer.ggml.token_type", 5, n).hole(4 * n)
	s := r.sparse(0)
	var f *File
	var err error
	if size := allocated(func() { f, err = NewFile(s, s.size) }); err != nil || size > 8<<20 {
		t.Fatalf("%d bytes allocated, %v", size, err)
	}
	tokens, ok, err := Slice[string](&f.Meta, "tokenizer.ggml.tokens")
	if err != nil || !ok || len(tokens) != n || tokens[n-1] != "token262143" {
		t.Errorf("%d tokens, %v, %v", len(tokens), ok, err)
	}
	scores, ok, err := Slice[float32](&f.Meta, "tokenizer.ggml.scores")
	if err != nil || !ok || len(scores) != n {
		t.Errorf("%d scores, %v, %v", len(scores), ok, err)
	}
}
