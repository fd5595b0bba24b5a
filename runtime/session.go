package runtime

import (
	"context"
	"fmt"

	"github.com/akadata/bitnet-tool/internal/par"
)

const (
	defaultBatch = 512
	maxBatch     = 4096
)

// SessionOptions are how to evaluate. The zero value is fine.
type SessionOptions struct {
	Context int // most tokens the session can hold; 0: as many as the model
	Batch   int // tokens evaluated at once, for speed alone; 0: 512

	// HalfKV keeps keys and values as F16: half of the memory, and more speed
	// where the context is long. The rounding shows in the fourth digit of a
	// logit.
	HalfKV bool

	// Watch, if set, is shown what each step of an evaluation came to: the
	// layer, -1 outside all of them, the tensor that took part last, named as
	// for [arch.Block], and one row a token. It may change x, which the
	// evaluation goes on with, and must not keep it.
	Watch func(layer int, tensor string, x []float32)
}

// Session is one sequence of tokens and what the model made of it. Its memory
// grows with the tokens: two rows of KVHeads·HeadDim numbers a token and layer.
//
// A Session belongs to one goroutine at a time. It needs no closing.
type Session struct {
	model   *Model
	context int
	batch   int
	pos     int // tokens evaluated
	watch   func(layer int, tensor string, x []float32)
	crew    *par.Crew
	cache   cache
	ahead   ahead
	work    work
	best    int // logits that the evaluation at hand is for; 0: all
}

// NewSession starts an empty session. A context beyond the model's, or a batch
// outside 1 to 4,096, is an [ErrOption].
func (m *Model) NewSession(o SessionOptions) (*Session, error) {
	if o.Context == 0 {
		o.Context = m.params.Context
	}
	if o.Batch == 0 {
		o.Batch = defaultBatch
	}
	if o.Context < 1 || o.Context > m.params.Context {
		return nil, fmt.Errorf("%w: context of %d tokens, the model's is 1 to %d", ErrOption, o.Context, m.params.Context)
	}
	if o.Batch < 1 || o.Batch > maxBatch {
		return nil, fmt.Errorf("%w: batch of %d tokens, must be 1 to %d", ErrOption, o.Batch, maxBatch)
	}
	s := m.session(o.Context, min(o.Batch, o.Context), o.HalfKV)
	s.watch = o.Watch
	return s, nil
}

func (m *Model) session(context, batch int, half bool) *Session {
	s := &Session{model: m, context: context, batch: batch, crew: par.NewCrew(m.threads)}
	s.cache.init(m, context, half)
	s.work.init(s)
	s.crew.Idle = s.ahead.fetch
	return s
}

// Model gives the session's model.
func (s *Session) Model() *Model { return s.model }

// Context gives the number of tokens that the session can hold.
func (s *Session) Context() int { return s.context }

// Pos gives the number of tokens evaluated so far.
func (s *Session) Pos() int { return s.pos }

// Eval evaluates tokens after those already there and gives the logits of the
// last one: Vocab numbers, valid until the next call.
//
// It fails with [ErrContextFull] before anything is evaluated if the tokens do
// not fit, with [ErrOption] if there are none or one is not in the vocabulary,
// with ctx's error when ctx is done, which is looked at once a layer, and with
// [ErrFileChanged]. After an error the session is as it was before the call.
func (s *Session) Eval(ctx context.Context, tokens []int32) ([]float32, error) {
	var last []float32
	err := s.eval(ctx, tokens, len(tokens)-1, func(_ int, logits []float32) error {
		last = logits
		return nil
	})
	return last, err
}

// EvalBest is [Session.Eval] for callers that look at the k largest logits only:
// these, and all that equal the last of them, are what Eval gives, and others
// may be -Inf instead. 0 or less is all of them. With a large vocabulary this is
// faster from the ninth call for a model on, see docs/guide/engine.md.
func (s *Session) EvalBest(ctx context.Context, tokens []int32, k int) ([]float32, error) {
	s.best = max(k, 0)
	logits, err := s.Eval(ctx, tokens)
	s.best = 0
	return logits, err
}

// Screened tells how many calls of [Session.EvalBest] did not compute all
// logits, and how many logits they computed in all.
func (s *Session) Screened() (calls, logits int64) {
	return s.work.screen.tokens, s.work.screen.rows
}

// EvalAll is [Session.Eval] with the logits of every token: f is called in
// order, with the position of a token in the session and its logits, which are
// valid during the call. f must not use the session. An error of f ends the
// evaluation and is returned.
func (s *Session) EvalAll(ctx context.Context, tokens []int32, f func(pos int, logits []float32) error) error {
	return s.eval(ctx, tokens, 0, f)
}

// eval evaluates tokens and calls f for those from index first on.
func (s *Session) eval(ctx context.Context, tokens []int32, first int, f func(pos int, logits []float32) error) error {
	if err := s.check(tokens); err != nil {
		return err
	}
	s.crew.Start()
	defer s.crew.Stop()
	start := s.pos
	for done := 0; done < len(tokens); {
		part := tokens[done:min(done+s.batch, len(tokens))]
		err := s.forward(ctx, part)
		for at := max(first-done, 0); err == nil && at < len(part); at += headTokens {
			err = s.logits(at, min(at+headTokens, len(part)), f)
		}
		if err != nil {
			s.pos = start
			return err
		}
		done += len(part)
		s.pos = start + done
	}
	return nil
}

func (s *Session) check(tokens []int32) error {
	if len(tokens) == 0 {
		return fmt.Errorf("%w: no tokens to evaluate", ErrOption)
	}
	if len(tokens) > s.context-s.pos {
		return fmt.Errorf("%w: %d tokens do not fit, %d of %d are taken", ErrContextFull, len(tokens), s.pos, s.context)
	}
	return s.model.checkTokens(tokens)
}

func (m *Model) checkTokens(tokens []int32) error {
	for i, id := range tokens {
		if id < 0 || int(id) >= m.params.Vocab {
			return fmt.Errorf("%w: token %d is %d, the vocabulary has 0 to %d", ErrOption, i, id, m.params.Vocab-1)
		}
	}
	return nil
}

// Rewind forgets all tokens from position pos on, so that others can follow. A
// position beyond [Session.Pos] is an [ErrOption].
func (s *Session) Rewind(pos int) error {
	if pos < 0 || pos > s.pos {
		return fmt.Errorf("%w: rewind to position %d of %d", ErrOption, pos, s.pos)
	}
	s.pos = pos
	return nil
}

// Fork gives a second session with the same tokens. The two share nothing but
// the model. The error is for implementations to come; it is nil now.
func (s *Session) Fork() (*Session, error) {
	f := s.model.session(s.context, s.batch, s.cache.half)
	f.pos, f.watch = s.pos, s.watch
	f.cache.copy(&s.cache, s.pos)
	return f, nil
}
