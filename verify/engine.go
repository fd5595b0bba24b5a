package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/akadata/bitnet-tool/internal/token"
	"github.com/akadata/bitnet-tool/runtime"
)

// engine evaluates a model for checks and baselines, with the best token always
// chosen.
type engine struct {
	model *runtime.Model
	text  *token.Tokenizer
	best  *runtime.Sampler
}

func newEngine(path string, o runtime.Options) (*engine, error) {
	m, err := runtime.Open(path, o)
	if err != nil {
		return nil, err
	}
	e := &engine{model: m}
	if err := e.prepare(); err != nil {
		m.Close()
		return nil, err
	}
	return e, nil
}

func (e *engine) prepare() error {
	var err error
	if _, e.text, err = token.Load(&e.model.File().Meta); err != nil {
		return err
	}
	e.best, err = runtime.NewSampler(runtime.Sampling{})
	return err
}

func (e *engine) close() { e.model.Close() }

// encode gives the tokens of a prompt as the run command does: with BOS as the
// vocabulary says, and special tokens recognised.
func (e *engine) encode(prompt string) []int32 {
	return e.text.Encode(prompt, token.EncodeOptions{AddSpecial: true, ParseSpecial: true})
}

// session starts a session with room for n tokens.
func (e *engine) session(n int) (*runtime.Session, error) {
	if most := e.model.Params().Context; n > most {
		return nil, fmt.Errorf("%w: %d tokens are to be evaluated, the model's context is %d", ErrOption, n, most)
	}
	return e.model.NewSession(runtime.SessionOptions{Context: n})
}

// nll gives the mean negative log-probability of a text in chunks of n tokens,
// as llama.cpp's perplexity tool scores it.
func (e *engine) nll(ctx context.Context, tokens []int32, n int) (float64, error) {
	bos, added := e.text.BOS()
	if !added {
		bos = -1
	}
	r, err := e.model.Perplexity(ctx, tokens, runtime.PerplexityOptions{Context: n, BOS: bos})
	return r.NLL, err
}

// encodeText gives the tokens of a text to be scored, as llama.cpp's perplexity
// tool does: without one line break at its end, and special tokens in it are
// text.
func (e *engine) encodeText(text string) []int32 {
	return e.text.Encode(strings.TrimSuffix(text, "\n"), token.EncodeOptions{AddSpecial: true})
}

// timeUp reports whether err came of the time limit of ctx.
func timeUp(ctx context.Context, err error) bool {
	return errors.Is(err, context.DeadlineExceeded) && errors.Is(context.Cause(ctx), errTime)
}
