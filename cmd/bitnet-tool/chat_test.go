package main

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/akadata/bitnet-tool/internal/fixture"
	"github.com/akadata/bitnet-tool/quant"
	"github.com/akadata/bitnet-tool/runtime"
)

// TestChatReusesSession holds a conversation in one session, which keeps what
// it has evaluated, and puts each turn to a new session as well: the answers
// must be the same.
func TestChatReusesSession(t *testing.T) {
	c, err := newCall(&parsed{}, streams{os.Stdin, os.Stdout, os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	m, tok, err := loadModel(c, quantized(t, fixture.BF16(t), quant.I2_S), runtime.Options{}, "")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	start := func() *chat {
		s, err := m.NewSession(runtime.SessionOptions{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := runtime.NewSampler(runtime.Sampling{TopP: 1})
		if err != nil {
			t.Fatal(err)
		}
		return &chat{g: &generator{session: s, sampler: p, tokenizer: tok, max: 6}}
	}
	long := start()
	evaluated := 0
	for i, text := range []string{"Tell me Genesis 1:3.", "And the next?", "And the next?"} {
		fresh := start()
		fresh.messages = append(fresh.messages, long.messages...)
		want, err := fresh.say(t.Context(), text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := long.say(t.Context(), text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.Tokens, got.Tokens); diff != "" {
			t.Errorf("turn %d (-new session +old):\n%s", i, diff)
		}
		if diff := cmp.Diff(want.PromptTokens, got.PromptTokens); diff != "" {
			t.Errorf("prompt of turn %d (-new session +old):\n%s", i, diff)
		}
		if len(got.PromptTokens) <= evaluated {
			t.Errorf("the prompt of turn %d has %d tokens, no more than before", i, len(got.PromptTokens))
		}
		evaluated = len(got.PromptTokens)
	}
}
