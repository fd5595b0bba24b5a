package verify

import (
	"context"
	"fmt"
	"strings"
)

// openChoice is the distance of the best two logits below which engines that
// round in another order may well choose differently.
const openChoice = 0.3

// checkEngine compares the answers of another program with ours. It is asked
// only about files without a fault of their own.
func checkEngine(ctx context.Context, s *Subject) []Finding {
	var fs []Finding
	for _, a := range s.answers(ctx) {
		if len(a.greedy) == 0 {
			continue
		}
		text, err := s.opts.Other(ctx, s.path, a.prompt, smokeTokens)
		if err != nil {
			s.unable(fmt.Errorf("the other program: %w", err))
			return fs
		}
		if _, after, ok := strings.Cut(text, a.prompt); ok {
			text = after // it repeats the prompt
		}
		if step, ok := a.agrees(text, s.pieceOf); !ok {
			fs = append(fs, finding(Error, "after the prompt %q it says %.60q, and should say %.60q; token %d is the first that differs, and the choice is clear by %.2f",
				a.prompt, strings.TrimSpace(text), strings.TrimSpace(a.text), step+1, a.gaps[step]))
		}
	}
	return fs
}

// pieceOf gives the text of tokens.
func (s *Subject) pieceOf(ids []int32) string { return s.probe.decode(ids) }

// agrees reports whether a text begins as the answer does, up to a step where
// the choice is open, and else at which step it does not.
func (a *answer) agrees(text string, decode func([]int32) string) (step int, ok bool) {
	text = strings.TrimLeft(text, " \n")
	for i := range a.greedy {
		ours := strings.TrimLeft(decode(a.greedy[:i+1]), " \n")
		if strings.HasPrefix(text, strings.ToValidUTF8(ours, "")) {
			continue
		}
		if a.gaps[i] < openChoice {
			return i, true
		}
		// A program that stopped early, but not at once, said nothing wrong.
		return i, text != "" && strings.HasPrefix(ours, strings.TrimRight(text, " \n")) && i > 0
	}
	return 0, true
}
