package runtime

import (
	"context"
	"iter"
)

// Stop says when [Generate] ends. The end of the session's context and the
// caller's ctx end it too.
type Stop struct {
	EOG func(id int32) bool // reports tokens that end the text; nil: none does
	Max int                 // most tokens to generate; 0: no limit
}

// Generate evaluates prompt in s and continues it, one token at a time. It can
// be iterated over once; leaving the loop early is fine.
//
// Why it ended can be told from the last pair it gave:
//
//	a token for which Stop.EOG holds   the model ended the text: eos, eot …
//	a token, the Max'th                length
//	ErrContextFull                     the context is full
//	the error of ctx                   interrupted
//	another error                      evaluation failed
//
// A token that ends the text is given like any other. The last token given has
// not been evaluated, so the session ends before it.
func Generate(ctx context.Context, s *Session, p *Sampler, prompt []int32, stop Stop) iter.Seq2[int32, error] {
	return func(yield func(int32, error) bool) {
		next, one := prompt, make([]int32, 1)
		for n := 1; ; n++ {
			logits, err := s.EvalBest(ctx, next, p.best())
			var id int32
			if err == nil {
				id, err = p.Sample(logits)
			}
			if err != nil {
				yield(0, err)
				return
			}
			if !yield(id, nil) || n == stop.Max || stop.EOG != nil && stop.EOG(id) {
				return
			}
			one[0], next = id, one
		}
	}
}
